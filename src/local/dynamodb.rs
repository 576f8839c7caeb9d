//! The embedded DynamoDB: the engine `dynoxide` behind HTTP, in memory or in one `SQLite` file.
//!
//! It takes any credentials, so `front` lets in no web page. As in DynamoDB, an item may outlive its time: it is gone from the table within minutes.

use std::error::Error;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use axum::Router;
use dynoxide::Database;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use super::engine::{Engine, GRACE, Stop};
use super::stream::{self, Stream};
use super::{Trouble, connections, data, front, listen, mend};

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
    opened.and_then(|database| mend::tables(&database).map(|()| database)).map_err(|error| {
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
    use aws_sdk_dynamodb::types::AttributeValue as Value;

    use super::*;
    use crate::local::probe;

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
        probe::create_table(&client).await;
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
        probe::create_table(&client).await;
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
        probe::create_table(&probe::dynamodb(&one.url())).await;
        assert!(probe::dynamodb(&other.url()).list_tables().send().await.unwrap().table_names().is_empty());
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
        probe::create_table(&probe::dynamodb(&engine.url())).await;
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
        probe::create_table(&probe::dynamodb(&engine.url())).await;
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
