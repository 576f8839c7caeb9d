//! A house with an S3 engine: pictures can be uploaded, and the engine's events are held until the test delivers them.

use std::io::Cursor;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Mutex;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use roster::clock::Clock;
use roster::doors::s3_events;
use roster::ids::Ids;
use roster::local::S3;
use roster::local::watched::created;
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::wire::{self, Answer};
use super::{House, Reply};

/// A house whose clock starts now, since S3 has a clock of its own.
pub struct Gallery {
    house: House,
    events: Mutex<UnboundedReceiver<Value>>,
    engine: Option<S3>,
    /// Where its S3 is.
    pub s3_endpoint: String,
}

impl Deref for Gallery {
    type Target = House;

    fn deref(&self) -> &House {
        &self.house
    }
}

impl Gallery {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// A gallery with further variables in its environment. ROSTER_TEST_S3 points it at another engine, with the keys in
    /// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; each test makes a bucket of its own there.
    pub async fn with(variables: &[(&str, &str)]) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let elsewhere = std::env::var("ROSTER_TEST_S3").ok();
        let engine = elsewhere.is_none().then(|| S3::temporary_with(Some(sender)).unwrap());
        let endpoint = elsewhere.clone().unwrap_or_else(|| engine.as_ref().unwrap().url());
        let bucket = format!("roster-{}", Ids::system().write_mark());
        let key = std::env::var("AWS_ACCESS_KEY_ID").unwrap_or_default();
        let mut all = vec![("AWS_ENDPOINT_URL_S3", endpoint.as_str()), ("ROSTER_BUCKET", bucket.as_str())];
        if elsewhere.is_some() {
            all.push(("AWS_ACCESS_KEY_ID", &key));
        }
        all.extend(variables);
        let house = House::at(Clock::system().now(), &all).await;
        house.app.avatars.create_bucket().await.unwrap();
        Self { house, events: Mutex::new(events), engine, s3_endpoint: endpoint }
    }

    /// Where its S3 is.
    pub fn s3_endpoint(&self) -> String {
        let elsewhere = || std::env::var("ROSTER_TEST_S3").unwrap();
        self.engine.as_ref().map_or_else(elsewhere, S3::url)
    }

    /// Asks for an upload of this file by PUT.
    pub async fn ask(&self, user: &str, content_type: &str, file: &[u8]) -> Value {
        self.ask_by("PUT", user, content_type, file).await
    }

    pub async fn ask_by(&self, method: &str, user: &str, content_type: &str, file: &[u8]) -> Value {
        let body = json!({"contentType": content_type, "contentLength": file.len(), "method": method});
        self.anyone().post(&format!("/users/{user}/avatar-uploads"), &body).await.expect(201).json()
    }

    /// Asks, sends, delivers the event, and tells what became of it: `attached`, or the reason why not.
    pub async fn upload(&self, user: &str, content_type: &str, file: &[u8]) -> String {
        let asked = self.ask(user, content_type, file).await;
        let answer = put(&asked, file);
        assert_eq!(answer.status, 200, "{answer:?}");
        self.deliver().await;
        self.state(user, &asked).await
    }

    /// What became of an upload.
    pub async fn state(&self, user: &str, asked: &Value) -> String {
        let path = format!("/users/{user}/avatar-uploads/{}", asked["uploadId"].as_str().unwrap());
        let upload = self.anyone().get(&path).await.expect(200).json();
        let word = upload["reason"]["code"].as_str().or(upload["state"].as_str()).unwrap();
        assert_eq!(upload["state"] == "rejected", upload["reason"].is_object(), "{upload}");
        word.to_owned()
    }

    /// The events that wait, oldest first.
    pub async fn waiting(&self) -> Vec<Value> {
        if self.engine.is_none() {
            let keys = self.objects().await.into_iter().filter(|key| key.starts_with("uploads/"));
            return keys.map(|key| created(self.app.avatars.bucket(), &key)).collect();
        }
        let mut events = self.events.lock().unwrap();
        std::iter::from_fn(|| events.try_recv().ok()).collect()
    }

    /// Hands over every waiting event.
    pub async fn deliver(&self) {
        for event in self.waiting().await {
            s3_events::handle(&self.app, event).await.unwrap();
        }
    }

    /// Every key in the bucket.
    pub async fn objects(&self) -> Vec<String> {
        let pages = self.s3.list_objects_v2().bucket(self.app.avatars.bucket()).into_paginator().send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await.unwrap();
        pages.into_iter().flat_map(|page| page.contents.unwrap_or_default()).filter_map(|object| object.key).collect()
    }

    /// Writes an object past the directory, as if it had been left over.
    pub async fn leave(&self, key: &str, bytes: &[u8]) {
        let call = self.s3.put_object().bucket(self.app.avatars.bucket()).key(key).content_type("image/png");
        call.body(bytes.to_vec().into()).send().await.unwrap();
    }

    /// Removes objects past the directory, as the bucket's own rules do.
    pub async fn forget(&self, keys: &[String]) {
        for key in keys {
            self.s3.delete_object().bucket(self.app.avatars.bucket()).key(key).send().await.unwrap();
        }
    }

    /// Where the S3 engine is.
    pub fn s3_address(&self) -> SocketAddr {
        self.engine.as_ref().expect("these tests break the embedded engine's answers").address()
    }

    /// The event of an upload's file.
    pub fn event(&self, asked: &Value, user: &str) -> Value {
        created(self.app.avatars.bucket(), &format!("uploads/{user}/{}", asked["uploadId"].as_str().unwrap()))
    }

    /// Checks that the user's picture is of about this colour.
    pub async fn is_near(&self, user: &str, colour: [u8; 3]) {
        let found = self.pixels(user).await.to_rgb8().get_pixel(200, 200).0;
        assert!(found.iter().zip(colour).all(|(a, b)| a.abs_diff(b) < 40), "{found:?} is not {colour:?}");
    }

    /// Checks that there is no object but those of the pictures that these users have, and every one of these.
    pub async fn is_tidy(&self, users: &[impl AsRef<str>]) {
        let mut expected = Vec::new();
        for user in users {
            for size in [128, 256, 512, 64] {
                let reply = self.anyone().get(&format!("/users/{}/avatar?size={size}", user.as_ref())).await;
                if reply.status == 307 {
                    let link = reply.header("location").split('?').next().unwrap();
                    expected.push(link[link.find("avatars/").unwrap()..].to_owned());
                }
            }
        }
        let mut objects = self.objects().await;
        objects.sort();
        expected.sort();
        assert_eq!(objects, expected);
    }

    /// The user's picture in one size, through the redirect.
    pub async fn shown(&self, user: &str, size: u32) -> Answer {
        let reply: Reply = self.anyone().get(&format!("/users/{user}/avatar?size={size}")).await.expect(307);
        wire::send("GET", reply.header("location"), &[], b"")
    }

    /// The user's largest picture, decoded.
    pub async fn pixels(&self, user: &str) -> DynamicImage {
        let answer = self.shown(user, 512).await;
        assert_eq!(answer.status, 200, "{}", answer.head);
        image::load_from_memory_with_format(&answer.body, ImageFormat::WebP).unwrap()
    }
}

/// Sends a file as told.
pub fn put(asked: &Value, file: &[u8]) -> Answer {
    let headers: Vec<(&str, &str)> = asked["headers"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    wire::send("PUT", asked["url"].as_str().unwrap(), &headers, file)
}

/// The fields of a form as told.
pub fn fields(asked: &Value) -> Vec<(String, String)> {
    let fields = asked["fields"].as_object().unwrap().iter();
    fields.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

/// A picture of one colour.
pub fn picture(format: ImageFormat, width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    encoded(&RgbImage::from_pixel(width, height, Rgb(colour)).into(), format)
}

/// A picture as a file.
pub fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).unwrap();
    file.into_inner()
}
