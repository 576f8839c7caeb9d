//! What a data folder may lack when it is opened, and gets.

use std::error::Error;

use dynoxide::actions::create_table::StreamSpecification;
use dynoxide::actions::delete_table::DeleteTableRequest;
use dynoxide::actions::list_streams::ListStreamsRequest;
use dynoxide::actions::list_tables::ListTablesRequest;
use dynoxide::actions::query::QueryRequest;
use dynoxide::actions::update_table::UpdateTableRequest;
use dynoxide::{AttributeValue, Database};

use crate::store::table;

/// Removes a table whose making was cut short: the engine writes it down first and makes its indexes one by one, and no
/// user can be written before all are there. Whoever opens the folder then makes the table anew. A table that an older
/// release made without a stream is given one.
pub(super) fn tables(database: &Database) -> Result<(), Box<dyn Error>> {
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

#[cfg(test)]
mod tests {
    use crate::local::dynamodb::{DynamoDb, Storage};
    use crate::local::{listen, probe};

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
        probe::create_table(&client).await;
        client.update_table().table_name("roster").stream_specification(off).send().await.unwrap();
        assert!(!with_stream(&engine, "roster").await);
        drop(engine);
        for _ in 0..2 {
            let engine = start();
            assert!(with_stream(&engine, "roster").await);
            assert!(!with_stream(&engine, "people").await, "another's table is left alone");
        }
    }
}
