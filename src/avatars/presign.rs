//! Presigned URLs (AWS Signature Version 4, in the query): a string and an HMAC each, and no call to anyone.
//!
//! The signing key of a day is kept, so a link costs one hash and one HMAC. The path and every value are of characters
//! that need no escape but those escaped here; a test holds the outcome to the SDK's own presigning.

use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::domain::Timestamp;
use crate::hex;
use crate::percent::encoded;

/// The keys that sign.
pub struct SigningKeys {
    /// Access key id.
    pub access_key: String,
    /// Secret access key.
    pub secret_key: Zeroizing<String>,
    /// Session token of temporary keys. A link ends with the session, however long it says it works.
    pub session_token: Option<String>,
}

/// Signs for one bucket.
pub struct Signer {
    keys: SigningKeys,
    /// The session token as it stands in a link, where it is most of the text.
    token_in_query: Option<String>,
    region: String,
    /// Scheme, host and path of the bucket, without a slash at the end.
    bucket_url: String,
    host: String,
    path: String,
    today: Mutex<Option<(String, Zeroizing<Vec<u8>>)>>,
}

/// A moment as signatures write it: `20261122T070000Z`.
pub(super) fn amz_date(moment: Timestamp) -> String {
    let mut text = moment.to_string();
    text.truncate(19);
    text.retain(|c| c != '-' && c != ':');
    text.push('Z');
    text
}

impl Signer {
    /// A signer for `bucket` at `endpoint`, or at S3's own address of it.
    pub fn new(keys: SigningKeys, region: &str, bucket: &str, endpoint: Option<&str>) -> Self {
        let bucket_url = if let Some(endpoint) = endpoint {
            format!("{}/{bucket}", endpoint.trim_end_matches('/'))
        } else {
            let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
            format!("https://{bucket}.s3.{region}.{suffix}")
        };
        let address = bucket_url.split_once("://").map_or(bucket_url.as_str(), |(_, address)| address);
        let (host, path) = address.split_once('/').unwrap_or((address, ""));
        let path = if path.is_empty() { String::new() } else { format!("/{path}") };
        Self {
            host: host.to_owned(),
            path,
            token_in_query: keys.session_token.as_deref().map(|token| encoded(token, b"")),
            keys,
            region: region.to_owned(),
            bucket_url,
            today: Mutex::default(),
        }
    }

    /// Where forms are posted to.
    pub fn bucket_url(&self) -> &str {
        &self.bucket_url
    }

    /// The session token of temporary keys.
    pub fn session_token(&self) -> Option<&str> {
        self.keys.session_token.as_deref()
    }

    /// What a signature of that day is good for: `{key}/{day}/{region}/s3/aws4_request`.
    pub fn credential(&self, date: &str) -> String {
        format!("{}/{}", self.keys.access_key, self.scope(date))
    }

    fn scope(&self, date: &str) -> String {
        format!("{}/{}/s3/aws4_request", &date[..8], self.region)
    }

    /// The signature over `text`, by the key of the day of `at`.
    pub fn sign(&self, at: Timestamp, date: &str, text: &str) -> String {
        let mut today = self.today.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = today.as_ref().is_some_and(|(day, _)| *day == date[..8]);
        if !kept {
            let time = UNIX_EPOCH + Duration::from_secs(at.unix_seconds().unsigned_abs());
            let key = generate_signing_key(&self.keys.secret_key, time, &self.region, "s3");
            *today = Some((date[..8].to_owned(), Zeroizing::new(key.as_ref().to_vec())));
        }
        let key = today.as_ref().map_or(&[][..], |(_, key)| key.as_slice());
        calculate_signature(key, text.as_bytes())
    }

    /// A URL for one `method` on `object` with exactly these headers (lower case, sorted, `host` left out), which works
    /// from `start` for so many seconds.
    pub fn presign(
        &self,
        method: &str,
        object: &str,
        headers: &[(&str, String)],
        start: Timestamp,
        seconds: i64,
    ) -> String {
        let date = amz_date(start);
        let mut names: Vec<&str> = headers.iter().map(|(name, _)| *name).chain(["host"]).collect();
        names.sort_unstable();
        let mut query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}&X-Amz-Date={date}&X-Amz-Expires={seconds}",
            encoded(&self.credential(&date), b"")
        );
        if let Some(token) = &self.token_in_query {
            query += "&X-Amz-Security-Token=";
            query += token;
        }
        query += "&X-Amz-SignedHeaders=";
        query += &names.join("%3B");
        let mut canonical = format!("{method}\n{}/{object}\n{query}\n", self.path);
        for name in &names {
            let value =
                headers.iter().find(|(given, _)| given == name).map_or(self.host.as_str(), |(_, value)| value.as_str());
            let _ = writeln!(canonical, "{name}:{value}");
        }
        let _ = write!(canonical, "\n{}\nUNSIGNED-PAYLOAD", names.join(";"));
        let digest = hex::lower(&Sha256::digest(canonical));
        let text = format!("AWS4-HMAC-SHA256\n{date}\n{}\n{digest}", self.scope(&date));
        let signature = self.sign(start, &date, &text);
        format!("{}/{object}?{query}&X-Amz-Signature={signature}", self.bucket_url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(token: Option<&str>, endpoint: Option<&str>) -> Signer {
        let keys = SigningKeys {
            access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_key: Zeroizing::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
            session_token: token.map(str::to_owned),
        };
        Signer::new(keys, "us-east-1", "examplebucket", endpoint)
    }

    /// The example of "Authenticating Requests: Using Query Parameters" in the Amazon S3 API Reference, whose host has no
    /// region in it.
    #[test]
    fn the_documented_example_is_signed_as_documented() {
        let mut signer = signer(None, None);
        signer.host = "examplebucket.s3.amazonaws.com".to_owned();
        let start = Timestamp::parse("2013-05-24T00:00:00Z").unwrap();
        let url = signer.presign("GET", "test.txt", &[], start, 86400);
        let signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        assert!(url.ends_with(&format!("&X-Amz-Signature={signature}")), "{url}");
    }

    #[tokio::test]
    async fn links_are_signed_as_the_sdk_signs_them() {
        use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
        use aws_sdk_s3::presigning::PresigningConfig;
        let start = Timestamp::parse("2026-11-22T07:00:00Z").unwrap();
        for (token, endpoint) in [(None, None), (Some("a/b+c=="), Some("http://127.0.0.1:8002"))] {
            let signer = signer(token, endpoint);
            let keys = &signer.keys;
            let credentials =
                Credentials::new(&keys.access_key, keys.secret_key.as_str(), token.map(str::to_owned), None, "test");
            let mut config = aws_sdk_s3::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new("us-east-1"))
                .credentials_provider(credentials)
                .http_client(crate::http_client::HttpClient::without_tls().for_sdk())
                .force_path_style(endpoint.is_some());
            config.set_endpoint_url(endpoint.map(str::to_owned));
            let client = aws_sdk_s3::Client::from_conf(config.build());
            let time = UNIX_EPOCH + Duration::from_secs(start.unix_seconds().unsigned_abs());
            let expiry =
                PresigningConfig::builder().start_time(time).expires_in(Duration::from_secs(600)).build().unwrap();
            let theirs = client.head_object().bucket("examplebucket").key("avatars/a/64.webp").presigned(expiry).await;
            let theirs = theirs.unwrap().uri().to_owned();
            let ours = signer.presign("HEAD", "avatars/a/64.webp", &[], start, 600);
            let sorted = |url: &str| {
                let (base, query) = url.split_once('?').unwrap();
                let mut parts: Vec<String> = query.split('&').map(str::to_owned).collect();
                parts.sort();
                (base.to_owned(), parts)
            };
            assert_eq!(sorted(&ours), sorted(&theirs));
        }
    }
}
