//! Uploads of avatars, and the avatar of a user.
//!
//! `avatar` is where the picture lies. `avatarUpload` beside it is the id of the upload or removal that came last, so that a
//! later one wins in whatever order they come. It never goes back, and an upload is attached in the same transaction that
//! finishes it: a picture of an upload that is finished, or not later than the last one, is the user's now or never.
//!
//! The item `UPLOAD`, which counts, is there from a user's first upload until every object of the user is gone.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Put, TransactWriteItem, Update};

use super::calls::built;
use super::failure::{self, Cancelled};
use super::item::{self, Item, keyed, n, s};
use super::{Store, keys};
use crate::domain::avatar::{
    Announced, AvatarKey, Checksum, PictureType, REMEMBERED_SECONDS, Rejection, Upload, UploadId, UploadState,
};
use crate::domain::{Timestamp, User, UserId};
use crate::error::Error;

/// How many uploads of one user are remembered at once, finished ones too: whoever asks for more comes back when one is
/// forgotten. It bounds what a request reads, and what the removal of a user has to do.
const MOST_REMEMBERED: usize = 100;

/// What a change by an upload or removal demands: the version that was seen, and that none has outranked it. Ids compare as
/// texts as they do as numbers.
const NOT_OUTRANKED: &str = "version = :before AND (attribute_not_exists(avatarUpload) OR avatarUpload <= :upload)";

/// How often a request that met another one looks again.
const ATTEMPTS: usize = 5;

/// A user with what keeps its avatars in order.
pub struct Owner {
    /// The user.
    pub user: User,
    /// The upload or removal that came last.
    pub latest: Option<UploadId>,
}

impl Store {
    /// Writes a new upload of a user who exists, unless `most_pending` of that user's wait already, or too many are
    /// remembered.
    pub async fn add_upload(&self, upload: &Upload, most_pending: usize, now: Timestamp) -> Result<(), Error> {
        const USER: usize = 0;
        for _ in 0..ATTEMPTS {
            let items = self.upload_items(upload.user).await?;
            let count = items.first().filter(|item| item::text(item, "sk") == Some(keys::UPLOAD));
            let count = count.and_then(|item| item.get("count")).cloned();
            let waiting: Vec<Timestamp> = items.iter().filter_map(|item| waits_until(item, now)).collect();
            if waiting.len() >= most_pending {
                let first = waiting.into_iter().min().unwrap_or(now);
                return Err(too_many(first.unix_seconds(), now));
            }
            let ends =
                items.iter().filter_map(|item| item::number(item, "expiresAt")).filter(|end| *end > now.unix_seconds());
            if let (true, Some(first)) = (ends.clone().count() >= MOST_REMEMBERED, ends.min()) {
                return Err(too_many(first, now));
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
            .table_name(&*self.table)
            .key("pk", user.pk())
            .key("sk", user.sk())
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(built)?;
        let put = Put::builder()
            .table_name(&*self.table)
            .set_item(Some(to_item(upload)))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(built)?;
        let meter = keys::upload_meter(upload.user);
        let meter = Update::builder()
            .table_name(&*self.table)
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
        if item::number(&item, "expiresAt").is_none_or(|end: i64| end <= now.unix_seconds()) {
            return Ok(None);
        }
        to_upload(user, id, &item).map(Some).ok_or_else(|| Error::internal("an upload item lacks an attribute"))
    }

    /// Notes that an upload is rejected, unless it is finished or gone already.
    pub async fn reject_upload(&self, user: UserId, id: UploadId, reason: Rejection) -> Result<(), Error> {
        let key = keys::upload(user, id);
        let call = self
            .client
            .update_item()
            .table_name(&*self.table)
            .key("pk", key.pk())
            .key("sk", key.sk())
            .update_expression("SET #state = :rejected, reason = :reason")
            .condition_expression("#state = :pending")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":rejected", s(UploadState::Rejected(reason).as_str()))
            .expression_attribute_values(":reason", s(reason.code()))
            .expression_attribute_values(":pending", s(UploadState::Pending.as_str()));
        match self.write_one(|| call.clone().send()).await {
            Ok(_) => Ok(()),
            Err(e) if e.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => {
                Ok(())
            }
            Err(error) => Err(failure::failed("rejecting an upload", error)),
        }
    }

    /// Whether a user has uploads that are not finished.
    pub async fn has_unfinished_uploads(&self, user: UserId) -> Result<bool, Error> {
        let pending = Some(UploadState::Pending.as_str());
        Ok(self.upload_items(user).await?.iter().any(|item| item::text(item, "state") == pending))
    }

    /// The uploads of a user that are remembered; nothing where the user never asked for one, or all is forgotten.
    pub async fn list_uploads(&self, user: UserId) -> Result<Option<Vec<UploadId>>, Error> {
        let items = self.upload_items(user).await?;
        Ok((!items.is_empty()).then(|| items.iter().filter_map(upload_id).collect()))
    }

    /// Forgets every upload of a user, and last of all that there were any.
    pub async fn forget_uploads(&self, user: UserId, uploads: &[UploadId]) -> Result<(), Error> {
        let keys = uploads.iter().map(|upload| keys::upload(user, *upload)).chain([keys::upload_meter(user)]);
        for key in keys {
            let call = self.client.delete_item().table_name(&*self.table).key("pk", key.pk()).key("sk", key.sk());
            let forgotten = self.write_one(|| call.clone().send()).await;
            forgotten.map_err(|e| failure::failed("forgetting an upload", e))?;
        }
        Ok(())
    }

    /// Reads a user with what keeps its avatars in order.
    pub async fn get_owner(&self, id: UserId) -> Result<Option<Owner>, Error> {
        let Some(item) = self.get_item("reading a user", &keys::user(id)).await? else { return Ok(None) };
        Ok(Some(Owner {
            user: item::to_user(&item)?,
            latest: item::text(&item, "avatarUpload").and_then(|id| UploadId::parse(id).ok()),
        }))
    }

    /// Gives a user the picture of an upload and finishes the upload, in one transaction, if the user still is at
    /// `before`'s version. False, and nothing has happened, where the upload is finished or outranked already.
    pub async fn attach_avatar(
        &self,
        before: &User,
        avatar: &AvatarKey,
        id: UploadId,
        now: Timestamp,
    ) -> Result<bool, Error> {
        // Order: upload, user.
        const UPLOAD: usize = 0;
        let key = keys::upload(before.id, id);
        let upload = Update::builder()
            .table_name(&*self.table)
            .key("pk", key.pk())
            .key("sk", key.sk())
            .update_expression("SET #state = :attached")
            .condition_expression("#state = :pending AND expiresAt > :now")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":attached", s(UploadState::Attached.as_str()))
            .expression_attribute_values(":pending", s(UploadState::Pending.as_str()))
            .expression_attribute_values(":now", n(now.unix_seconds()));
        let user = self
            .avatar_change(before, id, now)
            .update_expression("SET avatarUpload = :upload, version = :version, updatedAt = :now, avatar = :avatar")
            .expression_attribute_values(":avatar", s(avatar.as_str()));
        let writes = vec![
            TransactWriteItem::builder().update(upload.build().map_err(built)?).build(),
            TransactWriteItem::builder().update(user.build().map_err(built)?).build(),
        ];
        match self.transact("attaching an avatar", writes).await {
            Ok(()) => Ok(true),
            Err(Cancelled::Conditions(reasons)) if failure::is_condition_failed(&reasons, UPLOAD) => Ok(false),
            Err(Cancelled::Conditions(_)) => Err(Error::VersionConflict),
            Err(Cancelled::Conflict(_)) => Err(Error::contended()),
            Err(Cancelled::Failed(error)) => Err(error),
        }
    }

    /// Takes a user's avatar away, as `id` says, if the user still is at `before`'s version.
    pub async fn remove_avatar(&self, before: &User, id: UploadId, now: Timestamp) -> Result<(), Error> {
        let change = self.avatar_change(before, id, now);
        let change =
            change.update_expression("SET avatarUpload = :upload, version = :version, updatedAt = :now REMOVE avatar");
        self.change_avatar(change).await
    }

    /// Outranks every upload of a user without an avatar that was asked for before `id`; nobody sees a change.
    pub async fn outrank_uploads(&self, before: &User, id: UploadId) -> Result<(), Error> {
        let key = keys::user(before.id);
        let change = Update::builder()
            .table_name(&*self.table)
            .key("pk", key.pk())
            .key("sk", key.sk())
            .update_expression("SET avatarUpload = :upload")
            // An outranking changes no version, so this may come after a later one.
            .condition_expression(NOT_OUTRANKED)
            .expression_attribute_values(":upload", s(id.to_string()))
            .expression_attribute_values(":before", n(before.version));
        self.change_avatar(change).await
    }

    /// The change of a user by an upload or removal that none has outranked, to the next version.
    fn avatar_change(&self, before: &User, id: UploadId, now: Timestamp) -> UpdateBuilder {
        let key = keys::user(before.id);
        Update::builder()
            .table_name(&*self.table)
            .key("pk", key.pk())
            .key("sk", key.sk())
            .condition_expression(NOT_OUTRANKED)
            .expression_attribute_values(":before", n(before.version))
            .expression_attribute_values(":version", n(before.version + 1))
            .expression_attribute_values(":upload", s(id.to_string()))
            .expression_attribute_values(":now", s(now.max(before.updated_at).to_string()))
    }

    async fn change_avatar(&self, change: UpdateBuilder) -> Result<(), Error> {
        let change = TransactWriteItem::builder().update(change.build().map_err(built)?).build();
        self.transact("changing an avatar", vec![change]).await.map_err(|cancelled| match cancelled {
            Cancelled::Conditions(_) => Error::VersionConflict,
            Cancelled::Conflict(_) => Error::contended(),
            Cancelled::Failed(error) => error,
        })
    }

    /// The meter and the uploads of a user, in the order of their keys.
    async fn upload_items(&self, user: UserId) -> Result<Vec<Item>, Error> {
        let query = self
            .client
            .query()
            .table_name(&*self.table)
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
        content_length: item::number(item, "contentLength")?,
        checksum,
    };
    let state = match item::text(item, "state")? {
        "attached" => UploadState::Attached,
        "rejected" => UploadState::Rejected(Rejection::from_code(item::text(item, "reason")?)?),
        _ => UploadState::Pending,
    };
    Some(Upload { id, user, file, state, expires_at: Timestamp::parse(item::text(item, "pendingUntil")?).ok()? })
}

/// There may be another upload once the time is `then`, in seconds since 1970.
fn too_many(then: i64, now: Timestamp) -> Error {
    let seconds = u32::try_from(then - now.unix_seconds() + 1).unwrap_or(1);
    Error::TooManyUploads { retry_after_seconds: seconds }
}

/// Until when an upload waits for its file, if it still does.
fn waits_until(item: &Item, now: Timestamp) -> Option<Timestamp> {
    let until = Timestamp::parse(item::text(item, "pendingUntil")?).ok()?;
    (item::text(item, "state") == Some(UploadState::Pending.as_str()) && until > now).then_some(until)
}

fn upload_id(item: &Item) -> Option<UploadId> {
    UploadId::parse(item::text(item, "sk")?.strip_prefix("UPLOAD#")?).ok()
}
