//! What the functions live in: a filled table and a bucket behind TLS, and the binaries themselves.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::sync::PoisonError;

use aws_sdk_s3::primitives::ByteStream;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use roster::app::App;
use roster::aws;
use roster::clock::Clock;
use roster::config::Config;
use roster::domain::Timestamp;
use roster::doors::{rest, s3_events};
use roster::ids::Ids;
use roster::local::watched::created;
use roster::local::{DynamoDb, S3};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::endpoint::{Asked, Authority, Endpoint, Tally};
use crate::events::event;
use crate::sandbox::{Counted, Sandbox};

pub const PASSWORD: &str = "correct horse battery staple";
const READY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4";
const USERS: u32 = 400;
/// One by which a page of 50 takes eight queries.
const SEED: u64 = 1;

/// A binary that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Empty,
    Bare,
    /// The same with the allocator that ours has.
    BareAlike,
    Naive,
    /// Ours, with nothing done ahead.
    NotWarmed,
    /// Ours, as it reads and lists.
    Directory,
    /// Ours, as it sets and verifies passwords.
    Credentials,
    /// Ours, behind `/graphql`.
    GraphQl,
    /// Ours, which judges pictures.
    Avatars,
    /// Ours, which tells of changes.
    Changes,
}

impl Function {
    /// What is behind the REST API, and its peers.
    pub const REST: [Self; 7] =
        [Self::Empty, Self::Bare, Self::BareAlike, Self::Naive, Self::NotWarmed, Self::Directory, Self::Credentials];

    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Bare => "bare",
            Self::BareAlike => "bare, alike",
            Self::Naive => "naive",
            Self::NotWarmed => "ours, not warmed",
            Self::Directory => "ours",
            Self::Credentials => "ours, for passwords",
            Self::GraphQl => "ours, GraphQL",
            Self::Avatars => "ours, pictures",
            Self::Changes => "ours, changes",
        }
    }

    /// Whether it can create a user.
    pub fn creates(self) -> bool {
        matches!(self, Self::Naive | Self::NotWarmed | Self::Credentials)
    }

    /// Whether it can hash a new user's password.
    pub fn hashes(self) -> bool {
        matches!(self, Self::NotWarmed | Self::Credentials)
    }

    /// Where its binary is in the target folder.
    fn binary(self) -> String {
        let ours = |name| format!("lambda/{name}-{}-unknown-linux-gnu/bootstrap", std::env::consts::ARCH);
        match self {
            Self::Empty => "peers/empty/bootstrap".to_owned(),
            Self::Bare => "peers/bare/bootstrap".to_owned(),
            Self::BareAlike => "peers/bare-alike/bootstrap".to_owned(),
            Self::Naive => "peers/naive/bootstrap".to_owned(),
            Self::NotWarmed | Self::Directory | Self::Credentials => ours("api"),
            Self::GraphQl => ours("graphql"),
            Self::Avatars => ours("avatars"),
            Self::Changes => ours("changes"),
        }
    }
}

pub struct World {
    _dynamodb_engine: DynamoDb,
    _s3_engine: S3,
    dynamodb: Endpoint,
    s3: Endpoint,
    tally: Tally,
    /// Where the function for changes finds its bus.
    pub bus: Option<Endpoint>,
    authority: Authority,
    roots: tempfile::NamedTempFile,
    target: PathBuf,
    app: App,
    router: Router,
    bucket: aws_sdk_s3::Client,
    /// The users' paths.
    pub users: Vec<String>,
    /// The path of the last upload.
    uploaded: RefCell<String>,
    /// Paths of users with a picture, each of which is for one call.
    pictured: RefCell<Vec<String>>,
    count: Cell<u32>,
}

impl World {
    pub async fn start() -> Self {
        let (dynamodb_engine, s3_engine) = (DynamoDb::in_memory().unwrap(), S3::temporary().unwrap());
        let urls = [("AWS_ENDPOINT_URL_DYNAMODB", dynamodb_engine.url()), ("AWS_ENDPOINT_URL_S3", s3_engine.url())];
        let lookup = |name: &str| urls.iter().find(|(known, _)| *known == name).map(|(_, url)| url.clone());
        let config = Config::for_local(&lookup).unwrap();
        // The same users each time: where their ids fall decides whether a page takes a query more.
        let first =
            App::with(&config, Clock::settable(Timestamp::from_unix_millis(1_795_330_800_000)), Ids::seeded(SEED));
        let first = rest::router(first.await.unwrap());
        let app = App::new(&config).await.unwrap();
        app.store.create_table().await.unwrap();
        app.avatars.create_bucket().await.unwrap();
        let (authority, tally) = (Authority::new(), Tally::default());
        let dynamodb = Endpoint::before(dynamodb_engine.address(), &authority, &tally).await;
        let s3 = Endpoint::before(s3_engine.address(), &authority, &tally).await;
        let roots = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(roots.path(), authority.pem()).unwrap();
        let mut world = Self {
            _dynamodb_engine: dynamodb_engine,
            _s3_engine: s3_engine,
            dynamodb,
            s3,
            tally,
            bus: None,
            authority,
            roots,
            target: std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned()).into(),
            router: first,
            app,
            bucket: (*aws::clients(&config).await.unwrap().s3).clone(),
            users: Vec::new(),
            uploaded: RefCell::default(),
            pictured: RefCell::default(),
            count: Cell::new(0),
        };
        for number in 0..USERS {
            let credential = if number == 0 { ("password", PASSWORD) } else { ("passwordHash", READY_HASH) };
            let user = world.add_user(&format!("user-{number}"), credential).await;
            world.users.push(user);
        }
        world.router = rest::router(world.app.clone());
        world
    }

    /// What was asked since the last call of this.
    pub fn asked(&self) -> Asked {
        std::mem::take(&mut *self.tally.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Another engine behind TLS.
    pub async fn endpoint(&self, engine: std::net::SocketAddr) -> Endpoint {
        Endpoint::before(engine, &self.authority, &self.tally).await
    }

    /// Creates a user past the functions; gives the path.
    async fn add_user(&self, name: &str, credential: (&str, &str)) -> String {
        let mut body = json!({"userName": name, "firstName": "Ada", "lastName": "Lovelace"});
        body[credential.0] = credential.1.into();
        self.post("/users", &body).await["id"].as_str().map(|id| format!("/users/{id}")).unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = Request::post(path).header("content-type", "application/json");
        let answer = self.router.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 201);
        serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    /// A file of this user is in the bucket, to be judged; gives S3's event.
    pub async fn upload(&self, user: &str, content_type: &str, file: &[u8]) -> Value {
        let wanted = json!({"contentType": content_type, "contentLength": file.len()});
        let upload = self.post(&format!("{user}/avatar-uploads"), &wanted).await;
        let id = upload["uploadId"].as_str().unwrap();
        let key = format!("uploads/{}/{id}", &user["/users/".len()..]);
        self.uploaded.replace(format!("{user}/avatar-uploads/{id}"));
        let call = self.bucket.put_object().bucket(self.app.avatars.bucket()).key(&key).content_type(content_type);
        call.body(ByteStream::from(file.to_vec())).send().await.unwrap();
        created(self.app.avatars.bucket(), &key)
    }

    /// Whether the last upload has become a picture.
    pub async fn is_attached(&self) -> bool {
        let request = Request::get(self.uploaded.borrow().as_str()).body(Body::empty()).unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap().into_body().collect().await.unwrap();
        serde_json::from_slice::<Value>(&answer.to_bytes()).unwrap()["state"] == "attached"
    }

    /// So many users with a picture more, made past the functions.
    pub async fn add_pictured(&self, how_many: usize) {
        let mut file = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(16, 16).write_to(&mut file, image::ImageFormat::Png).unwrap();
        for _ in 0..how_many {
            let user = self.add_user(&format!("pictured-{}", self.next()), ("passwordHash", READY_HASH)).await;
            let event = self.upload(&user, "image/png", file.get_ref()).await;
            s3_events::handle(&self.app, event).await.unwrap();
            self.pictured.borrow_mut().push(user);
        }
    }

    /// One of those users, who is not given again.
    pub fn take_pictured(&self) -> String {
        self.pictured.borrow_mut().pop().expect("somebody has a picture")
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
        let warm_up = match function {
            Function::NotWarmed => "off",
            Function::Credentials | Function::GraphQl => "table,passwords",
            _ => "table",
        };
        // The keys of a function's role come with a token of about this length.
        let token = format!("IQoJb3JpZ2luX2Vj{}==", "7/kQ2+dXw9ZbT4uH".repeat(66));
        let mut environment = vec![
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "local".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local-secret".to_owned()),
            ("AWS_SESSION_TOKEN", token),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.dynamodb.url.clone()),
            ("AWS_ENDPOINT_URL_S3", self.s3.url.clone()),
            ("SSL_CERT_FILE", self.roots.path().display().to_string()),
            ("ROSTER_AUTH", "iam".to_owned()),
            ("ROSTER_TABLE", "roster".to_owned()),
            ("ROSTER_BUCKET", self.app.avatars.bucket().to_owned()),
            ("ROSTER_LOG_FORMAT", "json".to_owned()),
            ("ROSTER_METRICS", "Roster/bench".to_owned()),
            ("ROSTER_WARM_UP", warm_up.to_owned()),
        ];
        if let Some(bus) = &self.bus {
            environment.push(("AWS_ENDPOINT_URL_EVENTBRIDGE", bus.url.clone()));
            environment.push(("ROSTER_EVENT_BUS", "roster".to_owned()));
        }
        Sandbox::start(&self.target.join(function.binary()), memory_mb, &environment, counted).await
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
    pub fn next(&self) -> u32 {
        self.count.replace(self.count.get() + 1)
    }

    fn new_user(&self, credential: (&str, &str)) -> Value {
        let number = self.next();
        let mut user = json!({"userName": format!("new-{number}"), "firstName": "Grace", "lastName": "Hopper"});
        user[credential.0] = credential.1.into();
        user
    }
}
