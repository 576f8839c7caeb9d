//! Every operation that is measured warm.

use serde_json::{Value, json};

use crate::events::event;
use crate::world::{Function, PASSWORD, World};

/// An operation that is measured.
pub struct Operation {
    pub name: &'static str,
    pub event: fn(&World) -> Value,
    /// Whether `bare` can do something like it.
    pub has_peer: bool,
    /// Which function does it.
    pub function: Function,
    /// Done fewer times: it hashes, which takes long, or each call needs a picture, which has to be made.
    pub is_rare: bool,
    pub needs_picture: bool,
}

/// In the order in which they are measured.
pub fn all() -> Vec<Operation> {
    let plain = |name, event| Operation {
        name,
        event,
        has_peer: false,
        function: Function::Directory,
        is_rare: false,
        needs_picture: false,
    };
    let beside_bare = |name, event| Operation { has_peer: true, ..plain(name, event) };
    let on_picture = |name, event| Operation { is_rare: true, needs_picture: true, ..plain(name, event) };
    let secret = |name, event| Operation { function: Function::Credentials, ..plain(name, event) };
    let hashing = |name, event| Operation { is_rare: true, ..secret(name, event) };
    vec![
        plain("health", |_| event("GET", "/health/live", None)),
        plain("ready", |_| event("GET", "/health/ready", None)),
        beside_bare("get user", World::read),
        on_picture("get user with picture", |world| event("GET", &world.take_pictured(), None)),
        beside_bare("list 50", World::page),
        plain("find by name", |_| event("GET", "/users?filter=userName%20eq%20%22user-7%22", None)),
        plain("patch", |world| {
            let change = json!({"firstName": format!("Ada {}", world.next())});
            event("PATCH", &world.users[0], Some(&change))
        }),
        plain("put, other last name", |world| {
            let names = json!({"userName": "user-1", "firstName": "Ada", "lastName": format!("King {}", world.next())});
            event("PUT", &world.users[1], Some(&names))
        }),
        plain("rename", |world| {
            let change = json!({"userName": format!("renamed-{}", world.next())});
            event("PATCH", &world.users[2], Some(&change))
        }),
        plain("avatar upload", |world| {
            let wanted = json!({"contentType": "image/png", "contentLength": 1000});
            // No user may have many that wait.
            let user = &world.users[world.next() as usize % world.users.len()];
            event("POST", &format!("{user}/avatar-uploads"), Some(&wanted))
        }),
        on_picture("avatar", |world| event("GET", &format!("{}/avatar?size=64", world.take_pictured()), None)),
        on_picture("delete avatar", |world| event("DELETE", &format!("{}/avatar", world.take_pictured()), None)),
        on_picture("delete user", |world| event("DELETE", &world.take_pictured(), None)),
        plain("openapi", |_| event("GET", "/openapi.json", None)),
        secret("create, ready hash", World::create_with_hash),
        hashing("create", World::create),
        hashing("verify password", |_| {
            event("POST", "/users/verify-password", Some(&json!({"userName": "user-0", "password": PASSWORD})))
        }),
        hashing("change password", |world| {
            let change = json!({"newPassword": format!("violet lanterns drift over Trieste {}", world.next())});
            event("PUT", &format!("{}/password", world.users[3]), Some(&change))
        }),
    ]
}
