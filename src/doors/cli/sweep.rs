//! `roster sweep-avatars`: the bucket without what nobody refers to.

use std::io::{self, Write};
use std::net::SocketAddr;

use clap::Args;

use super::serve::{DYNAMODB, S3, address_or};
use crate::app::App;
use crate::config::Config;
use crate::domain::{Actor, ClientId};
use crate::local::listen;
use crate::operations::{self, Sweep, Swept};

#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "`--help` prints these lines as they are")]
pub(super) struct Flags {
    /// Where the running server has its DynamoDB (unused with AWS_ENDPOINT_URL_DYNAMODB or --aws)
    #[arg(long, env = "ROSTER_DYNAMODB_LISTEN", value_name = "ADDRESS:PORT", default_value = DYNAMODB)]
    #[arg(value_parser = |text: &str| address_or(text, DYNAMODB))]
    dynamodb_listen: SocketAddr,

    /// Where the running server has its S3 (unused with AWS_ENDPOINT_URL_S3 or --aws)
    #[arg(long, env = "ROSTER_S3_LISTEN", value_name = "ADDRESS:PORT", default_value = S3)]
    #[arg(value_parser = |text: &str| address_or(text, S3))]
    s3_listen: SocketAddr,

    /// The table ROSTER_TABLE and the bucket ROSTER_BUCKET on AWS, with AWS_REGION and the credentials of the environment
    #[arg(long, conflicts_with_all = ["dynamodb_listen", "s3_listen"])]
    aws: bool,

    /// Count what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,

    /// Remove even if most owners of pictures are no users of the table, as where table and bucket do not belong together
    #[arg(long)]
    yes: bool,
}

impl Flags {
    pub(super) fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(self.sweep())
    }

    async fn sweep(self) -> Result<(), Box<dyn std::error::Error>> {
        let mut config = Config::local_from_env(None)?;
        if self.aws {
            (config.dynamodb_credentials, config.s3_credentials) = (None, None);
        } else {
            config.dynamodb_endpoint.get_or_insert_with(|| listen::url(self.dynamodb_listen));
            config.s3_endpoint.get_or_insert_with(|| listen::url(self.s3_listen));
        }
        let app = App::new(&config).await?;
        let actor = Actor::all_powerful(ClientId::anonymous());
        let tell = |verb: &'static str| {
            move |Swept { owners, unknown, objects }: Swept| {
                let line = format!("{owners} owners of pictures, {unknown} of them no users, {objects} objects {verb}");
                let _ = writeln!(io::stderr(), "{line}");
            }
        };
        let looked = operations::sweep_avatars(&app, &actor, Sweep::Look, tell("to be removed")).await;
        let looked = looked.map_err(|error| super::plainly(&error))?;
        if self.dry_run {
            return Ok(());
        }
        if looked.is_doubtful() && !self.yes {
            let Swept { owners, unknown, .. } = looked;
            let (table, bucket) = (&config.table, &config.bucket);
            return Err(format!(
                "{unknown} of {owners} owners of pictures in the bucket {bucket} are no users of the table {table}: do the two \
                 belong together? Then add --yes; nothing was removed"
            )
            .into());
        }
        let swept = operations::sweep_avatars(&app, &actor, Sweep::Remove, tell("removed")).await;
        swept.map(|_| ()).map_err(|error| super::plainly(&error).into())
    }
}
