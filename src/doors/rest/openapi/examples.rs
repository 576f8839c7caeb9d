//! Examples of bodies, one for each schema: Ada Lovelace, as she is created, shown, changed and pictured.

use serde_json::{Value, json};

/// The user in every example.
pub(super) const USER: &str = "01980000-0000-7000-8000-000000000001";
/// The upload in every example.
pub(super) const UPLOAD: &str = "01980000-0000-7000-8000-00000000000a";
/// The request in every example of a problem.
pub(super) const REQUEST: &str = "01980000-0000-7000-8000-0000000000ff";

const EXPIRY: &str = "2026-11-22T07:15:00.000Z";

/// The example of a schema, if it is one of a body.
pub(super) fn of(schema: &str) -> Option<Value> {
    Some(match schema {
        "NewUser" => json!({
            "userName": "ada", "firstName": "Ada", "lastName": "Lovelace", "password": "correct horse battery staple",
        }),
        "Profile" => json!({"userName": "ada.byron", "firstName": "Augusta Ada", "lastName": "King"}),
        "ProfilePatch" => json!({"lastName": "King"}),
        "PatchOperation" => json!({"op": "replace", "path": "/firstName", "value": "Augusta"}),
        "PasswordChange" => json!({
            "currentPassword": "correct horse battery staple", "newPassword": "violet lanterns drift over Trieste",
        }),
        "PasswordClaim" => json!({"userName": "ada", "password": "correct horse battery staple"}),
        "User" => user(),
        "Users" => json!({"users": [user()], "nextCursor": null}),
        "PasswordPolicy" => json!({
            "minLength": 8, "maxLength": 256, "minScore": 3,
            "rules": [{"code": "too_short", "detail": "Use at least 8 characters."}],
        }),
        "NewAvatarUpload" => json!({"contentType": "image/jpeg", "contentLength": 48213, "method": "PUT"}),
        "RequestedUpload" => json!({
            "uploadId": UPLOAD, "method": "PUT", "maxBytes": 5_242_880, "expiresAt": EXPIRY,
            "url": format!("https://roster-avatars.s3.amazonaws.com/uploads/{USER}/{UPLOAD}?X-Amz-Signature=5d1f"),
            "headers": {"content-length": "48213", "content-type": "image/jpeg"},
        }),
        "AvatarUpload" => json!({
            "uploadId": UPLOAD, "state": "rejected", "expiresAt": EXPIRY,
            "reason": {"code": "not_a_picture", "detail": "The file is not a JPEG, PNG, WebP or GIF picture."},
        }),
        "Health" => json!({"status": "ok"}),
        "SentEvent" => json!({
            "id": "100001795376796668109", "event": "user.deleted",
            "data": "{\"specversion\":\"1.0\",\"type\":\"user.deleted\",\"…\":\"…\"}",
        }),
        "Ready" => json!({"status": "ok", "dependencies": {
            "dynamodb": {"status": "ok", "latencyMs": 3.2}, "s3": {"status": "ok", "latencyMs": 11.8},
        }}),
        "Explanation" => json!({
            "type": "/problems/name-taken", "status": 409, "title": "The user name is taken",
            "mend": "Choose another user name; names are compared without regard to case, width and form.",
        }),
        "Description" => json!({"openapi": "3.1.0", "info": {"title": "Roster", "version": "0.1.0"}, "paths": {}}),
        _ => return None,
    })
}

fn user() -> Value {
    json!({
        "id": USER, "userName": "ada", "firstName": "Ada", "lastName": "Lovelace", "avatar": null, "version": 1,
        "createdAt": "2026-11-22T07:00:00.000Z", "updatedAt": "2026-11-22T07:00:00.000Z",
    })
}

/// An entry of `errors` for the kinds of problems that have them.
pub(super) fn entry(slug: &str) -> Option<Value> {
    Some(match slug {
        "validation" => json!({"pointer": "#/password", "code": "too_short", "detail": "use at least 8 characters"}),
        "name-taken" => json!({"pointer": "#/userName", "code": "name_taken", "detail": "choose another user name"}),
        "malformed-request" => json!({
            "parameter": "If-Match", "code": "invalid_etag", "detail": "give * or entity tags in quotes, such as \"3\"",
        }),
        "invalid-filter" => json!({
            "parameter": "filter", "code": "unknown_attribute", "detail": "character 1: use one of the listed attributes",
        }),
        "invalid-cursor" => json!({
            "parameter": "cursor", "code": "invalid_cursor",
            "detail": "take nextCursor from the last answer to the very same query",
        }),
        _ => return None,
    })
}
