//! `roster doctor`: all that is wrong, and how to mend it.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::Outcome;
use super::target::Whole;
use crate::clock::Clock;
use crate::config::{Config, Mistakes};
use crate::operations::{Finding, Verdict, diagnose};

pub(super) const HELP: &str = "\
It looks at the configuration, the table, its indexes, time to live, stream and guards, the bucket and its rules, what this
caller may do (by reading what is not there, and by writes that no item can meet the condition of), the clock and, where
they are configured, the issuer of tokens, the pepper and the bus. It leaves nothing behind, prints no secret, and goes on
after what is wrong.
Exit code: 0 all is well, 1 there are warnings, 2 something is wrong (or the call is). What an engine cannot tell is `unknown`,
which is no warning.

Examples:
  roster doctor                          the data folder, or the server that runs on it
  ROSTER_TABLE=users ROSTER_BUCKET=pictures AWS_REGION=eu-west-1 roster doctor --aws
  roster doctor --json | jq -r '.findings[] | select(.mend) | .mend'";

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
pub(super) struct Flags {
    /// Print one JSON object: `verdict` and `findings`, each with `check`, `verdict`, `told` and `mend`
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    whole: Whole,
}

impl Flags {
    pub(super) fn run(self) -> Outcome {
        let findings = tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(self.examine());
        if self.json {
            as_json(&findings)?;
        } else {
            as_lines(&findings)?;
        }
        Ok(ExitCode::from(match worst(&findings) {
            Verdict::Ok | Verdict::Unknown => 0,
            Verdict::Warning => 1,
            Verdict::Wrong => 2,
        }))
    }

    async fn examine(&self) -> Vec<Finding> {
        let (config, Mistakes(sentences)) = Config::partly_from_env();
        let mend = "set it so, or unset it; README.md tells what it means";
        let mut findings: Vec<Finding> =
            sentences.iter().map(|sentence| Finding::wrong("configuration", sentence, mend)).collect();
        let Some(mut config) = config else { return findings };
        if findings.is_empty() {
            findings.push(Finding::ok("configuration", "without a mistake"));
        }
        config.call_timeout = PATIENCE;
        let (folder, is_aws) = self.whole.place();
        // Opening a folder would make it.
        let is_folder_needed = !is_aws && (config.dynamodb_endpoint.is_none() || config.s3_endpoint.is_none());
        let is_embedded = !is_aws && config.dynamodb_endpoint.is_none();
        let reached = if is_folder_needed && !is_filled(folder) {
            self.whole.point_at_server(&mut config);
            Ok(None)
        } else {
            self.whole.point(&mut config)
        };
        match reached {
            Ok(_engines) => findings.extend(diagnose(&config, is_embedded, Clock::system()).await),
            Err(trouble) => {
                let mend = "name another folder by --data, or mend this one";
                findings.push(Finding::wrong("data", trouble.to_string(), mend));
            }
        }
        findings
    }
}

/// Whether a server has been at home in a folder.
fn is_filled(folder: &Path) -> bool {
    folder.join("dynamodb.db").is_file() && folder.join("s3").is_dir() && folder.join("lock").is_file()
}

fn worst(findings: &[Finding]) -> Verdict {
    findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok)
}

fn as_json(findings: &[Finding]) -> io::Result<()> {
    let all = findings.iter().map(|Finding { check, verdict, told, mend }| {
        json!({"check": check, "verdict": verdict.word(), "told": told, "mend": mend})
    });
    let all: Vec<Value> = all.collect();
    writeln!(io::stdout(), "{}", json!({"verdict": worst(findings).word(), "findings": all}))
}

fn as_lines(findings: &[Finding]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or_default();
    for Finding { check, verdict, told, mend } in findings {
        writeln!(out, "{:<7}  {check:<width$}  {told}", verdict.word())?;
        if let Some(mend) = mend {
            writeln!(out, "{:<7}  {:<width$}  -> {mend}", "", "")?;
        }
    }
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let (wrong, warnings) = (count(Verdict::Wrong), count(Verdict::Warning));
    writeln!(out, "\n{} looked at: {wrong} wrong, {warnings} to be warned of", findings.len())
}
