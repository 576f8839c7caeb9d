//! Which table, and which bucket, a command works on.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::app::App;
use crate::config::Config;
use crate::domain::{Actor, ClientId};
use crate::local::table::Table;
use crate::local::{Trouble, listen};

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
    #[arg(long, help_heading = "Table")]
    aws: bool,
}

// The same with the bucket of pictures. (A comment for rustdoc would become the text of every command.)
#[derive(Debug, Args)]
pub(super) struct Whole {
    #[command(flatten)]
    target: Target,

    /// Where the server that holds the folder has its S3
    #[arg(long, env = "ROSTER_S3_LISTEN", value_name = "ADDRESS:PORT", default_value = super::serve::S3)]
    #[arg(value_parser = |text: &str| super::serve::address_or(text, super::serve::S3), help_heading = "Table")]
    s3_listen: SocketAddr,
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
        let table = self.point(&mut config)?;
        Reached::at(&config, table).await
    }

    /// Points `config` at the table.
    pub(super) fn point(&self, config: &mut Config) -> Result<Option<Table>, Trouble> {
        if self.aws {
            (config.dynamodb_credentials, config.s3_credentials) = (None, None);
            return Ok(None);
        }
        Table::open(config, &self.data, self.dynamodb_listen).map(Some)
    }
}

impl Whole {
    pub(super) async fn reach(&self) -> Result<Reached, Box<dyn std::error::Error>> {
        let mut config = Config::local_from_env(None)?;
        let table = self.point(&mut config)?;
        Reached::at(&config, table).await
    }

    /// Points `config` at table and bucket.
    pub(super) fn point(&self, config: &mut Config) -> Result<Option<Table>, Trouble> {
        let Some(mut table) = self.target.point(config)? else { return Ok(None) };
        if config.s3_endpoint.is_none() {
            // An engine of this process is gone before anyone follows a link; the server is where it was.
            config.avatars.public_endpoint.get_or_insert_with(|| listen::url(self.s3_listen));
        }
        table.open_bucket(config, &self.target.data, self.s3_listen)?;
        Ok(Some(table))
    }

    /// Points `config` at the server's addresses, whether or not there is one.
    pub(super) fn point_at_server(&self, config: &mut Config) {
        config.dynamodb_endpoint.get_or_insert_with(|| listen::url(self.target.dynamodb_listen));
        config.s3_endpoint.get_or_insert_with(|| listen::url(self.s3_listen));
    }

    /// The folder, and whether it is AWS instead.
    pub(super) fn place(&self) -> (&Path, bool) {
        (&self.target.data, self.target.aws)
    }
}

impl Reached {
    async fn at(config: &Config, table: Option<Table>) -> Result<Self, Box<dyn std::error::Error>> {
        let app = App::new(config).await?;
        if table.as_ref().is_some_and(Table::is_embedded) {
            app.store.create_table().await.map_err(|error| super::plainly(&error))?;
        }
        if table.as_ref().is_some_and(Table::has_bucket) {
            app.avatars.create_bucket().await.map_err(|error| super::plainly(&error))?;
        }
        Ok(Self { app, actor: Actor::all_powerful(ClientId::anonymous()), _table: table })
    }
}
