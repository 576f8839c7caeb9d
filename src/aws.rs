//! How AWS is reached: one HTTP client, our own trust roots, the environment's credentials, bounded time, few retries.

#[cfg(feature = "local")]
mod asked;
mod parameters;
mod watch;

use std::time::Duration;

use aws_config::environment::credentials::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::retry::{RetryPartition, TokenBucket};
use aws_sdk_s3::config::{Credentials, ProvideCredentials, RequestChecksumCalculation, SharedCredentialsProvider};
use rustls::RootCertStore;
use zeroize::Zeroizing;

use crate::avatars::presign::SigningKeys;
use crate::config::{Config, Mistakes, StaticCredentials};
use crate::domain::Timestamp;
use crate::hashing::Pepper;
use crate::http_client::{HttpClient, add_pem};
use crate::late::Late;
#[cfg(feature = "local")]
pub use asked::Asked;
#[cfg(feature = "local")]
pub(crate) use asked::{Dated, asked};
use watch::{Service, Watch};

/// The certificate authorities behind AWS's endpoints (<https://www.amazontrust.com/repository/>): six roots instead of
/// a machine's hundred and more, whose parsing costs a cold start 2 ms.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon_roots.pem");

/// How often a call is tried.
const ATTEMPTS: u32 = 3;
/// The most that the SDK waits before the second attempt, and twice as much before the third; each wait is random.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
/// What all retries of one client in this process may use up: each costs 5, or 10 after a time-out or a failure of theirs;
/// a retry that succeeds gives it back, a success without one gives 1, and a second gives some. While a service is down a
/// process sends it few calls more than it is asked for itself.
const RETRY_BUDGET: usize = 250;
const RETRY_BUDGET_PER_SECOND: f32 = 10.0;

/// The two clients.
pub struct Clients {
    /// DynamoDB.
    pub dynamodb: Late<aws_sdk_dynamodb::Client>,
    /// S3.
    pub s3: Late<aws_sdk_s3::Client>,
    /// What links to objects are signed with.
    pub s3_keys: SigningKeys,
}

/// Makes the clients, each of which is built at its first use; makes no network call.
pub async fn clients(config: &Config) -> Result<Clients, Mistakes> {
    let shared = shared(config)?;
    let mut dynamodb = aws_sdk_dynamodb::config::Builder::from(&shared);
    dynamodb.set_endpoint_url(config.dynamodb_endpoint.clone());
    dynamodb.set_retry_partition(Some(budget("dynamodb")));
    dynamodb.push_interceptor(watch(config, Service::DynamoDb));
    if let Some(keys) = config.dynamodb_credentials {
        dynamodb.set_credentials_provider(Some(of(keys)));
    }
    let s3_keys = signing_keys(config).await?;
    let mut s3 = aws_sdk_s3::config::Builder::from(&shared);
    s3.set_endpoint_url(config.s3_endpoint.clone());
    s3.set_retry_partition(Some(budget("s3")));
    s3.push_interceptor(watch(config, Service::S3));
    if let Some(keys) = config.s3_credentials {
        s3.set_credentials_provider(Some(of(keys)));
    }
    let s3 = s3
        // Bucket names in host names need DNS, which a local endpoint has not.
        .force_path_style(config.s3_endpoint.is_some())
        // A checksum in a presigned URL would be one that plain clients do not send.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
    Ok(Clients {
        dynamodb: Late::new(move || aws_sdk_dynamodb::Client::from_conf(dynamodb.build())),
        s3: Late::new(move || aws_sdk_s3::Client::from_conf(s3.build())),
        s3_keys,
    })
}

/// The keys beside the salts: the configuration's own, or those that it says are in the Parameter Store.
pub async fn pepper(config: &Config, now: Timestamp) -> Result<Pepper, Mistakes> {
    let Some(name) = &config.passwords.pepper_parameter else { return Ok(config.passwords.hashing.pepper.clone()) };
    let pepper = match parameters::get(config, name, now).await {
        Ok(text) if text.trim().is_empty() => Err(format!("{name} is empty")),
        Ok(text) => Pepper::parse(&text).map_err(|mistake| format!("{name}: {mistake}")),
        Err(mistake) => Err(mistake),
    };
    pepper.map_err(|mistake| Mistakes(vec![format!("ROSTER_PASSWORD_PEPPER_SSM: {mistake}")]))
}

/// A budget of retries, shared by all requests of one client; the SDK's own would be one for the whole process.
fn budget(service: &'static str) -> RetryPartition {
    let bucket = TokenBucket::builder().capacity(RETRY_BUDGET).refill_rate(RETRY_BUDGET_PER_SECOND).build();
    RetryPartition::custom(service).token_bucket(bucket).build()
}

fn watch(config: &Config, service: Service) -> aws_sdk_dynamodb::config::SharedInterceptor {
    aws_sdk_dynamodb::config::SharedInterceptor::new(Watch::new(service, config.call_timeout, attempt_timeout(config)))
}

/// How long one attempt may take: two fit into a call, so that one lost answer is no lost call.
fn attempt_timeout(config: &Config) -> Duration {
    config.call_timeout * 2 / 5
}

/// The keys of the environment, which stay the same for a sandbox's life.
async fn signing_keys(config: &Config) -> Result<SigningKeys, Mistakes> {
    let provider = config
        .s3_credentials
        .map_or_else(|| SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()), of);
    let keys = provider.provide_credentials().await.map_err(|_| {
        Mistakes(vec!["AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are missing: nothing can be signed".to_owned()])
    })?;
    Ok(SigningKeys {
        access_key: keys.access_key_id().to_owned(),
        secret_key: Zeroizing::new(keys.secret_access_key().to_owned()),
        session_token: keys.session_token().map(str::to_owned),
    })
}

fn of(keys: StaticCredentials) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new(keys.access_key, keys.secret_key, None, None, "roster"))
}

/// The bus that takes change events; makes no network call. `keys` stand in for the environment's.
#[cfg(feature = "changes")]
pub fn bus(config: &Config, keys: Option<StaticCredentials>) -> Result<crate::events::Bus, Mistakes> {
    use crate::events::{Bus, EventBridge, Target};
    let name = config.events.bus.clone().ok_or_else(|| Mistakes(vec!["ROSTER_EVENT_BUS is missing".to_owned()]))?;
    let mut client = aws_sdk_eventbridge::config::Builder::from(&shared(config)?);
    client.set_endpoint_url(config.events.endpoint.clone());
    client.set_retry_partition(Some(budget("eventbridge")));
    client.push_interceptor(watch(config, Service::EventBridge));
    if let Some(keys) = keys {
        client.set_credentials_provider(Some(of(keys)));
    }
    let client = aws_sdk_eventbridge::Client::from_conf(client.build());
    let target = Target::EventBridge(EventBridge::new(client, name, crate::ids::Ids::system()));
    Ok(Bus { source: config.events.source.clone(), target })
}

fn shared(config: &Config) -> Result<SdkConfig, Mistakes> {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(attempt_timeout(config))
        .operation_timeout(config.call_timeout)
        .build();
    // Not `aws_config::load`: profiles, metadata services and single sign-on are a megabyte of code that a function never
    // runs, and files in a home folder must not decide where a directory of users is.
    Ok(SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(config.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .http_client(http_client(config)?.for_sdk())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(FIRST_BACKOFF))
        .build())
}

fn http_client(config: &Config) -> Result<HttpClient, Mistakes> {
    let extra = extra_roots(config)?;
    let roots = move || {
        let mut roots = RootCertStore::empty();
        add_pem(&mut roots, AMAZON_ROOTS);
        if let Some(pem) = extra {
            add_pem(&mut roots, &pem);
        }
        roots
    };
    Ok(HttpClient::new(roots, config.call_timeout / 5))
}

/// The certificate authorities that the configuration adds (PEM).
pub fn extra_roots(config: &Config) -> Result<Option<Vec<u8>>, Mistakes> {
    let Some(path) = &config.extra_roots else { return Ok(None) };
    let pem = std::fs::read(path).map_err(|e| Mistakes(vec![format!("SSL_CERT_FILE: cannot read {path}: {e}")]))?;
    if add_pem(&mut RootCertStore::empty(), &pem) == 0 {
        return Err(Mistakes(vec![format!("SSL_CERT_FILE: {path} holds no PEM certificate that can be read")]));
    }
    Ok(Some(pem))
}
