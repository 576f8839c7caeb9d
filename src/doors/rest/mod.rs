//! The REST door: the whole API on one screen.

pub(in crate::doors) mod authenticate;
pub(in crate::doors) mod avatars;
mod cors;
mod etag;
mod events;
pub(in crate::doors) mod extract;
mod health;
pub(in crate::doors) mod json;
pub(in crate::doors) mod layers;
mod lists;
pub mod openapi;
mod passwords;
pub(in crate::doors) mod patch;
pub mod problem;
pub mod throttle;
mod users;
pub(in crate::doors) mod view;

pub use authenticate::Principal;
pub use layers::{Mount, RequestId, TimeLeft, around};

use axum::Router;
use axum::routing::{get, post, put};

use crate::app::App;

/// The router over one application: serve it with hyper, or hand it Lambda's requests.
pub fn router(app: App) -> Router {
    router_beside(Router::new(), app)
}

/// The same with the routes of other doors beside.
pub fn router_beside(others: Router<App>, app: App) -> Router {
    let routes = others
        .route("/users", get(lists::list_users).post(users::create_user))
        .route(
            "/users/{id}",
            get(users::get_user).put(users::replace_user).patch(users::patch_user).delete(users::delete_user),
        )
        .route("/users/{id}/password", put(passwords::change_password))
        .route("/users/verify-password", post(passwords::verify_password))
        .route("/password-policy", get(passwords::get_password_policy))
        .route("/users/{id}/avatar", get(avatars::get_avatar).delete(avatars::delete_avatar))
        .route("/users/{id}/avatar-uploads", post(avatars::request_avatar_upload))
        .route("/users/{id}/avatar-uploads/{uploadId}", get(avatars::get_avatar_upload))
        .route("/events", get(events::get_events))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/openapi.json", get(openapi::document))
        .route("/problems/{slug}", get(problem::get_problem))
        .fallback(problem::no_such_route);
    around(routes, app.clone()).with_state(app)
}
