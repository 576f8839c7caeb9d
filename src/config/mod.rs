//! All configuration, read once: the only place that looks at the environment.

mod auth;
mod avatars;
mod door;
mod events;
mod lists;
#[cfg(feature = "local")]
mod partly;
mod passwords;
mod quota;
mod reader;
mod traces;
mod warm_up;

pub use auth::{Auth, Principals, Tokens};
pub use door::Door;
pub use events::EventSettings;

use std::time::Duration;

pub use passwords::Passwords;

use crate::quotas::Plan;
pub use avatars::AvatarSettings;
pub use lists::Lists;
use reader::Reader;
pub use traces::Traces;
pub use warm_up::WarmUp;

/// Looks up an environment variable by name.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Static credentials for the embedded engines.
#[derive(Clone, Copy, Debug)]
pub struct StaticCredentials {
    /// Access key id.
    pub access_key: &'static str,
    /// Secret access key.
    pub secret_key: &'static str,
}

/// The issuer that local mode is itself, where the environment names none, and the audience of its tokens.
pub const LOCAL_ISSUER: &str = "roster-local";
/// See [`LOCAL_ISSUER`].
pub const LOCAL_AUDIENCE: &str = "roster";
/// What local mode uses where the environment says nothing: table, bucket, region and keys.
pub const LOCAL_TABLE: &str = "roster";
/// See [`LOCAL_TABLE`].
pub const LOCAL_BUCKET: &str = "roster-avatars";
/// See [`LOCAL_TABLE`].
pub const LOCAL_REGION: &str = "us-east-1";
/// See [`LOCAL_TABLE`].
pub const LOCAL_CREDENTIALS: StaticCredentials = StaticCredentials { access_key: "local", secret_key: "local-secret" };

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Config {
    /// `ROSTER_TABLE`: the DynamoDB table. Required on Lambda.
    pub table: String,
    /// `ROSTER_BUCKET`: the S3 bucket of avatars. Required on Lambda.
    pub bucket: String,
    /// `AWS_REGION`: required on Lambda.
    pub region: String,
    /// `AWS_ENDPOINT_URL_DYNAMODB`: another DynamoDB endpoint.
    pub dynamodb_endpoint: Option<String>,
    /// `AWS_ENDPOINT_URL_S3`: another S3 endpoint.
    pub s3_endpoint: Option<String>,
    /// `AWS_ENDPOINT_URL_SSM`: another Systems Manager endpoint.
    pub ssm_endpoint: Option<String>,
    /// `SSL_CERT_FILE`: a PEM bundle of certificate authorities, beside Amazon's for calls to AWS, beside the machine's for
    /// issuers, and in place of the machine's for collectors.
    pub extra_roots: Option<String>,
    /// Credentials for DynamoDB that replace the environment's; only for the embedded engine.
    pub dynamodb_credentials: Option<StaticCredentials>,
    /// Credentials for S3 that replace the environment's; only for the embedded engine.
    pub s3_credentials: Option<StaticCredentials>,
    /// How long one call to DynamoDB or S3 may take, with its retries: 5 s on Lambda, where the function ends at 15 s, so
    /// that a dependency that hangs is answered by us and not by the sandbox's end; 10 s in local mode.
    pub call_timeout: Duration,
    /// `ROSTER_AUTH`: `jwt` or `iam` on Lambda, where it is required; `open`, the default, or `jwt` in local mode.
    pub auth: Auth,
    /// Whether someone chose `auth`, by `ROSTER_AUTH` or `--auth`; local mode is open to other machines only then.
    pub auth_is_chosen: bool,
    /// `ROSTER_JWT_…`: which tokens are accepted; see [`Tokens`]. Without an issuer local mode is its own.
    pub tokens: Option<Tokens>,
    /// `ROSTER_IAM_SCOPES`: what principals may do, as a JSON object such as
    /// `{"arn:aws:sts::123456789012:assumed-role/billing": "users:read", "default": ""}`. Default: everything.
    pub principals: Principals,
    /// `ROSTER_QUOTAS`: how much callers may do, as a JSON object of client ids (or `default`) and policies such as
    /// `{"quota": 600, "window": 60, "burst": 100, "operations": "reads"}`. Default: no quotas.
    ///
    /// `ROSTER_QUOTAS_CLOSED`: operations that are refused while quotas cannot be counted, or `all`, or `none`. Default
    /// `verify_password`.
    pub quotas: Plan,
    /// How the HTTP door behaves; see [`Door`].
    pub door: Door,
    /// `ROSTER_REQUIRE_IF_MATCH`: `true` refuses a change without `If-Match` by 428, but for a change of password: that leaves
    /// the version as it is, and the current password guards it. Default `false`.
    pub require_if_match: bool,
    /// `ROSTER_WARM_UP`: what a function does ahead of its first request; see [`WarmUp`].
    pub warm_up: WarmUp,
    /// Passwords: policy, tries, hashing.
    pub passwords: Passwords,
    /// Shape and cost of lists.
    pub lists: Lists,
    /// What can be set about avatars.
    pub avatars: AvatarSettings,
    /// Where changes are told.
    pub events: EventSettings,
    /// `ROSTER_LOG`: `error`, `warn`, `info`, `debug` or `trace`, or targets with levels. Default: Lambda's own
    /// `AWS_LAMBDA_LOG_LEVEL`, or `info`. On Lambda the requests' lines, in which the metrics are, pass at every level
    /// unless they are named: `error,roster::request=off`.
    pub log: String,
    /// `ROSTER_LOG_FORMAT`: `json` or `text`. Default `json` on Lambda, `text` elsewhere.
    pub log_json: bool,
    /// `ROSTER_METRICS`: the CloudWatch namespace of the metrics in JSON logs, or `off`. Default `Roster` on Lambda, off
    /// elsewhere.
    pub metrics: Option<String>,
    /// Where spans go, if anywhere.
    pub traces: Option<Traces>,
}

/// Every mistake in the configuration, one sentence each.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct Mistakes(pub Vec<String>);

impl Config {
    /// Reads the configuration of a Lambda function.
    pub fn from_env() -> Result<Self, Mistakes> {
        Self::for_lambda(&environment)
    }

    /// Reads the configuration of the `roster` command, which has a default for everything; `auth`, if it is said, goes
    /// before `ROSTER_AUTH`.
    pub fn local_from_env(auth: Option<&str>) -> Result<Self, Mistakes> {
        Self::for_local(&|name| match auth {
            Some(auth) if name == "ROSTER_AUTH" => Some(auth.to_owned()),
            _ => environment(name),
        })
    }

    /// Reads the configuration of a Lambda function from any source of variables.
    pub fn for_lambda(lookup: Lookup<'_>) -> Result<Self, Mistakes> {
        let mut reader = Reader::new(lookup);
        let auth = auth::on_lambda(&mut reader);
        if auth == Auth::Jwt {
            reader.required("ROSTER_JWT_ISSUER");
        }
        let table = reader.required("ROSTER_TABLE");
        let bucket = reader.required("ROSTER_BUCKET");
        let region = reader.required("AWS_REGION");
        let setting =
            Setting { auth, table, bucket, region, dynamodb_credentials: None, s3_credentials: None, is_lambda: true };
        finish(reader, setting)
    }

    /// Reads the configuration of local mode from any source of variables.
    pub fn for_local(lookup: Lookup<'_>) -> Result<Self, Mistakes> {
        let mut reader = Reader::new(lookup);
        let auth = auth::locally(&mut reader);
        let table = reader.text("ROSTER_TABLE").unwrap_or_else(|| LOCAL_TABLE.to_owned());
        let bucket = reader.text("ROSTER_BUCKET").unwrap_or_else(|| LOCAL_BUCKET.to_owned());
        let region = reader.text("AWS_REGION").unwrap_or_else(|| LOCAL_REGION.to_owned());
        // The embedded engines have keys of their own. Another endpoint may check the environment's, if it has any.
        let has_own = reader.text("AWS_ACCESS_KEY_ID").is_some();
        let credentials = |endpoint| (reader.text(endpoint).is_none() || !has_own).then_some(LOCAL_CREDENTIALS);
        let dynamodb_credentials = credentials("AWS_ENDPOINT_URL_DYNAMODB");
        let s3_credentials = credentials("AWS_ENDPOINT_URL_S3");
        let setting = Setting { auth, table, bucket, region, dynamodb_credentials, s3_credentials, is_lambda: false };
        finish(reader, setting)
    }
}

impl Config {
    /// Makes local mode its own issuer, unless the environment names another: its keys are in the file `jwks`.
    pub fn trust_local_issuer(&mut self, jwks: &std::path::Path) {
        if self.auth == Auth::Jwt && self.tokens.is_none() {
            let keys = crate::jwt::keys::Place::File(jwks.display().to_string());
            self.tokens = Some(Tokens { demands: auth::local_demands(), keys });
        }
    }
}

/// What Lambda and local mode find in different ways.
struct Setting {
    auth: Auth,
    table: String,
    bucket: String,
    region: String,
    dynamodb_credentials: Option<StaticCredentials>,
    s3_credentials: Option<StaticCredentials>,
    is_lambda: bool,
}

/// Reads what both modes read alike. Each concern with more than a line has a file of its own beside this one.
fn finish(mut reader: Reader<'_>, setting: Setting) -> Result<Config, Mistakes> {
    let Setting { auth, table, bucket, region, dynamodb_credentials, s3_credentials, is_lambda } = setting;
    let config = Config {
        events: events::read(&mut reader, &table),
        table,
        bucket,
        region,
        dynamodb_endpoint: reader.endpoint("AWS_ENDPOINT_URL_DYNAMODB"),
        s3_endpoint: reader.endpoint("AWS_ENDPOINT_URL_S3"),
        ssm_endpoint: reader.endpoint("AWS_ENDPOINT_URL_SSM"),
        call_timeout: Duration::from_secs(if is_lambda { 5 } else { 10 }),
        extra_roots: reader.text("SSL_CERT_FILE"),
        dynamodb_credentials,
        s3_credentials,
        auth,
        auth_is_chosen: reader.text("ROSTER_AUTH").is_some(),
        tokens: auth::tokens(&mut reader),
        principals: auth::principals(&mut reader),
        quotas: quota::plan(&mut reader),
        door: door::door(&mut reader, is_lambda),
        require_if_match: reader.choice("ROSTER_REQUIRE_IF_MATCH", false, "true", "false"),
        warm_up: warm_up::read(&mut reader),
        passwords: passwords::read(&mut reader),
        lists: Lists::read(&mut reader),
        avatars: avatars::read(&mut reader),
        log: log(&reader),
        metrics: metrics(&mut reader, is_lambda),
        traces: traces::read(&mut reader),
        log_json: reader.choice("ROSTER_LOG_FORMAT", is_lambda, "json", "text"),
    };
    if config.log.parse::<tracing_subscriber::filter::Targets>().is_err() {
        reader.mistake("ROSTER_LOG must be a level such as info, or targets such as roster=debug,info");
    }
    reader.finish(config)
}

fn log(reader: &Reader<'_>) -> String {
    let of_lambda = || {
        let level = reader.text("AWS_LAMBDA_LOG_LEVEL")?.to_ascii_lowercase();
        Some(if level == "fatal" { "error".to_owned() } else { level })
    };
    reader.text("ROSTER_LOG").or_else(of_lambda).unwrap_or_else(|| "info".to_owned())
}

fn metrics(reader: &mut Reader<'_>, is_lambda: bool) -> Option<String> {
    let Some(namespace) = reader.text("ROSTER_METRICS") else { return is_lambda.then(|| "Roster".to_owned()) };
    let fits = namespace.len() <= 255
        && !namespace.starts_with("AWS/")
        && namespace.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/#:".contains(&b));
    if !fits {
        reader.mistake("ROSTER_METRICS must be off or a CloudWatch namespace: at most 255 of A-Z a-z 0-9 . _ - / # :");
    }
    (namespace != "off").then_some(namespace)
}

fn environment(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "this is the one reader that the rule points to")]
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lambda(vars: &[(&str, &str)]) -> Result<Config, Mistakes> {
        Config::for_lambda(&|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn a_lambda_without_auth_or_open_does_not_start() {
        let rest = [("ROSTER_TABLE", "t"), ("ROSTER_BUCKET", "b"), ("AWS_REGION", "eu-west-1")];
        for auth in [None, Some("open"), Some("none"), Some("")] {
            let mut vars = rest.to_vec();
            vars.extend(auth.map(|value| ("ROSTER_AUTH", value)));
            let mistakes = lambda(&vars).unwrap_err();
            assert!(mistakes.to_string().contains("ROSTER_AUTH"), "{auth:?}: {mistakes}");
        }
        let mut vars = rest.to_vec();
        vars.push(("ROSTER_AUTH", "iam"));
        assert_eq!(lambda(&vars).unwrap().auth, Auth::Iam);
        vars[3] = ("ROSTER_AUTH", "jwt");
        assert_eq!(lambda(&vars).unwrap_err().to_string(), "ROSTER_JWT_ISSUER is missing");
        vars.extend([("ROSTER_JWT_ISSUER", "https://issuer.example"), ("ROSTER_JWT_AUDIENCE", "roster")]);
        assert_eq!(lambda(&vars).unwrap().auth, Auth::Jwt);
    }

    #[test]
    fn all_mistakes_are_told_together() {
        let mistakes = lambda(&[
            ("ROSTER_AUTH", "iam"),
            ("ROSTER_PASSWORD_MIN_LENGTH", "7"),
            ("ROSTER_LOG_FORMAT", "xml"),
            ("AWS_ENDPOINT_URL_S3", "localhost:8002"),
        ])
        .unwrap_err();
        assert_eq!(mistakes.0.len(), 6, "{mistakes}");
    }

    #[test]
    fn lambdas_log_level_is_the_default_of_ours() {
        let log = |vars: &[(&str, &str)]| {
            let lookup = |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            Config::for_local(&lookup).unwrap().log
        };
        assert_eq!(log(&[]), "info");
        assert_eq!(log(&[("AWS_LAMBDA_LOG_LEVEL", "WARN")]), "warn");
        assert_eq!(log(&[("AWS_LAMBDA_LOG_LEVEL", "FATAL")]), "error");
        assert_eq!(log(&[("AWS_LAMBDA_LOG_LEVEL", "ERROR"), ("ROSTER_LOG", "roster=debug")]), "roster=debug");
    }

    #[test]
    fn local_mode_needs_nothing() {
        let config = Config::for_local(&|_| None).unwrap();
        assert_eq!(
            (config.table.as_str(), config.bucket.as_str(), config.auth),
            ("roster", "roster-avatars", Auth::Open)
        );
    }

    #[test]
    fn an_embedded_engine_keeps_its_keys_beside_another_endpoint() {
        let vars = [("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:4566"), ("AWS_ACCESS_KEY_ID", "theirs")];
        let lookup = |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let config = Config::for_local(&lookup).unwrap();
        assert!(config.dynamodb_credentials.is_none() && config.s3_credentials.is_some());
    }
}
