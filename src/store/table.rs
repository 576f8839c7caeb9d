//! The table's shape, as `template.yaml` draws it too; a test compares the two.

/// Index in order of creation.
pub const BY_CREATED: &str = "by_created";
/// Index in order of user name.
pub const BY_USER_NAME: &str = "by_user_name";
/// Index in order of last name.
pub const BY_LAST_NAME: &str = "by_last_name";

/// The table's partition key and sort key, with their types.
pub const KEYS: [(&str, &str); 2] = [("pk", "S"), ("sk", "S")];

/// The partition key of every index, a number; a user alone has it.
pub const SHARD: &str = "shard";

/// What a record of the table's stream shows.
pub const STREAM_VIEW: &str = "NEW_AND_OLD_IMAGES";

/// The attribute that DynamoDB's time to live looks at, in seconds since 1970.
pub const TIME_TO_LIVE: &str = "expiresAt";

/// The list indexes and their sort keys; the partition key of each is the number `shard`.
pub const INDEXES: [(&str, &str); 3] =
    [(BY_CREATED, "createdKey"), (BY_USER_NAME, "userNameKey"), (BY_LAST_NAME, "lastNameKey")];

/// What a list shows and an index therefore projects, besides keys.
pub const PROJECTED: [&str; 11] = [
    "id",
    "userName",
    "userNameKey",
    "firstName",
    "lastName",
    "lastNameKey",
    "version",
    "createdAt",
    "createdKey",
    "updatedAt",
    "avatar",
];

/// The attributes that one index projects: all of [`PROJECTED`] but its own sort key.
pub fn projection(sort_key: &str) -> impl Iterator<Item = &'static str> {
    PROJECTED.into_iter().filter(move |name| *name != sort_key)
}

#[cfg(feature = "local")]
mod create {
    use aws_sdk_dynamodb::error::BuildError;
    use aws_sdk_dynamodb::operation::create_table::CreateTableError;
    use aws_sdk_dynamodb::types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        StreamSpecification, TimeToLiveSpecification,
    };

    use super::{INDEXES, KEYS, SHARD, STREAM_VIEW, TIME_TO_LIVE, projection};
    use crate::error::Error;
    use crate::store::{Store, failure};

    impl Store {
        /// Creates the table if it is not there. On AWS the template does this.
        pub async fn create_table(&self) -> Result<(), Error> {
            let built = |e: BuildError| Error::Internal { context: "describing the table", source: Some(e.into()) };
            let mut call = self.client.create_table().table_name(&*self.table).billing_mode(BillingMode::PayPerRequest);
            let sort_keys = INDEXES.map(|(_, sort_key)| (sort_key, "S"));
            for (name, kind) in KEYS.into_iter().chain([(SHARD, "N")]).chain(sort_keys) {
                let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(kind.into());
                call = call.attribute_definitions(attribute.build().map_err(built)?);
            }
            for element in key_schema(KEYS[0].0, KEYS[1].0).map_err(built)? {
                call = call.key_schema(element);
            }
            for (name, sort_key) in INDEXES {
                call = call.global_secondary_indexes(index(name, sort_key).map_err(built)?);
            }
            call = call.stream_specification(stream().map_err(built)?);
            match call.send().await {
                Ok(_) => self.wait_until_active().await?,
                // Not described: an engine that counts its items for that takes its time where there are a million.
                Err(error) if error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception) => {}
                Err(error) => return Err(failure::failed("creating the table", error)),
            }
            // Asked each time: whoever created the table may have been stopped before this.
            if self.has_time_to_live().await? {
                return Ok(());
            }
            let ttl =
                TimeToLiveSpecification::builder().attribute_name(TIME_TO_LIVE).enabled(true).build().map_err(built)?;
            let call = self.client.update_time_to_live().table_name(&*self.table).time_to_live_specification(ttl);
            call.send().await.map_err(|e| failure::failed("setting the time to live", e))?;
            Ok(())
        }

        async fn has_time_to_live(&self) -> Result<bool, Error> {
            let call = self.client.describe_time_to_live().table_name(&*self.table);
            let answer = call.send().await.map_err(|e| failure::failed("reading the time to live", e))?;
            let status = answer.time_to_live_description.and_then(|description| description.time_to_live_status);
            Ok(status.is_some_and(|status| matches!(status.as_str(), "ENABLED" | "ENABLING")))
        }

        async fn wait_until_active(&self) -> Result<(), Error> {
            for _ in 0..300 {
                let call = self.client.describe_table().table_name(&*self.table);
                let answer = call.send().await.map_err(|e| failure::failed("describing the table", e))?;
                if answer.table.and_then(|table| table.table_status).is_some_and(|status| status.as_str() == "ACTIVE") {
                    return Ok(());
                }
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            Err(Error::internal("the table did not become active"))
        }
    }

    fn stream() -> Result<StreamSpecification, BuildError> {
        StreamSpecification::builder().stream_enabled(true).stream_view_type(STREAM_VIEW.into()).build()
    }

    fn key_schema(partition_key: &str, sort_key: &str) -> Result<[KeySchemaElement; 2], BuildError> {
        let element = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
        Ok([element(partition_key, KeyType::Hash)?, element(sort_key, KeyType::Range)?])
    }

    fn index(name: &str, sort_key: &str) -> Result<GlobalSecondaryIndex, BuildError> {
        let projected = projection(sort_key).map(str::to_owned).collect();
        GlobalSecondaryIndex::builder()
            .index_name(name)
            .set_key_schema(Some(key_schema(SHARD, sort_key)?.to_vec()))
            .projection(
                Projection::builder()
                    .projection_type(ProjectionType::Include)
                    .set_non_key_attributes(Some(projected))
                    .build(),
            )
            .build()
    }
}
