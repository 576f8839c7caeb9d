//! The API description: written from the handlers, completed with examples and links, committed as `openapi.json`, served as
//! committed.

mod complete;
mod examples;

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{RefOr, Response, Responses};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi, ToSchema};

use self::complete::Complete;
use super::{avatars, events, health, lists, passwords, problem, users, view};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Roster",
        description = "A user directory that a team owns instead of rents. Times are RFC 3339 in UTC, ids are UUIDs of version 7, every error is \
            `application/problem+json` (RFC 9457), every answer has an `X-Request-Id`. Sign in by a bearer token or an AWS signature, \
            as the deployment says; a server on your own machine asks for neither.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    servers((url = "/", description = "This server")),
    paths(
        users::create_user, lists::list_users, users::get_user, users::replace_user, users::patch_user, users::delete_user,
        avatars::request_avatar_upload, avatars::get_avatar_upload, avatars::get_avatar, avatars::delete_avatar,
        passwords::change_password, passwords::verify_password, passwords::get_password_policy, events::get_events, health::live, health::ready, document, problem::get_problem,
    ),
    components(schemas(view::User, view::Users, Problem, ProblemEntry)),
    // One of them, as the deployment is set; none where local mode is open.
    security(("token" = []), ("signature" = []), ()),
    modifiers(&Schemes, &Complete),
    tags(
        (name = "users", description = "Profiles"),
        (name = "passwords", description = "Credentials, which no answer ever shows"),
        (name = "avatars", description = "Pictures, which travel between client and S3"),
        (name = "events", description = "What changes, as it changes"),
        (name = "health", description = "For load balancers"),
        (name = "about", description = "This description and what its errors mean"),
    )
)]
struct Document;

/// How callers prove who they are.
struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let token = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("With `ROSTER_AUTH=jwt`: an access token of the issuer; its scopes say what it may do."))
            .build();
        let signature = ApiKeyValue::with_description(
            "Authorization",
            "With `ROSTER_AUTH=iam`: AWS Signature Version 4 for the service `execute-api`.",
        );
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(token));
        components.add_security_scheme("signature", SecurityScheme::ApiKey(ApiKey::Header(signature)));
    }
}

/// The description as written from the code, pretty-printed; a test holds `openapi.json` to it.
#[must_use]
pub fn document_json() -> String {
    let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// Serves the description.
#[utoipa::path(get, path = "/openapi.json", operation_id = "get_openapi", tag = "about", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = std::collections::BTreeMap<String, serde_json::Value>), StrayProblems))]
pub async fn document() -> impl IntoResponse {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=3600")];
    (headers, include_str!("../../../openapi.json"))
}

/// The path parameter of one user.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "read by the API description alone")]
pub struct UserPath {
    /// The user's id.
    #[param(format = "uuid", example = "01980000-0000-7000-8000-000000000001")]
    id: String,
}

/// The condition on a change.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the API description alone")]
pub struct IfMatch {
    /// The ETag of the version that the change is meant for.
    #[param(
        nullable = false,
        rename = "If-Match",
        pattern = r#"^(\*|(W/)?"[ !#-~]*"( *, *(W/)?"[ !#-~]*")*)$"#,
        example = "\"1\""
    )]
    if_match: Option<String>,
}

/// The condition on a read.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the API description alone")]
pub struct IfNoneMatch {
    /// Answers 304 when the user still has this ETag.
    #[param(
        nullable = false,
        rename = "If-None-Match",
        pattern = r#"^(\*|(W/)?"[ !#-~]*"( *, *(W/)?"[ !#-~]*")*)$"#,
        example = "\"7\""
    )]
    if_none_match: Option<String>,
}

/// What makes repeating a create safe.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the API description alone")]
pub struct IdempotencyKey {
    /// Remembered for 24 hours; the same key and body answer what the first call did. Make a new one, such as a UUID, for each
    /// user to create.
    #[param(
        nullable = false,
        rename = "Idempotency-Key",
        pattern = r#"^("[!#-\[\]-~]{1,255}"|[!#-\[\]-~]{1,255})$"#,
        example = "order-17"
    )]
    idempotency_key: Option<String>,
}

/// An error (RFC 9457).
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "read by the API description alone")]
pub struct Problem {
    /// `/problems/{slug}`: stable for programs, and a page that explains it.
    #[schema(format = "uri-reference", example = "/problems/validation")]
    r#type: String,
    title: String,
    #[schema(example = 422)]
    status: u16,
    /// What to do about it.
    detail: String,
    /// The path of the request.
    instance: String,
    /// Also in the header X-Request-Id and in the log.
    request_id: String,
    /// One entry for each thing that is wrong.
    #[schema(required = false)]
    errors: Vec<ProblemEntry>,
}

/// One thing that is wrong: at `pointer` in the body, or in the header or query parameter `parameter`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by the API description alone")]
pub struct ProblemEntry {
    #[schema(required = false, example = "#/password")]
    pointer: String,
    #[schema(required = false, example = "Idempotency-Key")]
    parameter: String,
    #[schema(example = "too_short")]
    code: String,
    #[schema(example = "use at least 8 characters")]
    detail: String,
}

/// One operation of a JSON patch (RFC 6902).
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by the API description alone")]
pub struct PatchOperation {
    #[schema(pattern = "^(add|remove|replace|move|copy|test)$", example = "replace")]
    op: String,
    #[schema(example = "/firstName")]
    path: String,
    /// Of `move` and `copy`.
    #[schema(required = false, example = "/lastName")]
    from: String,
    #[schema(required = false, example = "Augusta Ada")]
    value: serde_json::Value,
}

macro_rules! problems {
    ($(#[doc = $doc:literal] $name:ident { $($status:literal => $description:literal),* $(,)? })*) => {
        $(
            #[doc = $doc]
            pub struct $name;

            impl IntoResponses for $name {
                fn responses() -> std::collections::BTreeMap<String, RefOr<Response>> {
                    Responses::from_iter([$(($status, problem_response($description))),*]).responses.into_iter().collect()
                }
            }
        )*
    };
}

problems! {
    /// What any operation may answer.
    CommonProblems {
        "401" => "unauthenticated or invalid-credentials", "403" => "forbidden", "429" => "quota-exceeded",
        "431" => "headers-too-large",
        "500" => "internal", "503" => "unavailable", "504" => "timeout",
    }
    /// What a route that asks nobody may answer.
    StrayProblems { "431" => "headers-too-large" }
    /// What an operation with a body may answer.
    InputProblems {
        "400" => "malformed-request", "408" => "request-timeout", "413" => "too-large", "415" => "unsupported-media-type",
        "422" => "validation or idempotency-key-reused",
    }
    /// What a list may answer.
    ListProblems { "400" => "malformed-request, invalid-filter or invalid-cursor", "422" => "validation" }
    /// What an operation on one user may answer.
    UserProblems { "400" => "malformed-request", "404" => "not-found" }
    /// What an operation that sets a user name may answer.
    NameTaken { "409" => "name-taken or request-in-progress" }
    /// What an operation on a named version may answer.
    VersionProblems { "412" => "version-conflict", "428" => "precondition-required" }
}

fn problem_response(description: &str) -> Response {
    let content =
        utoipa::openapi::ContentBuilder::new().schema(Some(utoipa::openapi::Ref::from_schema_name("Problem"))).build();
    utoipa::openapi::ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .build()
}
