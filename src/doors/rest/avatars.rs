//! `/users/{id}/avatar` and `/users/{id}/avatar-uploads`. No byte of a picture passes here: clients are sent to S3.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use super::extract::{Id, JsonBody, Precondition};
use super::json::{Fields, MOST_VIOLATIONS};
use super::layers::Mounted;
use super::openapi;
use super::problem::{self, Problem};
use crate::app::App;
use crate::domain::avatar::{Announced, Checksum, PictureType, Size, Upload, UploadId, UploadMethod, UploadState};
use crate::domain::{Actor, Flaw, UserId};
use crate::error::{Error, Violation};
use crate::operations;

/// How to send one file: by the method, to the URL, with these headers, or fields of a form before the field `file`.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestedUpload {
    #[schema(format = "uuid", example = "01980000-0000-7000-8000-00000000000a")]
    upload_id: String,
    #[schema(pattern = "^(PUT|POST)$", example = "PUT")]
    method: &'static str,
    #[schema(format = "uri")]
    url: String,
    /// With PUT: send these as they are; the length is the announced one.
    #[schema(required = false, value_type = BTreeMap<String, String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<&'static str, String>>,
    /// With POST: the fields of a `multipart/form-data` body, before `file`.
    #[schema(required = false, value_type = BTreeMap<String, String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<BTreeMap<&'static str, String>>,
    /// The largest file that could have been announced.
    #[schema(example = 5_242_880)]
    max_bytes: u64,
    /// Until when the sending may begin.
    #[schema(format = "date-time")]
    expires_at: String,
}

/// What became of an upload.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AvatarUpload {
    #[schema(format = "uuid", example = "01980000-0000-7000-8000-00000000000a")]
    upload_id: String,
    #[schema(pattern = "^(pending|attached|rejected)$", example = "rejected")]
    state: &'static str,
    /// Why it was rejected, or null.
    #[schema(required)]
    reason: Option<Reason>,
    #[schema(format = "date-time")]
    expires_at: String,
}

/// Why an upload was rejected.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Reason {
    #[schema(example = "not_a_picture")]
    code: &'static str,
    /// For a person.
    #[schema(example = "The file is not a JPEG, PNG, WebP or GIF picture.")]
    detail: &'static str,
}

/// The file that a client is about to send.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewAvatarUpload)]
#[expect(dead_code, reason = "read by the API description alone; bodies are read member by member")]
pub struct NewAvatarUploadSchema {
    #[schema(pattern = "^image/(jpeg|png|webp|gif)$", example = "image/jpeg")]
    content_type: String,
    /// The exact length in bytes.
    #[schema(minimum = 1, example = 48_213)]
    content_length: u64,
    /// SHA-256 in base64; S3 then refuses every other file.
    #[schema(
        required = false,
        pattern = "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$",
        example = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    )]
    checksum_sha256: String,
    /// PUT unless POST, a form for browsers, is asked for.
    #[schema(required = false, pattern = "^(PUT|POST)$", example = "PUT")]
    method: String,
}

/// The query's parameter, for the API description.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the API description alone")]
pub struct SizeParameter {
    /// Width and height in pixels.
    #[param(pattern = "^(64|128|256|512)$", default = "256", example = "256")]
    size: Option<String>,
}

/// Gives a URL, or a form, that uploads exactly the announced file.
#[utoipa::path(post, path = "/users/{id}/avatar-uploads", operation_id = "request_avatar_upload", tag = "avatars",
    params(openapi::UserPath),
    request_body(content = NewAvatarUploadSchema),
    responses(
        (status = 201, description = "Send the file there", body = RequestedUpload, headers(("Location" = String))),
        openapi::UserProblems, openapi::InputProblems, openapi::CommonProblems,
    ))]
pub async fn request_avatar_upload(
    State(app): State<App>,
    actor: Actor,
    Id(id): Id,
    mounted: Mounted,
    body: JsonBody,
) -> Result<Response, Problem> {
    let (file, method) = announced(body.value, body.violations).map_err(Error::Invalid)?;
    let requested = operations::request_avatar_upload(&app, &actor, id, file, method).await?;
    let upload = requested.upload;
    let location = mounted.path(&format!("/users/{id}/avatar-uploads/{}", upload.id));
    let fields: BTreeMap<_, _> = requested.instructions.fields.into_iter().collect();
    let (name, headers, fields) = match method {
        UploadMethod::Put => ("PUT", Some(fields), None),
        UploadMethod::Post => ("POST", None, Some(fields)),
    };
    let shown = RequestedUpload {
        upload_id: upload.id.to_string(),
        method: name,
        url: requested.instructions.url,
        headers,
        fields,
        max_bytes: app.avatar_max_bytes(),
        expires_at: upload.expires_at.to_string(),
    };
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(shown)).into_response())
}

/// Tells what became of an upload, for a day.
#[utoipa::path(get, path = "/users/{id}/avatar-uploads/{uploadId}", operation_id = "get_avatar_upload", tag = "avatars",
    params(openapi::UserPath, ("uploadId" = String, Path, description = "The upload's id", format = "uuid", example = "01980000-0000-7000-8000-00000000000a")),
    responses(
        (status = 200, description = "Pending, attached, or rejected with a reason", body = AvatarUpload),
        openapi::UserProblems, openapi::CommonProblems,
    ))]
pub async fn get_avatar_upload(
    State(app): State<App>,
    actor: Actor,
    ids: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<AvatarUpload>, Problem> {
    let not_found = || Problem::new(problem::NOT_FOUND);
    let Path((id, upload)) = ids.map_err(|_| not_found())?;
    let id = UserId::parse(&id).map_err(|_| not_found())?;
    let upload = UploadId::parse(&upload).map_err(|_| not_found())?;
    Ok(Json(shown(&operations::get_avatar_upload(&app, &actor, id, upload).await?)))
}

/// Redirects to the picture in one size.
#[utoipa::path(get, path = "/users/{id}/avatar", operation_id = "get_avatar", tag = "avatars",
    params(openapi::UserPath, SizeParameter),
    responses(
        (status = 307, description = "The picture is there", headers(("Location" = String))),
        (status = 422, description = "validation: no such size", body = openapi::Problem, content_type = "application/problem+json"),
        openapi::UserProblems, openapi::CommonProblems,
    ))]
pub async fn get_avatar(
    State(app): State<App>,
    actor: Actor,
    Id(id): Id,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let size = size(pairs).map_err(Error::Invalid)?;
    let link = operations::get_avatar(&app, &actor, id, size).await?;
    let fresh = format!("private, max-age={}", link.fresh_seconds);
    let headers = [(header::LOCATION, link.url), (header::CACHE_CONTROL, fresh)];
    Ok((StatusCode::TEMPORARY_REDIRECT, headers).into_response())
}

/// Removes the picture.
#[utoipa::path(delete, path = "/users/{id}/avatar", operation_id = "delete_avatar", tag = "avatars",
    params(openapi::UserPath, openapi::IfMatch),
    responses(
        (status = 204, description = "The user has no picture"),
        openapi::UserProblems, openapi::VersionProblems, openapi::CommonProblems,
    ))]
pub async fn delete_avatar(
    State(app): State<App>,
    actor: Actor,
    Id(id): Id,
    Precondition(if_match): Precondition,
) -> Result<StatusCode, Problem> {
    operations::delete_avatar(&app, &actor, id, &if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads which file a client is about to send, and how.
pub fn announced(value: Value, violations: Vec<Violation>) -> Result<(Announced, UploadMethod), Vec<Violation>> {
    let mut fields = Fields::of(value, violations);
    let content_type = fields.required("contentType", PictureType::parse);
    let content_length = fields.required_count("contentLength");
    let checksum = fields.optional("checksumSha256", Checksum::parse);
    let method = fields.optional("method", UploadMethod::parse).unwrap_or(UploadMethod::Put);
    let file = content_type.zip(content_length);
    fields.finish(
        file.map(|(content_type, content_length)| (Announced { content_type, content_length, checksum }, method)),
    )
}

fn size(pairs: Vec<(String, String)>) -> Result<Size, Vec<Violation>> {
    let (mut size, mut violations) = (None, Vec::new());
    for (name, value) in pairs {
        if violations.len() == MOST_VIOLATIONS {
            break;
        }
        let read = match name.as_str() {
            "size" if size.is_some() => Err(Flaw::new("repeated", "give this parameter once")),
            "size" => Size::parse(&value).map(|read| size = Some(read)),
            _ => Err(Flaw::new("unknown_parameter", "use size")),
        };
        violations.extend(read.err().map(|flaw| Violation::at_parameter(name, flaw)));
    }
    if violations.is_empty() { Ok(size.unwrap_or(Size::SHOWN)) } else { Err(violations) }
}

fn shown(upload: &Upload) -> AvatarUpload {
    let reason = match upload.state {
        UploadState::Rejected(reason) => Some(Reason { code: reason.code(), detail: reason.detail() }),
        UploadState::Pending | UploadState::Attached => None,
    };
    AvatarUpload {
        upload_id: upload.id.to_string(),
        state: upload.state.as_str(),
        reason,
        expires_at: upload.expires_at.to_string(),
    }
}
