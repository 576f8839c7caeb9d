//! The embedded DynamoDB: the engine `dynoxide` behind HTTP, in memory or in one `SQLite` file.
//!
//! It takes any credentials. As in DynamoDB, an item may outlive its time: it is gone from the table within minutes.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dynoxide::Database;
use tokio::task::spawn_blocking;

use super::engine::{Engine, Stop};
use super::{Trouble, listen};

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
    engine: Engine,
}

impl DynamoDb {
    /// Starts the engine on `listener`.
    pub fn start(listener: TcpListener, storage: &Storage) -> Result<Self, Trouble> {
        let database = open(storage)?;
        Engine::start("dynamodb", listener, |listener, stop| run(listener, database, stop))
            .map(|engine| Self { engine })
            .map_err(Trouble::start("the DynamoDB engine"))
    }

    /// Starts an empty engine in memory, on a free port of the loopback address.
    pub fn in_memory() -> Result<Self, Trouble> {
        Self::start(listen::bind(listen::FREE_LOOPBACK_PORT, "--dynamodb-listen")?, &Storage::Memory)
    }

    /// Returns the address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.engine.address()
    }

    /// Returns the endpoint URL for clients on this machine.
    pub fn url(&self) -> String {
        listen::url(self.address())
    }

    /// Stops the engine, once the requests in flight are answered.
    pub fn stop(self) {}
}

fn open(storage: &Storage) -> Result<Database, Trouble> {
    let (opened, path) = match storage {
        Storage::Memory => (Database::memory(), Path::new(":memory:")),
        Storage::File(path) => (Database::new(&path.to_string_lossy()), path.as_path()),
    };
    opened.map_err(|error| {
        // What follows the first sentence speaks to users of the engine's own library.
        let reason = error.to_string().split(". ").next().unwrap_or_default().to_owned();
        Trouble::Database { path: path.into(), reason }
    })
}

async fn run(listener: tokio::net::TcpListener, database: Database, stop: Stop) {
    let serving = dynoxide::server::serve_with_shutdown(listener, database.clone(), stop.told());
    tokio::select! {
        ended = serving => if let Err(reason) = ended {
            tracing::error!(reason, "the DynamoDB engine stopped");
        },
        () = sweep(database) => {}
    }
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
        AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
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
        let put = client.put_item().table_name("people").item("pk", AttributeValue::S(id.into()));
        put.condition_expression("attribute_not_exists(pk)").send().await?;
        Ok(())
    }

    async fn has(client: &Client, id: &str) -> bool {
        let get = client.get_item().table_name("people").key("pk", AttributeValue::S(id.into()));
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
}
