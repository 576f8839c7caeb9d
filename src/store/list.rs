//! The list: for now its first page, merged from the shards of `by_created`.

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::{self, Item};
use super::{Store, failure, table};
use crate::domain::User;
use crate::error::Error;

impl Store {
    /// The users created first, at most `limit` of them, oldest first; and whether there are more.
    pub async fn first_users(&self, limit: usize) -> Result<(Vec<User>, bool), Error> {
        let mut items: Vec<Item> = Vec::new();
        let mut has_more = false;
        for shard in 0..self.list_shards {
            let call = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(table::BY_CREATED)
                .key_condition_expression("#shard = :shard")
                .expression_attribute_names("#shard", "shard")
                .expression_attribute_values(":shard", AttributeValue::N(shard.to_string()))
                .limit(i32::try_from(limit).unwrap_or(i32::MAX));
            let answer = call.send().await.map_err(|e| failure::failed("listing users", e))?;
            has_more |= answer.last_evaluated_key.is_some();
            items.extend(answer.items.unwrap_or_default());
        }
        items.sort_by(|a, b| item::text(a, "createdKey").cmp(&item::text(b, "createdKey")));
        has_more |= items.len() > limit;
        items.truncate(limit);
        Ok((items.iter().map(item::to_user).collect::<Result<_, _>>()?, has_more))
    }
}
