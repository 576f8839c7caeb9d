//! What the handlers' annotations leave out of the description: an example for every body and every problem, and links
//! from an answer to what can be done next.

use serde_json::{Value, json};
use utoipa::Modify;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::link::Link;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Content, OpenApi, RefOr, Response};

use super::super::problem::{KINDS, Kind};
use super::examples;

/// Completes the description.
pub(super) struct Complete;

impl Modify for Complete {
    fn modify(&self, document: &mut OpenApi) {
        for (path, item) in &mut document.paths.paths {
            for operation in operations(item) {
                complete(path, operation);
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten()
}

fn complete(path: &str, operation: &mut Operation) {
    let id = operation.operation_id.clone().unwrap_or_default();
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        for content in body.content.values_mut() {
            exemplify(content);
        }
    }
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        for (media_type, content) in &mut response.content {
            match (media_type.as_str(), content) {
                ("application/problem+json", RefOr::T(content)) => {
                    let kinds = KINDS.iter().filter(|kind| kind.status.as_str() == status);
                    let told = kinds.filter(|kind| names(&response.description, kind.slug));
                    content.examples = told.map(|kind| problem(kind, path)).collect();
                }
                (_, content) => exemplify(content),
            }
        }
        link(&id, status, response);
    }
}

/// Whether a description names a kind of problem.
fn names(description: &str, slug: &str) -> bool {
    description.split(|c: char| !c.is_ascii_lowercase() && c != '-').any(|word| word == slug)
}

fn problem(kind: &Kind, path: &str) -> (String, RefOr<utoipa::openapi::example::Example>) {
    let instance = path.replace("{id}", examples::USER).replace("{uploadId}", examples::UPLOAD);
    let mut body = json!({
        "type": format!("/problems/{}", kind.slug), "title": kind.title, "status": kind.status.as_u16(),
        "detail": kind.mend, "instance": instance.replace("{slug}", "no-such-kind"), "requestId": examples::REQUEST,
    });
    if let Some(entry) = examples::entry(kind.slug) {
        body["errors"] = json!([entry]);
    }
    let example = ExampleBuilder::new().summary(kind.title).value(Some(body)).build();
    (kind.slug.to_owned(), RefOr::T(example))
}

/// Gives a body the example of its schema.
fn exemplify(content: &mut RefOr<Content>) {
    let RefOr::T(content) = content else { return };
    content.example = match &content.schema {
        Some(RefOr::Ref(schema)) => schema.ref_location.rsplit('/').next().and_then(examples::of),
        Some(RefOr::T(Schema::Array(_))) => examples::of("PatchOperation").map(|operation| json!([operation])),
        Some(RefOr::T(Schema::Object(_))) => examples::of("Description"),
        _ => None,
    };
}

/// Says what can be done with an answer.
fn link(operation: &str, status: &str, response: &mut Response) {
    let user = ("id", "$response.body#/id");
    let asked = ("id", "$request.path.id");
    let links: &[(&str, &[(&str, &str)])] = match (operation, status) {
        ("create_user", "201") => &[
            ("get_user", &[user]),
            ("replace_user", &[user, ("If-Match", "$response.header.ETag")]),
            ("patch_user", &[user, ("If-Match", "$response.header.ETag")]),
            ("change_password", &[user]),
            ("request_avatar_upload", &[user]),
            ("get_avatar", &[user]),
            ("delete_avatar", &[user]),
            ("delete_user", &[user]),
        ],
        ("list_users", "200") => &[
            ("list_users", &[("cursor", "$response.body#/nextCursor")]),
            ("get_user", &[("id", "$response.body#/users/0/id")]),
        ],
        ("get_user", "200") => &[
            ("get_user", &[asked, ("If-None-Match", "$response.header.ETag")]),
            ("patch_user", &[asked, ("If-Match", "$response.header.ETag")]),
            ("delete_user", &[asked, ("If-Match", "$response.header.ETag")]),
        ],
        ("verify_password", "200") => &[("get_user", &[user])],
        ("request_avatar_upload", "201") => {
            &[("get_avatar_upload", &[asked, ("uploadId", "$response.body#/uploadId")])]
        }
        _ => &[],
    };
    for (next, parameters) in links {
        let link = Link::builder().operation_id(*next);
        let link = parameters.iter().fold(link, |link, (name, from)| link.parameter(*name, Value::from(*from)));
        response.links.insert((*next).to_owned(), RefOr::T(link.build()));
    }
}
