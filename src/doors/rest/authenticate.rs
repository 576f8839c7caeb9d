//! Who calls: turns a request into an [`Actor`], or refuses it.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};

use super::extract::single_header;
use super::problem::{self, Problem};
use crate::app::App;
use crate::config::Auth;
use crate::domain::{Actor, ClientId};

/// The IAM principal that API Gateway has authenticated, put into the request by the Lambda door.
#[derive(Clone, Debug)]
pub struct Principal(pub ClientId);

const CLIENT_HEADER: &str = "X-Client-Id";

impl FromRequestParts<App> for Actor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let named = single_header(&parts.headers, CLIENT_HEADER)?
            .map(ClientId::parse)
            .transpose()
            .map_err(|flaw| Problem::bad_header(CLIENT_HEADER, flaw))?;
        match app.auth {
            Auth::Open => Ok(Self::all_powerful(named.unwrap_or_else(ClientId::anonymous))),
            Auth::Iam => by_principal(parts, named),
            // Tokens are not accepted before they can be verified.
            Auth::Jwt => Err(unauthenticated("Bearer")),
        }
    }
}

/// API Gateway's IAM policy has decided who may call; a caller header must not claim another name.
fn by_principal(parts: &Parts, named: Option<ClientId>) -> Result<Actor, Problem> {
    let Some(Principal(client)) = parts.extensions.get::<Principal>() else {
        return Err(unauthenticated("AWS4-HMAC-SHA256"));
    };
    if named.is_some_and(|named| named != *client) {
        return Err(Problem::new(problem::FORBIDDEN)
            .with_detail("X-Client-Id is not the caller's own principal; leave it out."));
    }
    Ok(Actor::all_powerful(client.clone()))
}

fn unauthenticated(scheme: &'static str) -> Problem {
    Problem::new(problem::UNAUTHENTICATED).with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme))
}
