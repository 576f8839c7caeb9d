//! Asks the table about itself, and tries what this caller may do there. Nothing is written: each write has a condition that
//! no item can meet.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, GlobalSecondaryIndexDescription, KeySchemaElement, Projection, ProjectionType,
    TableDescription,
};

use super::keys::{self, Key};
use super::{Store, table};
use crate::aws::{Asked, Dated, asked};
use crate::domain::{Timestamp, UserId};

/// A condition that no item can meet, whether or not it is there.
const NEVER: &str = "attribute_exists(pk) AND attribute_not_exists(pk)";

/// What the table says.
#[derive(Debug)]
pub struct TableFacts {
    /// Keys, indexes, stream.
    pub shape: Asked<Shape>,
    /// The attribute that time to live looks at, if it is on.
    pub time_to_live: Asked<Option<String>>,
    /// Whether there is point-in-time recovery.
    pub recovery: Asked<bool>,
    /// What the service's clock shows, if it answered, less up to a second.
    pub date: Option<Timestamp>,
    /// What this caller may do: the IAM action, what it is for, and what came of trying it.
    pub tried: Vec<(&'static str, &'static str, Asked<()>)>,
}

/// The shape of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Such as `ACTIVE`.
    pub status: String,
    /// Partition and sort key.
    pub keys: Vec<KeyAttribute>,
    /// Whether each request is paid for by itself; otherwise capacity is set ahead.
    pub is_on_demand: bool,
    /// Its global indexes.
    pub indexes: Vec<Index>,
    /// What a stream record shows, such as `NEW_AND_OLD_IMAGES`, if there is a stream.
    pub stream: Option<String>,
    /// Whether it refuses to be deleted; nothing where the engine does not say.
    pub is_protected: Option<bool>,
}

/// A key's attribute: name, type (`S`, `N`) and role (`HASH`, `RANGE`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAttribute {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Its role.
    pub role: String,
}

/// A global index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Such as `ACTIVE`; an engine may leave it out.
    pub status: Option<String>,
    /// Partition and sort key.
    pub keys: Vec<KeyAttribute>,
    /// Which attributes it holds besides keys; nothing for all of them.
    pub projected: Option<Vec<String>>,
}

impl Store {
    /// Asks everything at once; each question goes its own way.
    pub async fn inspect(&self) -> TableFacts {
        let dated = Dated::default();
        let shape = self.client.describe_table().table_name(&*self.table).customize().interceptor(dated.clone());
        let shape = shape.send();
        let time_to_live = self.client.describe_time_to_live().table_name(&*self.table).send();
        let recovery = self.client.describe_continuous_backups().table_name(&*self.table).send();
        let (shape, time_to_live, recovery, tried) =
            tokio::join!(shape, time_to_live, recovery, Box::pin(self.try_everything()));
        let time_to_live = asked(time_to_live).map(|answer| {
            let found = answer.time_to_live_description?;
            let is_on = matches!(found.time_to_live_status?.as_str(), "ENABLED" | "ENABLING");
            found.attribute_name.filter(|_| is_on)
        });
        let recovery = asked(recovery).map(|answer| {
            let found =
                answer.continuous_backups_description.and_then(|found| found.point_in_time_recovery_description);
            found
                .and_then(|found| found.point_in_time_recovery_status)
                .is_some_and(|status| status.as_str() == "ENABLED")
        });
        let shape = asked(shape).and_then(|answer| {
            let shape = answer.table.map(Shape::of);
            shape.map_or_else(|| Asked::Failed("an answer without a table".to_owned()), Asked::Told)
        });
        TableFacts { shape, time_to_live, recovery, date: dated.time(), tried }
    }

    /// Does what commands and functions do, to a user whom nobody can be.
    async fn try_everything(&self) -> Vec<(&'static str, &'static str, Asked<()>)> {
        let (user, credential) = (keys::user(UserId::nobody()), keys::credential(UserId::nobody()));
        let get = |key: &Key| {
            let call = self.client.get_item().table_name(&*self.table).key("pk", key.pk()).key("sk", key.sk());
            call.consistent_read(true).send()
        };
        let list = self.client.query().table_name(&*self.table).index_name(table::BY_CREATED);
        let list =
            list.key_condition_expression("#shard = :none").expression_attribute_names("#shard", table::SHARD).limit(1);
        let list = list.expression_attribute_values(":none", AttributeValue::N("-1".to_owned())).send();
        let delete = self.client.delete_item().table_name(&*self.table).key("pk", user.pk()).key("sk", user.sk());
        let (profile, hash, listed, deleted) =
            tokio::join!(get(&user), get(&credential), list, delete.condition_expression(NEVER).send());
        let deleted = refused(asked(deleted));
        let mut tried = vec![
            ("dynamodb:GetItem", "read a user", asked(profile).map(|_| ())),
            ("dynamodb:GetItem", "read a credential", asked(hash).map(|_| ())),
            ("dynamodb:Query", "list users", asked(listed).map(|_| ())),
        ];
        // Deleting what is not there is harmless even where conditions mean nothing; writing is not.
        if deleted == Asked::Told(()) {
            let put = self.client.put_item().table_name(&*self.table).item("pk", user.pk()).item("sk", user.sk());
            let update = self.client.update_item().table_name(&*self.table).key("pk", user.pk()).key("sk", user.sk());
            let update = update.update_expression("REMOVE mark").condition_expression(NEVER);
            let (put, update) = tokio::join!(put.condition_expression(NEVER).send(), update.send());
            tried.push(("dynamodb:PutItem", "create a user", refused(asked(put))));
            tried.push(("dynamodb:UpdateItem", "change a user", refused(asked(update))));
        } else {
            let why = "not tried, where it is not sure that conditions hold";
            tried.push(("dynamodb:PutItem", "create a user", Asked::Failed(why.to_owned())));
            tried.push(("dynamodb:UpdateItem", "change a user", Asked::Failed(why.to_owned())));
        }
        tried.push(("dynamodb:DeleteItem", "delete a user", deleted));
        tried
    }
}

/// A write is allowed where its condition is what refused it.
fn refused<T>(outcome: Asked<T>) -> Asked<()> {
    match outcome {
        Asked::Failed(code) if code == "ConditionalCheckFailedException" => Asked::Told(()),
        Asked::Told(_) => Asked::Failed("a condition that no item can meet was met".to_owned()),
        other => other.map(|_| ()),
    }
}

impl Shape {
    fn of(table: TableDescription) -> Self {
        let attributes = table.attribute_definitions.unwrap_or_default();
        let is_on_demand = table.billing_mode_summary.and_then(|summary| summary.billing_mode);
        let stream = table.stream_specification.filter(|stream| stream.stream_enabled);
        let indexes = table.global_secondary_indexes.unwrap_or_default();
        Self {
            status: table.table_status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
            keys: key_attributes(&table.key_schema.unwrap_or_default(), &attributes),
            is_on_demand: is_on_demand.is_some_and(|mode| mode.as_str() == "PAY_PER_REQUEST"),
            indexes: indexes.into_iter().map(|index| Index::of(index, &attributes)).collect(),
            stream: stream.and_then(|stream| stream.stream_view_type).map(|view| view.as_str().to_owned()),
            is_protected: table.deletion_protection_enabled,
        }
    }
}

impl Index {
    fn of(index: GlobalSecondaryIndexDescription, attributes: &[AttributeDefinition]) -> Self {
        let projection = index.projection.unwrap_or_else(|| Projection::builder().build());
        let is_whole = projection.projection_type == Some(ProjectionType::All);
        Self {
            name: index.index_name.unwrap_or_default(),
            status: index.index_status.map(|status| status.as_str().to_owned()),
            keys: key_attributes(&index.key_schema.unwrap_or_default(), attributes),
            projected: (!is_whole).then(|| projection.non_key_attributes.unwrap_or_default()),
        }
    }
}

fn key_attributes(schema: &[KeySchemaElement], attributes: &[AttributeDefinition]) -> Vec<KeyAttribute> {
    let kind = |name: &str| attributes.iter().find(|attribute| attribute.attribute_name == name);
    let key = |element: &KeySchemaElement| KeyAttribute {
        name: element.attribute_name.clone(),
        kind: kind(&element.attribute_name).map(|found| found.attribute_type.as_str().to_owned()).unwrap_or_default(),
        role: element.key_type.as_str().to_owned(),
    };
    schema.iter().map(key).collect()
}
