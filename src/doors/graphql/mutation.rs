//! What can be changed.

use async_graphql::{Context, ID, Object, Result, SimpleObject};

use super::failure::{at, at_field};
use super::input::{
    ChangePasswordInput, CreateUserInput, RequestAvatarUploadInput, UpdateUserInput, VerifyPasswordInput,
};
use super::types::{DateTime, NameAndValue, RequestedAvatarUpload, User};
use super::{Caller, nullable};
use crate::domain::avatar::UploadMethod;
use crate::domain::{IdempotencyKey, IfMatch, UserId};
use crate::doors::rest::problem::{PRECONDITION_REQUIRED, Problem};
use crate::doors::rest::{avatars, patch, view};
use crate::error::Error;
use crate::operations;

/// Changing, one field after the other, five at most. Every root field counts against the caller's quotas as its REST
/// operation does. `version` makes a change conditional, as `If-Match` does there: a user that has changed meanwhile is left
/// as it is, and the error's code is `version-conflict`.
pub struct Mutation;

/// Where the input stands among a field's arguments.
const INPUT: &str = "/input";

#[derive(SimpleObject)]
struct CreateUserPayload {
    user: User,
}

#[derive(SimpleObject)]
struct UpdateUserPayload {
    user: User,
}

#[derive(SimpleObject)]
struct DeleteUserPayload {
    id: ID,
}

#[derive(SimpleObject)]
struct ChangePasswordPayload {
    id: ID,
}

#[derive(SimpleObject)]
struct VerifyPasswordPayload {
    user: User,
}

#[derive(SimpleObject)]
struct RequestAvatarUploadPayload {
    upload: RequestedAvatarUpload,
}

#[derive(SimpleObject)]
struct DeleteAvatarPayload {
    id: ID,
}

#[Object]
impl Mutation {
    /// Creates a user. With an `idempotencyKey` a repeated call within 24 hours answers what the first one did.
    async fn create_user(
        &self,
        ctx: &Context<'_>,
        input: CreateUserInput,
        idempotency_key: Option<String>,
    ) -> Option<Result<CreateUserPayload>> {
        nullable(async {
            let Caller { app, actor, .. } = ctx.data()?;
            let key = idempotency_key.map(|key| IdempotencyKey::parse(&key)).transpose();
            let key = key.map_err(|flaw| at("", Error::invalid_member("/idempotencyKey", flaw)))?;
            let new = |policy: &_| view::new_user(input.into(), Vec::new(), policy).map_err(Error::Invalid);
            let user = operations::create_user(app, actor, new, key).await.map_err(|error| at(INPUT, error))?;
            Ok(CreateUserPayload { user: User(user) })
        })
        .await
    }

    /// Changes some of a user's names.
    async fn update_user(
        &self,
        ctx: &Context<'_>,
        id: ID,
        input: UpdateUserInput,
        version: Option<u64>,
    ) -> Option<Result<UpdateUserPayload>> {
        nullable(async {
            let caller @ Caller { app, actor, .. } = ctx.data()?;
            let (id, if_match) = (user_id(&id)?, demanded(caller, version)?);
            let patch = patch::read_merge(input.into(), Vec::new()).map_err(invalid)?;
            let change = operations::patch_user(app, actor, id, &if_match, |user| patch.apply(app, user));
            // Large: it has a write and a transaction in it.
            let user = Box::pin(change).await;
            Ok(UpdateUserPayload { user: User(user.map_err(|error| at(INPUT, error))?) })
        })
        .await
    }

    /// Deletes a user with credential, name and picture.
    async fn delete_user(&self, ctx: &Context<'_>, id: ID, version: Option<u64>) -> Option<Result<DeleteUserPayload>> {
        nullable(async {
            let caller @ Caller { app, actor, .. } = ctx.data()?;
            let (target, if_match) = (user_id(&id)?, demanded(caller, version)?);
            Box::pin(operations::delete_user(app, actor, target, &if_match)).await.map_err(|error| at("", error))?;
            Ok(DeleteUserPayload { id })
        })
        .await
    }

    /// Changes a password.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        id: ID,
        input: ChangePasswordInput,
        version: Option<u64>,
    ) -> Option<Result<ChangePasswordPayload>> {
        nullable(async {
            let Caller { app, actor, .. } = ctx.data()?;
            let target = user_id(&id)?;
            let change = view::password_change(input.into(), Vec::new()).map_err(invalid)?;
            let changed =
                operations::change_password(app, actor, target, change.current, change.new, &if_match(version)).await;
            changed.map_err(|error| at(INPUT, error))?;
            Ok(ChangePasswordPayload { id })
        })
        .await
    }

    /// Says whether a password is a user's, and gives the user if it is. An unknown name, a wrong password and a user without a
    /// password are one answer; who gives too many wrong ones has to wait.
    async fn verify_password(
        &self,
        ctx: &Context<'_>,
        input: VerifyPasswordInput,
    ) -> Option<Result<VerifyPasswordPayload>> {
        nullable(async {
            let Caller { app, actor, .. } = ctx.data()?;
            let claim = view::password_claim(input.into(), Vec::new()).map_err(invalid)?;
            let user = Box::pin(operations::verify_password(app, actor, &claim.user_name, &claim.password)).await;
            Ok(VerifyPasswordPayload { user: User(user.map_err(|error| at(INPUT, error))?) })
        })
        .await
    }

    /// Gives a URL, or a form, that uploads exactly the announced picture.
    async fn request_avatar_upload(
        &self,
        ctx: &Context<'_>,
        id: ID,
        input: RequestAvatarUploadInput,
    ) -> Option<Result<RequestAvatarUploadPayload>> {
        nullable(async {
            let Caller { app, actor, .. } = ctx.data()?;
            let id = user_id(&id)?;
            let (file, method) = avatars::announced(input.into(), Vec::new()).map_err(invalid)?;
            let requested = operations::request_avatar_upload(app, actor, id, file, method).await;
            let requested = requested.map_err(|error| at(INPUT, error))?;
            let fields = requested.instructions.fields.into_iter().map(|(name, value)| NameAndValue { name, value });
            let fields = Some(fields.collect());
            let (method, headers, form_fields) = match method {
                UploadMethod::Put => ("PUT", fields, None),
                UploadMethod::Post => ("POST", None, fields),
            };
            let upload = RequestedAvatarUpload {
                upload_id: ID(requested.upload.id.to_string()),
                method,
                url: requested.instructions.url,
                headers,
                form_fields,
                max_bytes: app.avatar_max_bytes(),
                expires_at: DateTime::of(requested.upload.expires_at),
            };
            Ok(RequestAvatarUploadPayload { upload })
        })
        .await
    }

    /// Removes a user's picture.
    async fn delete_avatar(
        &self,
        ctx: &Context<'_>,
        id: ID,
        version: Option<u64>,
    ) -> Option<Result<DeleteAvatarPayload>> {
        nullable(async {
            let caller @ Caller { app, actor, .. } = ctx.data()?;
            let (target, if_match) = (user_id(&id)?, demanded(caller, version)?);
            operations::delete_avatar(app, actor, target, &if_match).await.map_err(|error| at("", error))?;
            Ok(DeleteAvatarPayload { id })
        })
        .await
    }
}

/// Flaws of the input.
fn invalid(violations: Vec<crate::error::Violation>) -> async_graphql::Error {
    at(INPUT, Error::Invalid(violations))
}

/// A malformed id is a user that does not exist.
fn user_id(id: &ID) -> Result<UserId> {
    UserId::parse(id).map_err(|_| at("", Error::NotFound))
}

fn if_match(version: Option<u64>) -> IfMatch {
    version.map_or(IfMatch::Absent, |version| IfMatch::Versions(vec![version]))
}

/// The version, demanded where the configuration says so.
fn demanded(caller: &Caller, version: Option<u64>) -> Result<IfMatch> {
    if caller.app.require_if_match && version.is_none() {
        let problem = Problem::new(PRECONDITION_REQUIRED).with_detail("Read the user and give its version.");
        return Err(at_field(&problem.into(), ""));
    }
    Ok(if_match(version))
}
