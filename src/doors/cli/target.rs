//! Which table a command works on.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::app::App;
use crate::config::Config;
use crate::domain::{Actor, ClientId};
use crate::local::table::Table;

#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "`--help` prints these lines as they are")]
pub(super) struct Target {
    /// The data folder of `roster serve`, whether or not it runs (unused with AWS_ENDPOINT_URL_DYNAMODB or --aws)
    #[arg(long, env = "ROSTER_DATA", value_name = "FOLDER", default_value = ".roster", help_heading = "Table")]
    data: PathBuf,

    /// Where the server that holds the folder has its DynamoDB
    #[arg(long, env = "ROSTER_DYNAMODB_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8001")]
    #[arg(value_parser = |text: &str| super::serve::address_or(text, super::serve::DYNAMODB), help_heading = "Table")]
    dynamodb_listen: SocketAddr,

    /// The table ROSTER_TABLE in DynamoDB, with AWS_REGION and the credentials of the environment
    #[arg(long, help_heading = "Table", conflicts_with_all = ["data", "dynamodb_listen"])]
    aws: bool,
}

/// A table within reach.
pub(super) struct Reached {
    pub(super) app: App,
    pub(super) actor: Actor,
    _table: Option<Table>,
}

impl Target {
    pub(super) async fn reach(&self) -> Result<Reached, Box<dyn std::error::Error>> {
        let mut config = Config::local_from_env(None)?;
        let table = if self.aws {
            (config.dynamodb_credentials, config.s3_credentials) = (None, None);
            None
        } else {
            Some(Table::open(&mut config, &self.data, self.dynamodb_listen)?)
        };
        let app = App::new(&config).await?;
        if table.as_ref().is_some_and(Table::is_embedded) {
            app.store.create_table().await.map_err(|error| super::plainly(&error))?;
        }
        Ok(Reached { app, actor: Actor::all_powerful(ClientId::anonymous()), _table: table })
    }
}
