//! What the functions live in: a filled table behind TLS, and the binaries themselves.

use std::cell::Cell;
use std::path::PathBuf;

use axum::body::Body;
use axum::http::Request;
use roster::app::App;
use roster::config::Config;
use roster::doors::rest;
use roster::local::DynamoDb;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::endpoint::{Authority, Endpoint};
use crate::events::event;
use crate::sandbox::{Counted, Sandbox};

const PASSWORD: &str = "correct horse battery staple";
const READY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4";
const USERS: u32 = 400;

/// A binary that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Empty,
    Bare,
    Naive,
    /// Ours, with nothing done ahead.
    NotWarmed,
    /// Ours, as it reads and lists.
    Directory,
    /// Ours, as it sets and verifies passwords.
    Credentials,
}

impl Function {
    pub const ALL: [Self; 6] =
        [Self::Empty, Self::Bare, Self::Naive, Self::NotWarmed, Self::Directory, Self::Credentials];

    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Bare => "bare",
            Self::Naive => "naive",
            Self::NotWarmed => "ours, not warmed",
            Self::Directory => "ours",
            Self::Credentials => "ours, for passwords",
        }
    }
}

/// An operation that is measured.
pub struct Operation {
    pub name: &'static str,
    pub event: fn(&World) -> Value,
    /// Whether `bare` can do something like it.
    pub has_peer: bool,
    /// Which function does it.
    pub function: Function,
    pub hashes: bool,
}

pub struct World {
    pub dynamodb: Endpoint,
    _engine: DynamoDb,
    roots: tempfile::NamedTempFile,
    target: PathBuf,
    /// The users' paths.
    users: Vec<String>,
    count: Cell<u32>,
}

impl World {
    pub async fn start() -> Self {
        let engine = DynamoDb::in_memory().unwrap();
        let url = engine.url();
        let config = Config::for_local(&|name| (name == "AWS_ENDPOINT_URL_DYNAMODB").then(|| url.clone())).unwrap();
        let app = App::new(&config).await.unwrap();
        app.store.create_table().await.unwrap();
        let router = rest::router(app);
        let mut users = Vec::new();
        for number in 0..USERS {
            let credential = if number == 0 { ("password", PASSWORD) } else { ("passwordHash", READY_HASH) };
            let mut body = json!({"userName": format!("user-{number}"), "firstName": "Ada", "lastName": "Lovelace"});
            body[credential.0] = credential.1.into();
            let request = Request::post("/users").header("content-type", "application/json");
            let answer = router.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
            assert_eq!(answer.status(), 201);
            users.push(answer.headers()["location"].to_str().unwrap().to_owned());
        }
        let authority = Authority::new();
        let dynamodb = Endpoint::before(engine.address(), &authority).await;
        let roots = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(roots.path(), authority.pem()).unwrap();
        let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned()).into();
        Self { dynamodb, _engine: engine, roots, target, users, count: Cell::new(0) }
    }

    /// Starts a function in this world.
    pub async fn sandbox(&self, function: Function, memory_mb: u32) -> Sandbox {
        self.start_function(function, memory_mb, None).await
    }

    /// The same, with its instructions counted.
    pub async fn sandbox_counted(&self, function: Function, memory_mb: u32, counted: &Counted) -> Sandbox {
        self.start_function(function, memory_mb, Some(counted)).await
    }

    async fn start_function(&self, function: Function, memory_mb: u32, counted: Option<&Counted>) -> Sandbox {
        let binary = match function {
            Function::NotWarmed | Function::Directory | Function::Credentials => {
                self.target.join(format!("lambda/api-{}-unknown-linux-gnu/bootstrap", std::env::consts::ARCH))
            }
            other => self.target.join("peers").join(other.name()).join("bootstrap"),
        };
        let path = self.roots.path().display().to_string();
        let environment = [
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local-secret"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.dynamodb.url),
            ("AWS_ENDPOINT_URL_S3", "https://localhost:1"),
            ("SSL_CERT_FILE", &path),
            ("ROSTER_AUTH", "iam"),
            ("ROSTER_TABLE", "roster"),
            ("ROSTER_BUCKET", "roster-avatars"),
            ("ROSTER_LOG_FORMAT", "json"),
            (
                "ROSTER_WARM_UP",
                match function {
                    Function::NotWarmed => "off",
                    Function::Credentials => "table,passwords",
                    _ => "table",
                },
            ),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Sandbox::start(&binary, memory_mb, &environment, counted).await
    }

    pub fn read(&self) -> Value {
        event("GET", &self.users[0], None)
    }

    /// The first page of 50.
    pub fn page(_: &Self) -> Value {
        event("GET", "/users?limit=50", None)
    }

    pub fn create_with_hash(&self) -> Value {
        event("POST", "/users", Some(&self.new_user(("passwordHash", READY_HASH))))
    }

    pub fn create(&self) -> Value {
        event("POST", "/users", Some(&self.new_user(("password", PASSWORD))))
    }

    /// A number that was not given before.
    fn next(&self) -> u32 {
        self.count.replace(self.count.get() + 1)
    }

    fn new_user(&self, credential: (&str, &str)) -> Value {
        let number = self.next();
        let mut user = json!({"userName": format!("new-{number}"), "firstName": "Grace", "lastName": "Hopper"});
        user[credential.0] = credential.1.into();
        user
    }

    /// Every operation that is measured warm.
    pub fn operations() -> [Operation; 10] {
        let plain =
            |name, event| Operation { name, event, has_peer: false, function: Function::Directory, hashes: false };
        let secret = |name, event| Operation { function: Function::Credentials, ..plain(name, event) };
        [
            plain("health", |_| event("GET", "/health/live", None)),
            Operation { has_peer: true, ..plain("get user", Self::read) },
            Operation { has_peer: true, ..plain("list 50", Self::page) },
            plain("find by name", |_| event("GET", "/users?filter=userName%20eq%20%22user-7%22", None)),
            plain("patch", |world| {
                let change = json!({"firstName": format!("Ada {}", world.next())});
                event("PATCH", &world.users[0], Some(&change))
            }),
            plain("avatar upload", |world| {
                let wanted = json!({"contentType": "image/png", "contentLength": 1000});
                // No user may have many that wait.
                let user = &world.users[world.next() as usize % world.users.len()];
                event("POST", &format!("{user}/avatar-uploads"), Some(&wanted))
            }),
            plain("openapi", |_| event("GET", "/openapi.json", None)),
            secret("create, ready hash", Self::create_with_hash),
            Operation { hashes: true, ..secret("create", Self::create) },
            Operation {
                hashes: true,
                ..secret("verify password", |_| {
                    event("POST", "/users/verify-password", Some(&json!({"userName": "user-0", "password": PASSWORD})))
                })
            },
        ]
    }
}
