//! The GraphQL door: the same operations behind one route, as the GraphQL-over-HTTP specification asks
//! (<https://graphql.github.io/graphql-over-http/draft/>).
//!
//! A request goes through: who calls ([`super::rest`]'s own extractor) → JSON → `limits` on the text and on the parsed document
//! → quotas, each root field as the REST operation that it stands for ([`FIELDS`]) → execution, queries side by side and
//! mutations one after the other. What fails before execution is one error and nothing is run; what fails in it is an error
//! at its field. Every error carries the slug of REST's problem in `extensions.code` (`failure`).
//!
//! No byte of a picture passes here and links are signed without asking anyone, so pictures need no loader; users do
//! (`loader`).

mod answer;
mod failure;
mod input;
mod limits;
mod loader;
mod mutation;
#[cfg(feature = "local")]
mod playground;
mod query;
mod types;

use async_graphql::{EmptySubscription, Result, SDLExportOptions};
use axum::Router;
use axum::extract::{Request, State};
use axum::routing::{MethodRouter, post};

use super::rest::{self, around};
use crate::app::App;
use crate::domain::Actor;
use loader::Loader;

type Schema = async_graphql::Schema<query::Query, mutation::Mutation, EmptySubscription>;

/// The root fields, each with the operation of the contract that it is: for quotas, and for the test that tries every field as
/// every caller.
pub const FIELDS: &[(&str, &str)] = &[
    ("user", "get_user"),
    ("users", "list_users"),
    ("allUsers", "list_users"),
    ("avatarUpload", "get_avatar_upload"),
    ("createUser", "create_user"),
    ("updateUser", "patch_user"),
    ("deleteUser", "delete_user"),
    ("changePassword", "change_password"),
    ("verifyPassword", "verify_password"),
    ("requestAvatarUpload", "request_avatar_upload"),
    ("deleteAvatar", "delete_avatar"),
];

/// What resolvers know of the request.
struct Caller {
    app: App,
    actor: Actor,
    users: Loader,
}

/// A root field: null and an error where it fails, so that the other fields of the request still answer.
async fn nullable<T>(outcome: impl Future<Output = Result<T>>) -> Option<Result<T>> {
    Some(outcome.await)
}

/// The same of a field that may have nothing to show.
async fn perhaps<T>(outcome: impl Future<Output = Result<Option<T>>>) -> Option<Result<T>> {
    outcome.await.transpose()
}

/// The route, for a router that has other doors beside.
pub fn routes() -> Router<App> {
    let schema = schema();
    let answers: MethodRouter<App> =
        post(async move |State(app): State<App>, request: Request| answer::to(&schema, app, request).await);
    #[cfg(feature = "local")]
    let answers = answers.get(playground::page);
    let routes = Router::new().route("/graphql", answers);
    #[cfg(feature = "local")]
    let routes = routes.route("/graphql/assets/{name}", axum::routing::get(playground::asset));
    routes
}

/// This door alone, for its own function.
pub fn router(app: App) -> Router {
    around(routes().fallback(rest::problem::no_such_route), app.clone()).with_state(app)
}

/// The schema as it is committed in `schema.graphql`.
pub fn sdl() -> String {
    schema().sdl_with_options(SDLExportOptions::new().prefer_single_line_descriptions())
}

fn schema() -> Schema {
    Schema::build(query::Query, mutation::Mutation, EmptySubscription)
        .limit_complexity(limits::COMPLEXITY)
        .limit_recursive_depth(limits::DEPTH * 2)
        .disable_suggestions()
        .finish()
}
