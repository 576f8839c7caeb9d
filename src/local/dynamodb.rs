//! The embedded DynamoDB: the engine `dynoxide` behind HTTP, in memory or in one `SQLite` file.
//!
//! It takes any credentials, so `front` lets in no web page. As in DynamoDB, an item may outlive its time: it is gone from the table within minutes.

use std::error::Error;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use axum::Router;
use dynoxide::actions::create_table::StreamSpecification;
use dynoxide::actions::delete_table::DeleteTableRequest;
use dynoxide::actions::list_streams::ListStreamsRequest;
use dynoxide::actions::list_tables::ListTablesRequest;
use dynoxide::actions::query::QueryRequest;
use dynoxide::actions::update_table::UpdateTableRequest;
use dynoxide::{AttributeValue, Database};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use super::engine::{Engine, GRACE, Stop};
use super::stream::{self, Stream};
use super::{Trouble, connections, data, front, listen};
use crate::store::table;

/// The least time between two searches for expired items.
const SWEEP_PAUSE: Duration = Duration::from_mins(1);
/// A sweep reads every item, so it may take at most this part of the time.
const SWEEP_SHARE: u32 = 50;

/// Where the items are kept.
#[derive(Debug, Clone)]
pub enum Storage {
    /// In memory: gone with the engine.
    Memory,
    /// In this file and its companions (`-wal`, `-shm`).
    File(PathBuf),
}

/// A running DynamoDB engine, which stops when dropped (that takes some milliseconds of the caller's thread).
pub struct DynamoDb {
    // Dropped in this order: nothing is served any more when the last hold on the file goes.
    engine: Engine,
    database: Database,
}

impl DynamoDb {
    /// Starts the engine on `listener`.
    pub fn start(listener: TcpListener, storage: &Storage) -> Result<Self, Trouble> {
        Self::start_with(listener, storage, sweep)
    }

    fn start_with<F: Future<Output = ()>>(
        listener: TcpListener,
        storage: &Storage,
        sweep: impl FnOnce(Database) -> F + Send + 'static,
    ) -> Result<Self, Trouble> {
        let trouble = Trouble::start("the DynamoDB engine");
        let database = open(storage)?;
        let hidden = front::hidden_listener()?;
        let served = database.clone();
        let front = front::before(hidden.local_addr().map_err(&trouble)?, listener.local_addr().map_err(&trouble)?);
        Engine::start("dynamodb", listener, move |listener, stop| async move {
            tokio::select! {
                ended = run(listener, front, hidden, served.clone(), stop) => {
                    if let Err(reason) = ended {
                        tracing::error!(reason, "the DynamoDB engine stopped");
                    }
                }
                () = sweep(served) => {}
            }
        })
        .map(|engine| Self { engine, database })
        .map_err(trouble)
    }

    /// Starts an empty engine in memory, on a free port of the loopback address. It removes nothing by itself: its users
    /// may have clocks of their own, by which an item expires that is young by the machine's.
    pub fn in_memory() -> Result<Self, Trouble> {
        let listener = listen::bind(listen::FREE_LOOPBACK_PORT, "--dynamodb-listen")?;
        Self::start_with(listener, &Storage::Memory, |_| std::future::pending())
    }

    /// Returns the address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.engine.address()
    }

    /// Returns the endpoint URL for clients on this machine.
    pub fn url(&self) -> String {
        listen::url(self.address())
    }

    /// The stream of changes of one table, from the oldest that is kept.
    pub fn stream(&self, table: &str) -> Stream {
        Stream::new(self.database.clone(), table.to_owned())
    }

    /// Stops the engine, once the requests in flight are answered.
    pub fn stop(self) {}
}

fn open(storage: &Storage) -> Result<Database, Trouble> {
    let (opened, path) = match storage {
        Storage::Memory => (in_memory(), Path::new(":memory:")),
        Storage::File(path) => {
            data::keep_private(path).map_err(|error| Trouble::Data { path: path.clone(), error })?;
            (in_file(path), path.as_path())
        }
    };
    opened.and_then(|database| mend(&database).map(|()| database)).map_err(|error| {
        // What follows the first sentence speaks to users of the engine's own library.
        let reason = error.to_string().split(". ").next().unwrap_or_default().to_owned();
        Trouble::Database { path: path.into(), reason }
    })
}

fn in_file(path: &Path) -> Result<Database, Box<dyn Error>> {
    let database = Database::new(&path.to_string_lossy())?;
    stream::shape(path)?;
    Ok(database)
}

/// Memory is out of reach, so it begins as a copy of a file.
fn in_memory() -> Result<Database, Box<dyn Error>> {
    let folder = tempfile::Builder::new().prefix("roster-dynamodb-").tempdir()?;
    let file = folder.path().join("empty.db");
    drop(in_file(&file)?);
    let database = Database::memory()?;
    database.restore_from(&file.to_string_lossy())?;
    Ok(database)
}

/// Removes a table whose making was cut short: the engine writes it down first and makes its indexes one by one, and no
/// user can be written before all are there. Whoever opens the folder then makes the table anew. A table that an older
/// release made without a stream is given one.
fn mend(database: &Database) -> Result<(), Box<dyn Error>> {
    let tables = database.list_tables(ListTablesRequest::default())?.table_names;
    for name in tables {
        let ask = |(index, _): (&str, &str)| {
            let mut query =
                QueryRequest { table_name: name.clone(), index_name: Some(index.to_owned()), ..Default::default() };
            query.key_condition_expression = Some("#shard = :shard".to_owned());
            query.expression_attribute_names = Some([("#shard".to_owned(), "shard".to_owned())].into());
            query.expression_attribute_values = Some([(":shard".to_owned(), AttributeValue::N("0".to_owned()))].into());
            query.limit = Some(1);
            database.query(query)
        };
        let asked = table::INDEXES.map(ask);
        let lacks =
            asked.iter().any(|one| one.as_ref().is_err_and(|error| error.to_string().contains("no such table")));
        // Others' tables have no such indexes.
        let is_ours = asked.iter().all(Result::is_ok);
        if lacks {
            tracing::warn!(table = name, "the table was half made; it is made anew");
            database.delete_table(DeleteTableRequest { table_name: name })?;
        } else if is_ours && !has_stream(database, &name)? {
            let view = Some(table::STREAM_VIEW.to_owned());
            let stream_specification = Some(StreamSpecification { stream_enabled: true, stream_view_type: view });
            database.update_table(UpdateTableRequest {
                table_name: name,
                stream_specification,
                ..Default::default()
            })?;
        }
    }
    Ok(())
}

fn has_stream(database: &Database, table: &str) -> Result<bool, Box<dyn Error>> {
    let request = ListStreamsRequest { table_name: Some(table.to_owned()), ..Default::default() };
    Ok(!database.list_streams(request)?.streams.is_empty())
}

async fn run(
    listener: tokio::net::TcpListener,
    front: Router,
    hidden: TcpListener,
    database: Database,
    stop: Stop,
) -> Result<(), String> {
    let hidden = tokio::net::TcpListener::from_std(hidden).map_err(|error| error.to_string())?;
    let (open, closed) = oneshot::channel::<()>();
    // The engine ends after all who could still ask it.
    let engine = dynoxide::server::serve_with_shutdown(hidden, database, async {
        let _ = closed.await;
    });
    let front = async move {
        connections::serve(listener, front, stop.told(), GRACE).await;
        drop(open);
        Ok(())
    };
    tokio::try_join!(engine, front).map(|_| ())
}

/// Removes expired items now and then, for ever.
async fn sweep(database: Database) {
    let mut pause = SWEEP_PAUSE;
    loop {
        tokio::time::sleep(pause).await;
        let (started, database) = (Instant::now(), database.clone());
        match spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(removed)) => tracing::debug!(removed, "expired items are gone"),
            Ok(Err(error)) => tracing::warn!(%error, "expired items could not be removed"),
            Err(_) => return std::future::pending().await, // the runtime is ending
        }
        pause = SWEEP_PAUSE.max(started.elapsed() * SWEEP_SHARE);
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::error::ProvideErrorMetadata;
    use aws_sdk_dynamodb::types::{
        AttributeDefinition, AttributeValue as Value, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    };

    use super::*;
    use crate::local::probe;

    async fn create_table(client: &Client) {
        let key = KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash).build().unwrap();
        let text =
            AttributeDefinition::builder().attribute_name("pk").attribute_type(ScalarAttributeType::S).build().unwrap();
        let table = client.create_table().table_name("people").billing_mode(BillingMode::PayPerRequest);
        table.key_schema(key).attribute_definitions(text).send().await.unwrap();
    }

    async fn put(client: &Client, id: &str) -> Result<(), aws_sdk_dynamodb::Error> {
        let put = client.put_item().table_name("people").item("pk", Value::S(id.into()));
        put.condition_expression("attribute_not_exists(pk)").send().await?;
        Ok(())
    }

    async fn has(client: &Client, id: &str) -> bool {
        let get = client.get_item().table_name("people").key("pk", Value::S(id.into()));
        get.send().await.unwrap().item.is_some()
    }

    #[tokio::test]
    async fn what_is_put_can_be_read_and_conditions_hold() {
        let engine = DynamoDb::in_memory().unwrap();
        let client = probe::dynamodb(&engine.url());
        create_table(&client).await;
        put(&client, "ada").await.unwrap();
        assert!(has(&client, "ada").await);
        assert!(!has(&client, "bob").await);
        let again = put(&client, "ada").await.unwrap_err();
        assert_eq!(again.code(), Some("ConditionalCheckFailedException"));
    }

    #[tokio::test]
    async fn a_file_outlives_its_engine() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::File(folder.path().join("items.db"));
        let start = || DynamoDb::start(listen::bind(listen::FREE_LOOPBACK_PORT, "").unwrap(), &storage).unwrap();
        let first = start();
        let client = probe::dynamodb(&first.url());
        create_table(&client).await;
        put(&client, "ada").await.unwrap();
        let (address, stopping) = (first.address(), Instant::now());
        first.stop();
        assert!(
            stopping.elapsed() < Duration::from_secs(1),
            "idle connections held the engine: {:?}",
            stopping.elapsed()
        );
        assert!(std::net::TcpStream::connect(address).is_err());
        let second = start();
        assert!(has(&probe::dynamodb(&second.url()), "ada").await);
    }

    #[tokio::test]
    async fn engines_share_nothing() {
        let (one, other) = (DynamoDb::in_memory().unwrap(), DynamoDb::in_memory().unwrap());
        create_table(&probe::dynamodb(&one.url())).await;
        assert!(probe::dynamodb(&other.url()).list_tables().send().await.unwrap().table_names().is_empty());
    }

    #[tokio::test]
    async fn a_table_that_was_half_made_when_the_process_was_killed_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("items.db");
        let open = async || {
            let listener = listen::bind(listen::FREE_LOOPBACK_PORT, "").unwrap();
            let engine = DynamoDb::start(listener, &Storage::File(path.clone())).unwrap();
            let url = engine.url();
            let config =
                crate::config::Config::for_local(&|name| (name == "AWS_ENDPOINT_URL_DYNAMODB").then(|| url.clone()));
            let app = crate::app::App::new(&config.unwrap()).await.unwrap();
            (engine, app)
        };
        let (engine, app) = open().await;
        app.store.create_table().await.unwrap();
        drop(engine);
        for half in ["roster::gsi::by_last_name", "roster::gsi::by_created"] {
            rusqlite::Connection::open(&path).unwrap().execute(&format!("DROP TABLE \"{half}\""), []).unwrap();
            let (engine, app) = open().await;
            app.store.create_table().await.unwrap();
            assert!(
                app.store.list_users(&crate::domain::page::Query::default(), None, 10).await.unwrap().users.is_empty()
            );
            assert_eq!(app.store.count_users().await.unwrap(), 0, "{half}");
            drop(engine);
        }
    }

    #[tokio::test]
    async fn a_table_of_an_older_release_gets_its_stream() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::File(folder.path().join("items.db"));
        let start = || DynamoDb::start(listen::bind(listen::FREE_LOOPBACK_PORT, "").unwrap(), &storage).unwrap();
        let with_stream = async |engine: &DynamoDb, table: &str| {
            let described = probe::dynamodb(&engine.url()).describe_table().table_name(table).send().await.unwrap();
            described.table.unwrap().stream_specification.is_some_and(|stream| stream.stream_enabled)
        };
        let engine = start();
        let url = engine.url();
        let config =
            crate::config::Config::for_local(&|name| (name == "AWS_ENDPOINT_URL_DYNAMODB").then(|| url.clone()));
        crate::app::App::new(&config.unwrap()).await.unwrap().store.create_table().await.unwrap();
        let off = aws_sdk_dynamodb::types::StreamSpecification::builder().stream_enabled(false).build().unwrap();
        let client = probe::dynamodb(&engine.url());
        create_table(&client).await;
        client.update_table().table_name("roster").stream_specification(off).send().await.unwrap();
        assert!(!with_stream(&engine, "roster").await);
        drop(engine);
        for _ in 0..2 {
            let engine = start();
            assert!(with_stream(&engine, "roster").await);
            assert!(!with_stream(&engine, "people").await, "another's table is left alone");
        }
    }

    #[test]
    fn a_file_that_is_no_database_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("items.db");
        std::fs::write(&path, "x".repeat(5000)).unwrap();
        let listener = listen::bind(listen::FREE_LOOPBACK_PORT, "").unwrap();
        let trouble = DynamoDb::start(listener, &Storage::File(path.clone())).err().unwrap().to_string();
        assert!(
            trouble.contains(path.to_str().unwrap()) && trouble.contains("not a valid SQLite database;"),
            "{trouble}"
        );
    }

    #[tokio::test]
    async fn no_web_page_gets_in() {
        let engine = DynamoDb::in_memory().unwrap();
        create_table(&probe::dynamodb(&engine.url())).await;
        let call = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", "DynamoDB_20120810.Scan"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
            ),
            ("x-amz-date", "20260101T000000Z"),
        ];
        let scan = |method, extra: &[(&str, &str)]| {
            let headers: Vec<_> = call.iter().chain(extra).copied().collect();
            probe::send(method, &format!("{}/", engine.url()), &headers, br#"{"TableName": "people"}"#)
        };
        assert_eq!(scan("POST", &[]).0, 200, "{}", scan("POST", &[]).1);
        for (what, method, extra) in [
            ("a page", "POST", [("origin", "http://page.example")].as_slice()),
            ("a file's page", "POST", &[("origin", "null")]),
            ("a page that reads", "GET", &[("origin", "http://localhost:8001")]),
            ("a preflight", "OPTIONS", &[("origin", "http://page.example"), ("access-control-request-method", "POST")]),
            ("another OPTIONS", "OPTIONS", &[]),
            ("a rebound name", "POST", &[("host", "page.example:8001")]),
        ] {
            let (status, answer) = scan(method, extra);
            assert_eq!(status, 403, "{what}: {answer}");
            assert!(!answer.to_lowercase().contains("access-control"), "{what}: {answer}");
            assert!(answer.contains("AccessDeniedException"), "{what}: {answer}");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_file_is_for_its_owners_eyes() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("items.db");
        let modes = || -> Vec<(String, u32)> {
            let files = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
            let mode = |file: std::fs::DirEntry| file.metadata().unwrap().permissions().mode() & 0o777;
            files.map(|file| (file.file_name().to_string_lossy().into_owned(), mode(file))).collect()
        };
        let start = || {
            DynamoDb::start(listen::bind(listen::FREE_LOOPBACK_PORT, "").unwrap(), &Storage::File(path.clone()))
                .unwrap()
        };
        let engine = start();
        create_table(&probe::dynamodb(&engine.url())).await;
        assert!(modes().len() > 1, "a companion is there: {:?}", modes());
        assert!(modes().iter().all(|(_, mode)| *mode == 0o600), "{:?}", modes());
        engine.stop();
        // As an older release left it, cut short.
        for companion in ["items.db", "items.db-wal", "items.db-shm"] {
            let file = std::fs::File::options().create(true).append(true).open(folder.path().join(companion)).unwrap();
            file.set_permissions(std::fs::Permissions::from_mode(0o644)).unwrap();
        }
        let _engine = start();
        assert!(modes().iter().all(|(_, mode)| *mode == 0o600), "{:?}", modes());
    }
}
