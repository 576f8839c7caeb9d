//! How many users there are, about.

use crate::error::Error;
use crate::store::{Store, failure, table};

impl Store {
    /// The number of users as the index's own statistics have it: DynamoDB brings them up to date about every six hours.
    pub async fn count_users(&self) -> Result<u64, Error> {
        let call = self.client.describe_table().table_name(&*self.table);
        let answer = call.send().await.map_err(|e| failure::failed("describing the table", e))?;
        let indexes = answer.table.and_then(|table| table.global_secondary_indexes).unwrap_or_default();
        let index = indexes.iter().find(|index| index.index_name() == Some(table::BY_CREATED));
        let count = index.and_then(aws_sdk_dynamodb::types::GlobalSecondaryIndexDescription::item_count);
        Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default())
    }
}
