//! What the tests of the engines share: SDK clients for an endpoint, and a bare HTTP request.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::config::LOCAL_CREDENTIALS;
use crate::http_client::HttpClient;

macro_rules! sdk_client {
    ($sdk:ident, $url:expr $(, $setting:ident)*) => {{
        let (key, secret) = (LOCAL_CREDENTIALS.access_key, LOCAL_CREDENTIALS.secret_key);
        let config = $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .region($sdk::config::Region::new("us-east-1"))
            .credentials_provider($sdk::config::Credentials::new(key, secret, None, None, "test"))
            .http_client(HttpClient::without_tls().for_sdk())
            .endpoint_url($url)
            $(.$setting(true))*
            .build();
        $sdk::Client::from_conf(config)
    }};
}

pub(super) fn dynamodb(url: &str) -> aws_sdk_dynamodb::Client {
    sdk_client!(aws_sdk_dynamodb, url)
}

pub(super) fn s3(url: &str) -> aws_sdk_s3::Client {
    sdk_client!(aws_sdk_s3, url, force_path_style)
}

/// Creates the table `people` with the key `pk`.
pub(super) async fn create_table(client: &aws_sdk_dynamodb::Client) {
    use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
    let key = KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash).build().unwrap();
    let text =
        AttributeDefinition::builder().attribute_name("pk").attribute_type(ScalarAttributeType::S).build().unwrap();
    let table = client.create_table().table_name("people").billing_mode(BillingMode::PayPerRequest);
    table.key_schema(key).attribute_definitions(text).send().await.unwrap();
}

/// Sends one request and returns the status and the whole answer.
pub(super) fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut request = Vec::new();
    write!(request, "{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n").unwrap();
    for (name, value) in headers {
        write!(request, "{name}: {value}\r\n").unwrap();
    }
    if method != "GET" {
        write!(request, "content-length: {}\r\n", body.len()).unwrap();
    }
    request.extend_from_slice(b"\r\n");
    request.extend_from_slice(body);
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(&request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
}
