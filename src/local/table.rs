//! The table, and the bucket, for commands that need no server.

use std::net::SocketAddr;
use std::path::Path;

use super::data::DataFolder;
use super::dynamodb::{DynamoDb, Storage};
use super::s3::{self, S3};
use super::{Trouble, listen};
use crate::config::Config;

/// Engines of this process, those that were needed. When dropped, the folder goes last.
pub struct Table {
    engine: Option<DynamoDb>,
    bucket: Option<S3>,
    data: Option<DataFolder>,
}

impl Table {
    /// Points `config` at a table: at its own endpoint if it has one, else at the data folder's engine, started here, or
    /// at `running` where a server holds the folder.
    pub fn open(config: &mut Config, folder: &Path, running: SocketAddr) -> Result<Self, Trouble> {
        if config.dynamodb_endpoint.is_some() {
            return Ok(Self { engine: None, bucket: None, data: None });
        }
        match DataFolder::open(folder) {
            Ok(data) => {
                let listener = listen::bind(listen::FREE_LOOPBACK_PORT, "--data")?;
                let engine = DynamoDb::start(listener, &Storage::File(data.dynamodb()))?;
                config.dynamodb_endpoint = Some(engine.url());
                Ok(Self { engine: Some(engine), bucket: None, data: Some(data) })
            }
            Err(Trouble::InUse { .. }) => {
                config.dynamodb_endpoint = Some(listen::url(running));
                Ok(Self { engine: None, bucket: None, data: None })
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Points `config` at the bucket of the same folder, likewise.
    pub fn open_bucket(&mut self, config: &mut Config, folder: &Path, running: SocketAddr) -> Result<(), Trouble> {
        if config.s3_endpoint.is_some() {
            return Ok(());
        }
        // A table that is elsewhere left the folder alone.
        if self.data.is_none() {
            match DataFolder::open(folder) {
                Ok(data) => self.data = Some(data),
                Err(Trouble::InUse { .. }) => {}
                Err(trouble) => return Err(trouble),
            }
        }
        let Some(data) = &self.data else {
            config.s3_endpoint = Some(listen::url(running));
            return Ok(());
        };
        let listener = listen::bind(listen::FREE_LOOPBACK_PORT, "--data")?;
        let engine = S3::start(listener, &s3::Storage::Folder(data.s3()), None)?;
        config.s3_endpoint = Some(engine.url());
        self.bucket = Some(engine);
        Ok(())
    }

    /// Whether the bucket is this process's own, and so its to create.
    pub fn has_bucket(&self) -> bool {
        self.bucket.is_some()
    }

    /// Whether the table is this process's own, and so its to create.
    pub fn is_embedded(&self) -> bool {
        self.engine.is_some()
    }
}
