//! The pepper from the Parameter Store: signed, decrypted, bounded, and a function without it does not start.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::UNIX_EPOCH;

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use roster::app::App;
use roster::clock::Clock;
use roster::config::Config;
use roster::domain::Timestamp;
use roster::ids::Ids;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::{House, PASSWORD, START_MILLIS, new_user};

const NAME: &str = "/roster/pepper";
const KEY: &str = "k1:MDEyMzQ1Njc4OWFiY2RlZg==";

/// A Parameter Store that checks signatures as the real one does, and answers in turn; the last answer stays.
struct Parameters {
    url: String,
    asked: Arc<Mutex<usize>>,
}

impl Parameters {
    fn start(answers: Vec<(u16, Value)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(0));
        let count = Arc::clone(&asked);
        // Ends with the test process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let (head, headers, body) = read(&mut BufReader::new(&stream));
                let mut asked = count.lock().unwrap();
                let (status, answer) = if is_signed(&head, &headers, &body) {
                    let wanted: Value = serde_json::from_slice(&body).unwrap();
                    assert_eq!(wanted, json!({"Name": NAME, "WithDecryption": true}));
                    assert_eq!(headers["x-amz-target"], "AmazonSSM.GetParameter");
                    answers[(*asked).min(answers.len() - 1)].clone()
                } else {
                    (400, json!({"__type": "InvalidSignatureException", "message": "…"}))
                };
                *asked += 1;
                let answer = answer.to_string();
                let length = answer.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{answer}"
                );
            }
        });
        Self { url, asked }
    }
}

fn read(stream: &mut impl BufRead) -> (String, HashMap<String, String>, Vec<u8>) {
    let (mut head, mut headers) = (String::new(), HashMap::new());
    stream.read_line(&mut head).unwrap();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    (head, headers, body)
}

/// AWS Signature Version 4, worked out once more from what arrived.
fn is_signed(head: &str, headers: &HashMap<String, String>, body: &[u8]) -> bool {
    let Some(authorization) = headers.get("authorization") else { return false };
    let part = |name: &str| {
        let (_, rest) = authorization.split_once(&format!("{name}=")).unwrap();
        rest.split(',').next().unwrap().trim()
    };
    let hex = |bytes: &[u8]| {
        bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|n| format!("{n:x}")).collect::<Vec<_>>().concat()
    };
    let names: Vec<&str> = part("SignedHeaders").split(';').collect();
    assert!(["host", "x-amz-date", "x-amz-target"].iter().all(|name| names.contains(name)), "{names:?}");
    let signed = names.iter().map(|name| [*name, ":", &headers[*name], "\n"].concat()).collect::<Vec<_>>().concat();
    let canonical = format!("POST\n/\n\n{signed}\n{}\n{}", names.join(";"), hex(&Sha256::digest(body)));
    let (key, scope) = part("Credential").split_once('/').unwrap();
    assert_eq!((key, scope), ("local", "20261122/us-east-1/ssm/aws4_request"));
    let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", headers["x-amz-date"], hex(&Sha256::digest(canonical)));
    let time = UNIX_EPOCH + std::time::Duration::from_millis(START_MILLIS.unsigned_abs());
    let signing_key = generate_signing_key("local-secret", time, "us-east-1", "ssm");
    head.starts_with("POST / ") && calculate_signature(signing_key, text.as_bytes()) == part("Signature")
}

fn found(value: &str) -> (u16, Value) {
    (200, json!({"Parameter": {"Name": NAME, "Type": "SecureString", "Value": value, "Version": 1}}))
}

#[tokio::test]
async fn a_pepper_from_the_parameter_store_keys_new_hashes() {
    let server = Parameters::start(vec![(500, json!({"__type": "InternalServerError"})), found(KEY)]);
    let house = House::with(&[("ROSTER_PASSWORD_PEPPER_SSM", NAME), ("AWS_ENDPOINT_URL_SSM", &server.url)]).await;
    assert_eq!(*server.asked.lock().unwrap(), 2, "a fault of a moment is asked again");
    house.anyone().post("/users", &new_user("ada")).await.expect(201);
    let hash = house.items().await.iter().find_map(|item| item.get("hash")).unwrap().as_s().unwrap().clone();
    assert!(hash.contains("keyid=azE$"), "{hash}");
    let claim = json!({"userName": "ada", "password": PASSWORD});
    house.anyone().post("/users/verify-password", &claim).await.expect(200);
    assert_eq!(*server.asked.lock().unwrap(), 2, "once is enough");
}

#[tokio::test]
async fn without_its_pepper_a_function_does_not_start() {
    let unsigned = (400, json!({"__type": "com.amazonaws.ssm#AccessDeniedException", "Message": "…"}));
    for (answers, told, asked) in [
        (vec![(400, json!({"__type": "ParameterNotFound"}))], "ParameterNotFound", 1),
        (vec![unsigned], "(AccessDeniedException): the parameter must exist", 1),
        (vec![(400, json!({"__type": "ThrottlingException"}))], "ThrottlingException", 3),
        (vec![(503, json!("x"))], "status 503", 3),
        (vec![found("k1:c2hvcnQ=")], "16 to 64 bytes", 1),
        (vec![found(" ")], "is empty", 1),
        (vec![(200, json!({}))], "without a parameter", 3),
    ] {
        let server = Parameters::start(answers);
        let mistake = start(&server.url).await.err().unwrap();
        assert!(mistake.starts_with("ROSTER_PASSWORD_PEPPER_SSM: /roster/pepper"), "{mistake}");
        assert!(mistake.contains(told) && !mistake.contains("c2hv"), "{mistake}");
        assert_eq!(*server.asked.lock().unwrap(), asked, "{mistake}");
    }
    let mistake = start("http://127.0.0.1:9").await.err().unwrap();
    assert!(mistake.contains("within the function's reach"), "{mistake}");
}

async fn start(url: &str) -> Result<App, String> {
    let lookup = |name: &str| match name {
        "ROSTER_PASSWORD_PEPPER_SSM" => Some(NAME.to_owned()),
        "AWS_ENDPOINT_URL_SSM" => Some(url.to_owned()),
        _ => None,
    };
    let config = Config::for_local(&lookup).unwrap();
    let clock = Clock::settable(Timestamp::from_unix_millis(START_MILLIS));
    App::with(&config, clock, Ids::seeded(1)).await.map_err(|mistakes| mistakes.to_string())
}
