//! The embedded engine's stream: kept from slowing writes down, and read as Lambda would be handed it.
//!
//! Before each record the engine looks for the largest sequence number of all that it keeps, without an index: the 10,000th
//! write takes eight times as long as the first. It also keeps every record for ever. An index over that very expression
//! makes the look-up a step into a tree, and triggers see to it that only records of users come in, as in the function's
//! filter, and that the latest of them stay. They are added to the engine's own file, which knows nothing of them.

use std::path::Path;

use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::actions::list_streams::ListStreamsRequest;
use dynoxide::{Database, streams};
use rusqlite::Connection;
use serde_json::Value;

use crate::events::KEPT;
use crate::store::stream::USER;

/// Adds index and triggers to the engine's file, if they are not there.
pub fn shape(file: &Path) -> rusqlite::Result<()> {
    Connection::open(file)?.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         CREATE INDEX IF NOT EXISTS roster_stream_order
             ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
         DROP TRIGGER IF EXISTS roster_stream_users;
         CREATE TRIGGER roster_stream_users BEFORE INSERT ON _stream_records
             WHEN json_extract(NEW.keys_json, '$.sk.S') IS NOT '{USER}'
             BEGIN SELECT RAISE(IGNORE); END;
         DROP TRIGGER IF EXISTS roster_stream_trim;
         CREATE TRIGGER roster_stream_trim AFTER INSERT ON _stream_records WHEN NEW.id % 100 = 0
             BEGIN DELETE FROM _stream_records WHERE id <= NEW.id - {KEPT}; END;
         COMMIT;"
    ))
}

/// A place in the stream of one table.
pub struct Stream {
    database: Database,
    table: String,
    /// Where the next reading begins, once there was one.
    iterator: Option<String>,
}

impl Stream {
    /// The beginning of what is kept.
    pub(super) fn new(database: Database, table: String) -> Self {
        Self { database, table, iterator: None }
    }

    /// Reads up to 1,000 records, as they stand in a Lambda event; the place stays until it is told to move on.
    pub fn read(&mut self) -> Result<Batch, String> {
        let iterator = match self.iterator.take() {
            Some(iterator) => iterator,
            None => match self.arn()? {
                Some(arn) => self.iterator_at(arn, "TRIM_HORIZON", None)?,
                None => return Ok(Batch { records: Vec::new(), next: None }),
            },
        };
        self.iterator = Some(iterator.clone());
        let request = GetRecordsRequest { shard_iterator: iterator, limit: None };
        let answer = self.database.get_records(request).map_err(|error| error.to_string())?;
        let records = answer.records.iter().map(serde_json::to_value).collect::<Result<_, _>>();
        Ok(Batch { records: records.map_err(|error| error.to_string())?, next: answer.next_shard_iterator })
    }

    /// Moves on past a batch.
    pub fn move_on(&mut self, next: Option<String>) {
        self.iterator = next.or_else(|| self.iterator.take());
    }

    /// Moves to a record, or right after it.
    pub fn move_to(&mut self, sequence: &str, is_after: bool) -> Result<(), String> {
        let kind = if is_after { "AFTER_SEQUENCE_NUMBER" } else { "AT_SEQUENCE_NUMBER" };
        if let Some(arn) = self.arn()? {
            self.iterator = Some(self.iterator_at(arn, kind, Some(sequence.to_owned()))?);
        }
        Ok(())
    }

    /// The stream's name, once the table is there.
    fn arn(&self) -> Result<Option<String>, String> {
        let request = ListStreamsRequest { table_name: Some(self.table.clone()), ..ListStreamsRequest::default() };
        let answer = self.database.list_streams(request).map_err(|error| error.to_string())?;
        Ok(answer.streams.into_iter().next().map(|stream| stream.stream_arn))
    }

    fn iterator_at(&self, stream_arn: String, kind: &str, sequence_number: Option<String>) -> Result<String, String> {
        let shard_id = streams::shard_id(&self.table);
        let request =
            GetShardIteratorRequest { stream_arn, shard_id, shard_iterator_type: kind.to_owned(), sequence_number };
        let answer = self.database.get_shard_iterator(request).map_err(|error| error.to_string())?;
        answer.shard_iterator.ok_or_else(|| "the engine gave no iterator".to_owned())
    }
}

/// Some records in order, and the place after them.
pub struct Batch {
    /// As in a Lambda event.
    pub records: Vec<Value>,
    /// Where to go on.
    pub next: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path) -> (Database, Connection) {
        let path = folder.join("items.db");
        let database = Database::new(&path.to_string_lossy()).unwrap();
        shape(&path).unwrap();
        shape(&path).unwrap();
        (database, Connection::open(&path).unwrap())
    }

    fn insert(connection: &Connection, count: usize, sort_key: &str) {
        let sql = format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
             INSERT INTO _stream_records (table_name, event_name, keys_json, sequence_number, shard_id, created_at)
             SELECT 't', 'INSERT', '{{\"pk\":{{\"S\":\"x\"}},\"sk\":{{\"S\":\"{sort_key}\"}}}}', i, 's', 0 FROM n"
        );
        connection.execute_batch(&sql).unwrap();
    }

    fn count(connection: &Connection) -> usize {
        connection.query_row("SELECT COUNT(*) FROM _stream_records", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn the_engines_look_ups_use_the_index() {
        let folder = tempfile::tempdir().unwrap();
        let (_database, connection) = file(folder.path());
        // As the engine asks, word for word.
        for asked in [
            "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1 FROM _stream_records WHERE table_name = 't'",
            "SELECT event_name FROM _stream_records WHERE table_name = 't' AND shard_id = 's' AND CAST(sequence_number AS \
             INTEGER) > 5 ORDER BY CAST(sequence_number AS INTEGER) ASC LIMIT 7",
        ] {
            let plan: Vec<String> = connection
                .prepare(&format!("EXPLAIN QUERY PLAN {asked}"))
                .unwrap()
                .query_map([], |row| row.get(3))
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            assert!(plan.len() == 1 && plan[0].contains("roster_stream_order"), "{asked}: {plan:?}");
        }
    }

    #[test]
    fn only_records_of_users_are_kept_and_not_all_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let (_database, connection) = file(folder.path());
        for other in ["CRED", "IDEM", "NAME", "UPLOAD#1"] {
            insert(&connection, 3, other);
        }
        assert_eq!(count(&connection), 0);
        insert(&connection, KEPT + 250, USER);
        assert!((KEPT..KEPT + 100).contains(&count(&connection)), "{}", count(&connection));
    }
}
