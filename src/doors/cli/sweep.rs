//! `roster sweep-avatars`: the bucket without what nobody refers to.

use std::io::{self, Write};

use clap::Args;

use super::target::{Reached, Whole};
use crate::operations::{self, Sweep, Swept};

#[derive(Debug, Args)]
pub(super) struct Flags {
    #[command(flatten)]
    whole: Whole,

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
        let Reached { app, actor, .. } = &self.whole.reach().await?;
        let tell = |verb: &'static str| {
            move |Swept { owners, unknown, objects }: Swept| {
                let line = format!("{owners} owners of pictures, {unknown} of them no users, {objects} objects {verb}");
                let _ = writeln!(io::stderr(), "{line}");
            }
        };
        let looked = operations::sweep_avatars(app, actor, Sweep::Look, tell("to be removed")).await;
        let looked = looked.map_err(|error| super::plainly(&error))?;
        if self.dry_run {
            return Ok(());
        }
        if looked.is_doubtful() && !self.yes {
            let Swept { owners, unknown, .. } = looked;
            let (table, bucket) = (app.store.table(), app.avatars.bucket());
            return Err(format!(
                "{unknown} of {owners} owners of pictures in the bucket {bucket} are no users of the table {table}: do the two \
                 belong together? Then add --yes; nothing was removed"
            )
            .into());
        }
        let swept = operations::sweep_avatars(app, actor, Sweep::Remove, tell("removed")).await;
        swept.map(|_| ()).map_err(|error| super::plainly(&error).into())
    }
}
