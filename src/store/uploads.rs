//! Uploads of avatars, and the avatar of a user.
//!
//! `avatar` is where the picture lies. Two attributes beside it keep order: `avatarUpload` is the id of the upload or removal
//! that set it, so that a later one wins in whatever order they come; `avatarFormer` is the picture before, so that
//! whoever runs again after a crash still knows what to remove.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Put, TransactWriteItem, Update};

use super::failure::{self, Cancelled};
use super::item::{self, Item, keyed, n, s};
use super::{Store, keys};
use crate::domain::avatar::{
    Announced, AvatarKey, Checksum, PictureType, REMEMBERED_SECONDS, Rejection, Upload, UploadId, UploadState,
};
use crate::domain::{Timestamp, User, UserId};
use crate::error::Error;

/// How often a request that met another one looks again.
const ATTEMPTS: usize = 5;

/// A user with what keeps its avatars in order.
pub struct Owner {
    /// The user.
    pub user: User,
    /// The upload or removal that came last.
    pub latest: Option<UploadId>,
    /// The picture before this one; its objects may still be there.
    pub former: Option<AvatarKey>,
}

impl Store {
    /// Writes a new upload of a user who exists, unless `most_pending` of that user's wait already.
    pub async fn add_upload(&self, upload: &Upload, most_pending: usize, now: Timestamp) -> Result<(), Error> {
        const USER: usize = 0;
        for _ in 0..ATTEMPTS {
            let items = self.upload_items(upload.user).await?;
            let count = items.first().filter(|item| item::text(item, "sk") == Some(keys::UPLOAD));
            let count = count.and_then(|item| item.get("count")).cloned();
            let waiting: Vec<Timestamp> = items.iter().filter_map(|item| waits_until(item, now)).collect();
            if waiting.len() >= most_pending {
                let first = waiting.into_iter().min().unwrap_or(now);
                let seconds = first.unix_seconds() - now.unix_seconds() + 1;
                return Err(Error::TooManyUploads { retry_after_seconds: u32::try_from(seconds).unwrap_or(1) });
            }
            match self.transact("adding an upload", self.addition(upload, count)?).await {
                Ok(()) => return Ok(()),
                Err(Cancelled::Conditions(reasons)) if failure::is_condition_failed(&reasons, USER) => {
                    return Err(Error::NotFound);
                }
                Err(Cancelled::Conditions(_)) => {}
                Err(Cancelled::Conflict(_)) => break,
                Err(Cancelled::Failed(error)) => return Err(error),
            }
        }
        Err(Error::Unavailable { reason: "other uploads are being asked for", retry_after_seconds: 1, source: None })
    }

    fn addition(&self, upload: &Upload, count: Option<AttributeValue>) -> Result<Vec<TransactWriteItem>, Error> {
        let user = keys::user(upload.user);
        let user_exists = ConditionCheck::builder()
            .table_name(&self.table)
            .key("pk", user.pk())
            .key("sk", user.sk())
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(built)?;
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(to_item(upload)))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(built)?;
        let meter = keys::upload_meter(upload.user);
        let meter = Update::builder()
            .table_name(&self.table)
            .key("pk", meter.pk())
            .key("sk", meter.sk())
            .update_expression("ADD #count :one")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":one", n(1));
        let meter = match count {
            None => meter.condition_expression("attribute_not_exists(#count)"),
            Some(count) => meter.condition_expression("#count = :count").expression_attribute_values(":count", count),
        };
        Ok(vec![
            TransactWriteItem::builder().condition_check(user_exists).build(),
            TransactWriteItem::builder().put(put).build(),
            TransactWriteItem::builder().update(meter.build().map_err(built)?).build(),
        ])
    }

    /// Reads one upload that is remembered still.
    pub async fn get_upload(&self, user: UserId, id: UploadId, now: Timestamp) -> Result<Option<Upload>, Error> {
        let Some(item) = self.get_item("reading an upload", &keys::upload(user, id)).await? else { return Ok(None) };
        if number(&item, "expiresAt").is_none_or(|end| end <= now.unix_seconds()) {
            return Ok(None);
        }
        to_upload(user, id, &item).map(Some).ok_or_else(|| Error::internal("an upload item lacks an attribute"))
    }

    /// Notes what became of an upload, once: what was noted first stays, and an upload that is gone stays gone.
    pub async fn finish_upload(&self, user: UserId, id: UploadId, state: UploadState) -> Result<(), Error> {
        let key = keys::upload(user, id);
        let mut call = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", key.pk())
            .key("sk", key.sk())
            .update_expression("SET #state = :state")
            .condition_expression("#state = :pending")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", s(state.as_str()))
            .expression_attribute_values(":pending", s(UploadState::Pending.as_str()));
        if let UploadState::Rejected(reason) = state {
            call = call.update_expression("SET #state = :state, reason = :reason");
            call = call.expression_attribute_values(":reason", s(reason.code()));
        }
        match call.send().await {
            Ok(_) => Ok(()),
            Err(e) if e.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => {
                Ok(())
            }
            Err(error) => Err(failure::failed("finishing an upload", error)),
        }
    }

    /// Forgets every upload of a user, and tells which there were.
    pub async fn forget_uploads(&self, user: UserId) -> Result<Vec<UploadId>, Error> {
        let mut forgotten = Vec::new();
        for item in self.upload_items(user).await? {
            let (Some(pk), Some(sk)) = (item.get("pk"), item.get("sk")) else { continue };
            let call = self.client.delete_item().table_name(&self.table).key("pk", pk.clone()).key("sk", sk.clone());
            call.send().await.map_err(|e| failure::failed("forgetting an upload", e))?;
            forgotten.extend(upload_id(&item));
        }
        Ok(forgotten)
    }

    /// Reads a user with what keeps its avatars in order.
    pub async fn get_owner(&self, id: UserId) -> Result<Option<Owner>, Error> {
        let Some(item) = self.get_item("reading a user", &keys::user(id)).await? else { return Ok(None) };
        Ok(Some(Owner {
            user: item::to_user(&item)?,
            latest: item::text(&item, "avatarUpload").and_then(|id| UploadId::parse(id).ok()),
            former: item::text(&item, "avatarFormer").map(|key| AvatarKey::from_stored(key.to_owned())),
        }))
    }

    /// Gives a user another avatar or none, as `id` says, if the user still is at `before`'s version.
    pub async fn set_avatar(
        &self,
        before: &User,
        avatar: Option<&AvatarKey>,
        id: UploadId,
        now: Timestamp,
    ) -> Result<(), Error> {
        let key = keys::user(before.id);
        let mut sets = vec!["avatarUpload = :upload", "version = :version", "updatedAt = :now"];
        let mut removes = Vec::new();
        let mut values = HashMap::from([
            (":before".to_owned(), n(before.version)),
            (":version".to_owned(), n(before.version + 1)),
            (":upload".to_owned(), s(id.to_string())),
            (":now".to_owned(), s(now.max(before.updated_at).to_string())),
        ]);
        let keys = [("avatar", ":avatar", avatar), ("avatarFormer", ":former", before.avatar.as_ref())];
        for (name, value, key) in keys {
            match key {
                None => removes.push(name),
                Some(key) => {
                    sets.push(if name == "avatar" { "avatar = :avatar" } else { "avatarFormer = :former" });
                    values.insert(value.to_owned(), s(key.as_str()));
                }
            }
        }
        let mut expression = format!("SET {}", sets.join(", "));
        if !removes.is_empty() {
            expression += " REMOVE ";
            expression += &removes.join(", ");
        }
        let call = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", key.pk())
            .key("sk", key.sk())
            .update_expression(expression)
            .condition_expression("version = :before")
            .set_expression_attribute_values(Some(values));
        match call.send().await {
            Ok(_) => Ok(()),
            Err(e) if e.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => {
                Err(Error::VersionConflict)
            }
            Err(error) => Err(failure::failed("changing an avatar", error)),
        }
    }

    /// The meter and the uploads of a user, in the order of their keys.
    async fn upload_items(&self, user: UserId) -> Result<Vec<Item>, Error> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", keys::upload_meter(user).pk())
            .expression_attribute_values(":prefix", s(keys::UPLOAD));
        let pages = query.into_paginator().items().send();
        pages.collect::<Result<_, _>>().await.map_err(|e| failure::failed("reading uploads", e))
    }
}

fn to_item(upload: &Upload) -> Item {
    let mut attributes = vec![
        ("contentType", s(upload.file.content_type.as_str())),
        ("contentLength", n(upload.file.content_length)),
        ("state", s(upload.state.as_str())),
        ("pendingUntil", s(upload.expires_at.to_string())),
        ("expiresAt", n(upload.expires_at.plus_seconds(REMEMBERED_SECONDS).unix_seconds())),
    ];
    attributes.extend(upload.file.checksum.iter().map(|sum| ("checksum", s(sum.to_string()))));
    keyed(&keys::upload(upload.user, upload.id), attributes)
}

fn to_upload(user: UserId, id: UploadId, item: &Item) -> Option<Upload> {
    let checksum = match item::text(item, "checksum") {
        Some(text) => Some(Checksum::parse(text).ok()?),
        None => None,
    };
    let file = Announced {
        content_type: PictureType::parse(item::text(item, "contentType")?).ok()?,
        content_length: u64::try_from(number(item, "contentLength")?).ok()?,
        checksum,
    };
    let state = match item::text(item, "state")? {
        "attached" => UploadState::Attached,
        "rejected" => UploadState::Rejected(Rejection::from_code(item::text(item, "reason")?)?),
        _ => UploadState::Pending,
    };
    Some(Upload { id, user, file, state, expires_at: Timestamp::parse(item::text(item, "pendingUntil")?).ok()? })
}

/// Until when an upload waits for its file, if it still does.
fn waits_until(item: &Item, now: Timestamp) -> Option<Timestamp> {
    let until = Timestamp::parse(item::text(item, "pendingUntil")?).ok()?;
    (item::text(item, "state") == Some(UploadState::Pending.as_str()) && until > now).then_some(until)
}

fn upload_id(item: &Item) -> Option<UploadId> {
    UploadId::parse(item::text(item, "sk")?.strip_prefix("UPLOAD#")?).ok()
}

fn number(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

fn built(error: BuildError) -> Error {
    Error::Internal { context: "building a write", source: Some(error.into()) }
}
