//! The engines of `roster serve`: which of them run in this process, where they listen, and where they keep data.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use super::banner::Step;
use super::data::DataFolder;
use super::serve::Options;
use super::watched::Events;
use super::{DynamoDb, S3, Trouble, dynamodb, listen, s3};
use crate::config::Config;

/// The addresses, bound before anything else is done.
pub(super) struct Listeners {
    api: TcpListener,
    dynamodb: Option<TcpListener>,
    s3: Option<TcpListener>,
}

impl Listeners {
    /// Binds the API's address, and that of each engine unless `config` names an endpoint in its stead.
    pub(super) fn bind(options: &Options, config: &Config) -> Result<Self, Trouble> {
        let unless = |elsewhere: &Option<String>, address, flag| match elsewhere {
            Some(_) => Ok(None),
            None => listen::bind(address, flag).map(Some),
        };
        Ok(Self {
            api: listen::bind(options.listen, "--listen")?,
            dynamodb: unless(&config.dynamodb_endpoint, options.dynamodb_listen, "--dynamodb-listen")?,
            s3: unless(&config.s3_endpoint, options.s3_listen, "--s3-listen")?,
        })
    }

    /// Returns a line about the addresses that other machines can reach without a sign-in, if there are any; the engines
    /// have none, and the API only if it `is_open`.
    pub(super) fn warning(&self, is_open: bool) -> Option<String> {
        let all = [is_open.then_some(&self.api), self.dynamodb.as_ref(), self.s3.as_ref()];
        warning(all.into_iter().flatten().filter_map(|listener| listener.local_addr().ok()))
    }
}

fn warning(addresses: impl Iterator<Item = SocketAddr>) -> Option<String> {
    let reachable: Vec<String> = addresses.filter(|a| !a.ip().is_loopback()).map(|a| a.to_string()).collect();
    let reachable = (!reachable.is_empty()).then(|| reachable.join(" and "))?;
    Some(format!("warning: whoever can reach {reachable} may read and change everything: there is no sign-in"))
}

/// The engines that run in this process. When dropped, the folder goes last.
pub(super) struct Engines {
    pub(super) dynamodb: Option<DynamoDb>,
    pub(super) s3: Option<S3>,
    data: Option<DataFolder>,
}

impl Engines {
    /// Starts an engine for each listener, in `folder` or else in memory; `events` hear of finished uploads. Hands back the API's listener.
    pub(super) fn start(
        listeners: Listeners,
        folder: Option<&Path>,
        events: Events,
    ) -> Result<(TcpListener, Self), Trouble> {
        let Listeners { api, dynamodb, s3 } = listeners;
        let folder = folder.filter(|_| dynamodb.is_some() || s3.is_some());
        let data = folder.map(DataFolder::open).transpose()?;
        let dynamodb = dynamodb.map(|listener| {
            let step = Step::begin("Starting DynamoDB");
            let file = data.as_ref().map(DataFolder::dynamodb);
            let engine = DynamoDb::start(listener, &file.map_or(dynamodb::Storage::Memory, dynamodb::Storage::File))?;
            step.done();
            Ok::<_, Trouble>(engine)
        });
        let dynamodb = dynamodb.transpose()?;
        let s3 = s3.map(|listener| {
            let step = Step::begin("Starting S3");
            let folder = data.as_ref().map(DataFolder::s3);
            let engine =
                S3::start(listener, &folder.map_or(s3::Storage::Temporary, s3::Storage::Folder), Some(events))?;
            step.done();
            Ok::<_, Trouble>(engine)
        });
        let s3 = s3.transpose()?;
        Ok((api, Self { dynamodb, s3, data }))
    }

    /// Makes `config` point at the engines.
    pub(super) fn tell(&self, config: &mut Config) {
        if let Some(engine) = &self.dynamodb {
            config.dynamodb_endpoint = Some(engine.url());
        }
        if let Some(engine) = &self.s3 {
            config.s3_endpoint = Some(engine.url());
        }
    }

    /// Says where the embedded DynamoDB keeps its data.
    pub(super) fn dynamodb_kept(&self) -> Option<String> {
        let file = self.data.as_ref().map(DataFolder::dynamodb);
        self.dynamodb.as_ref().map(|_| file.map_or("in memory".to_owned(), |file| format!("in {}", file.display())))
    }

    /// Says where the embedded S3 keeps its data.
    pub(super) fn s3_kept(&self) -> Option<String> {
        let folder = self.data.as_ref().map(DataFolder::s3);
        let kept = folder.map_or("in a temporary folder".to_owned(), |folder| format!("in {}", folder.display()));
        self.s3.as_ref().map(|_| kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_beyond_this_machine_are_warned_of() {
        let told = |addresses: &[&str]| warning(addresses.iter().map(|address| address.parse().unwrap()));
        assert_eq!(told(&["127.0.0.1:8000", "[::1]:8001", "127.0.0.2:8002"]), None);
        let warning = told(&["0.0.0.0:8000", "127.0.0.1:8001", "[::]:8002"]).unwrap();
        assert!(warning.contains(" 0.0.0.0:8000 and [::]:8002 "), "{warning}");
    }
}
