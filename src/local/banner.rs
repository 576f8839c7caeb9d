//! What `roster serve` says on standard output: its progress, where everything is, and something to try.

use std::fmt::Display;
use std::io::{self, Write};
use std::time::Instant;

use crate::config::{LOCAL_CREDENTIALS, LOCAL_REGION};

/// A piece of work that takes a moment: said when it begins, and again when it is done.
pub(super) struct Step(Option<Instant>);

impl Step {
    /// Says what is being done.
    pub(super) fn begin(doing: impl Display) -> Self {
        say(format_args!("{doing} ... "));
        Self(Some(Instant::now()))
    }

    /// Says how long it took.
    pub(super) fn done(mut self) {
        if let Some(began) = self.0.take() {
            say(format_args!("{} ms\n", began.elapsed().as_millis()));
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if self.0.is_some() {
            say("failed\n");
        }
    }
}

/// Prints `text` at once. Nobody need listen: a closed output is no reason to stop.
pub(super) fn say(text: impl Display) {
    let mut output = io::stdout().lock();
    let _ = write!(output, "{text}").and_then(|()| output.flush());
}

/// Prints one line on standard error, as the command line prints its errors.
pub(super) fn complain(line: impl Display) {
    let _ = writeln!(io::stderr(), "roster: {line}");
}

/// Where things are, as far as a user wants to know.
pub(super) struct Places {
    pub(super) api: String,
    /// Whether it lets in everybody.
    pub(super) is_open: bool,
    pub(super) dynamodb: Place,
    pub(super) s3: Place,
    /// Whether one of them is embedded, and takes the local keys.
    pub(super) embedded: bool,
    /// Makes the example's user name new, so that the lines work after each start.
    pub(super) mark: u16,
    /// Whose tokens are asked for, if any are.
    pub(super) auth: Option<String>,
    /// The command that prints a token.
    pub(super) token: Option<String>,
}

/// An engine, or an endpoint in its stead.
pub(super) struct Place {
    pub(super) url: String,
    pub(super) holds: String,
    pub(super) kept: String,
}

impl Display for Places {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { api, is_open, dynamodb, s3, embedded, mark, auth, token } = self;
        let version = env!("CARGO_PKG_VERSION");
        writeln!(f, "\nRoster {version} is ready.\n")?;
        writeln!(f, "  API       {api}   described in {api}/openapi.json, to try at {api}/docs")?;
        writeln!(f, "  console   {api}/")?;
        if *is_open {
            writeln!(f, "  sign-in   none: whoever can reach it may do everything (ROSTER_AUTH=open)")?;
        }
        writeln!(f, "  DynamoDB  {}   {}, {}", dynamodb.url, dynamodb.holds, dynamodb.kept)?;
        writeln!(f, "  S3        {}   {}, {}", s3.url, s3.holds, s3.kept)?;
        if *embedded {
            let (key, secret) = (LOCAL_CREDENTIALS.access_key, LOCAL_CREDENTIALS.secret_key);
            let keys = format_args!("AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY={secret} AWS_REGION={LOCAL_REGION}");
            writeln!(f, "  keys      {keys}")?;
        }
        if let Some(auth) = auth {
            writeln!(f, "  tokens    of {auth}")?;
        }
        writeln!(f, "\nTry it (create a user, read it, change it):\n")?;
        let user = format_args!(
            r#"{{"userName":"ada-{mark:04x}","firstName":"Ada","lastName":"Lovelace","password":"plum-orchard-in-fog"}}"#
        );
        let json = "-H 'content-type: application/json'";
        if let Some(command) = token {
            writeln!(f, "  token=$({command})")?;
        }
        let bearer = if auth.is_some() { r#" -H "authorization: Bearer $token""# } else { "" };
        writeln!(
            f,
            r#"  id=$(curl -s {api}/users{bearer} {json} -d '{user}' | sed 's/.*"id":"\([^"]*\)".*/\1/'); echo $id"#
        )?;
        writeln!(f, "  curl -i {api}/users/$id{bearer}")?;
        writeln!(f, r#"  curl -i -X PATCH {api}/users/$id{bearer} {json} -d '{{"lastName":"King"}}'"#)?;
        writeln!(f, "\nCtrl-C ends it.\n")
    }
}
