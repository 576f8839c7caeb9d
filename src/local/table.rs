//! The table for commands that need no server.

use std::net::SocketAddr;
use std::path::Path;

use super::data::DataFolder;
use super::dynamodb::{DynamoDb, Storage};
use super::{Trouble, listen};
use crate::config::Config;

/// A DynamoDB engine of this process, if one was needed. When dropped, the folder goes last.
pub struct Table {
    engine: Option<DynamoDb>,
    _data: Option<DataFolder>,
}

impl Table {
    /// Points `config` at a table: at its own endpoint if it has one, else at the data folder's engine, started here, or
    /// at `running` where a server holds the folder.
    pub fn open(config: &mut Config, folder: &Path, running: SocketAddr) -> Result<Self, Trouble> {
        if config.dynamodb_endpoint.is_some() {
            return Ok(Self { engine: None, _data: None });
        }
        match DataFolder::open(folder) {
            Ok(data) => {
                let listener = listen::bind(listen::FREE_LOOPBACK_PORT, "--data")?;
                let engine = DynamoDb::start(listener, &Storage::File(data.dynamodb()))?;
                config.dynamodb_endpoint = Some(engine.url());
                Ok(Self { engine: Some(engine), _data: Some(data) })
            }
            Err(Trouble::InUse { .. }) => {
                config.dynamodb_endpoint = Some(listen::url(running));
                Ok(Self { engine: None, _data: None })
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Whether the table is this process's own, and so its to create.
    pub fn is_embedded(&self) -> bool {
        self.engine.is_some()
    }
}
