//! A secret from the Parameter Store of AWS Systems Manager, by one signed call while the function starts.
//!
//! The SDK's own crate would be a third client for this one call. The Parameters and Secrets extension would be a second
//! process in every sandbox, a layer named otherwise in each region, and absent on a laptop.

use std::time::{Duration, UNIX_EPOCH};

use aws_sdk_s3::config::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::avatars::presign::SigningKeys;
use crate::config::Config;
use crate::domain::Timestamp;
use crate::error::Source;
use crate::http_client::HttpClient;

/// How long one call may take, and how often it is made: together less than Lambda gives a function to start.
const TIMEOUT: Duration = Duration::from_millis(2500);
const ATTEMPTS: usize = 3;
/// Most bytes of an answer; a parameter has 8 KB at most.
const MAX_BYTES: usize = 64 * 1024;

/// The value of a parameter, decrypted; an error is one sentence that names the mend.
pub(super) async fn get(config: &Config, name: &str, now: Timestamp) -> Result<Zeroizing<String>, String> {
    let keys = super::signing_keys(config).await.map_err(|mistakes| mistakes.to_string())?;
    let client = super::http_client(config).map_err(|mistakes| mistakes.to_string())?;
    let mut last = String::new();
    for _ in 0..ATTEMPTS {
        let request = signed(config, &keys, name, now).map_err(|_| "the question cannot be signed".to_owned())?;
        last = match tokio::time::timeout(TIMEOUT, ask(&client, request)).await {
            Ok(Ok(Answer::Value(value))) => return Ok(value),
            Ok(Ok(Answer::Refused(why))) => {
                return Err(format!(
                    "{name} cannot be read ({why}): the parameter must exist, and the function needs ssm:GetParameter on it"
                ));
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
    }
    Err(format!("{name} cannot be read ({last}): is Systems Manager within the function's reach?"))
}

enum Answer {
    Value(Zeroizing<String>),
    /// Asking again would not help.
    Refused(String),
}

async fn ask(client: &HttpClient, request: HttpRequest) -> Result<Answer, Source> {
    let response = client.send(request).await?;
    let status = response.status().as_u16();
    let body = Zeroizing::new(Limited::new(response.into_body(), MAX_BYTES).collect().await?.to_bytes().to_vec());
    if status == 200 {
        let Found { parameter } = serde_json::from_slice(&body).map_err(|_| "an answer without a parameter")?;
        return Ok(Answer::Value(Zeroizing::new(parameter.value)));
    }
    let kind = serde_json::from_slice(&body).map_or_else(|_| format!("status {status}"), |Failure { kind }| kind);
    // Names are told with a prefix or without.
    let kind = kind.rsplit('#').next().unwrap_or_default().to_owned();
    let is_passing = status >= 500 || kind.contains("Throttl");
    if is_passing { Err(kind.into()) } else { Ok(Answer::Refused(kind)) }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    parameter: Parameter,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    value: String,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(rename = "__type")]
    kind: String,
}

fn signed(config: &Config, keys: &SigningKeys, name: &str, now: Timestamp) -> Result<HttpRequest, Source> {
    let body = serde_json::json!({"Name": name, "WithDecryption": true}).to_string();
    let mut request = http::Request::post(url(config))
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "AmazonSSM.GetParameter")
        .body(SdkBody::from(body.as_str()))?;
    let identity = Credentials::new(
        keys.access_key.as_str(),
        keys.secret_key.as_str(),
        keys.session_token.clone(),
        None,
        "environment",
    )
    .into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&config.region)
        .name("ssm")
        .time(UNIX_EPOCH + Duration::from_millis(now.unix_millis().unsigned_abs()))
        .settings(SigningSettings::default())
        .build()?
        .into();
    let uri = request.uri().to_string();
    let headers: Vec<(&str, &str)> =
        request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    let signable = SignableRequest::new("POST", uri, headers.into_iter(), SignableBody::Bytes(body.as_bytes()))?;
    let (instructions, _) = sign(signable, &params)?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(HttpRequest::try_from(request)?)
}

fn url(config: &Config) -> String {
    let suffix = if config.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let own = || format!("https://ssm.{}.{suffix}", config.region);
    let endpoint = config.ssm_endpoint.clone().unwrap_or_else(own);
    format!("{}/", endpoint.trim_end_matches('/'))
}
