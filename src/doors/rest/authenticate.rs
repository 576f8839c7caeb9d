//! Who calls: turns a request into an [`Actor`], or refuses it.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use sha2::{Digest, Sha256};

use super::extract::single_header;
use super::problem::{self, Problem};
use super::throttle;
use crate::app::App;
use crate::config::Auth;
use crate::domain::{Actor, ClientId, Scope, UserId};
use crate::jwt::{Refused, Token};
use crate::{hex, scope};

/// The IAM principal that API Gateway has authenticated, put into the request by the Lambda door.
#[derive(Clone, Debug)]
pub struct Principal(pub ClientId);

const CLIENT_HEADER: &str = "X-Client-Id";
const BEARER: HeaderValue = HeaderValue::from_static("Bearer realm=\"roster\"");
const SIGNATURE: HeaderValue = HeaderValue::from_static("AWS4-HMAC-SHA256");

impl FromRequestParts<App> for Actor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let actor = identify(parts, app).await?;
        throttle::admit(app, parts, &actor).await?;
        Ok(actor)
    }
}

/// A caller as logs may show it: services and roles by name, but of an IAM user, who may be a person, a digest.
fn shown(client: &ClientId) -> String {
    match client.as_str().split_once(":user/") {
        Some((account, name)) if account.starts_with("arn:") => {
            format!("{account}:user/{}", hex::lower(&Sha256::digest(name)[..8]))
        }
        _ => client.as_str().to_owned(),
    }
}

/// Says who calls, and counts nothing.
pub async fn identify(parts: &Parts, app: &App) -> Result<Actor, Problem> {
    let named = single_header(&parts.headers, CLIENT_HEADER)?
        .map(ClientId::parse)
        .transpose()
        .map_err(|flaw| Problem::bad_header(CLIENT_HEADER, flaw))?;
    let actor = match app.auth {
        Auth::Open => Actor::all_powerful(named.unwrap_or_else(ClientId::anonymous)),
        Auth::Iam => by_principal(app, parts, named)?,
        Auth::Jwt => by_token(app, &parts.headers, named).await?,
    };
    scope::note(|scope| _ = scope.caller.set(shown(actor.client())));
    Ok(actor)
}

/// API Gateway's IAM policy has decided who may call; a caller header must not claim another name.
fn by_principal(app: &App, parts: &Parts, named: Option<ClientId>) -> Result<Actor, Problem> {
    let Some(Principal(client)) = parts.extensions.get::<Principal>() else {
        return Err(Problem::new(problem::UNAUTHENTICATED).with_header(header::WWW_AUTHENTICATE, SIGNATURE));
    };
    if named.is_some_and(|named| named != *client) {
        return Err(another_client("X-Client-Id is not the caller's own principal; leave it out."));
    }
    Ok(Actor::new(client.clone(), None, app.principals.scopes(client.as_str())))
}

/// The token says who calls, for whom, and what for; a caller header must not claim another name.
async fn by_token(app: &App, headers: &HeaderMap, named: Option<ClientId>) -> Result<Actor, Problem> {
    let Some(text) = bearer(headers) else {
        return Err(Problem::new(problem::UNAUTHENTICATED).with_header(header::WWW_AUTHENTICATE, BEARER));
    };
    let verifier = app.verifier.as_ref().ok_or_else(|| crate::error::Error::internal("there is no verifier"))?;
    let token = verifier.verify(text, app.clock.now()).await?.map_err(refused)?;
    let client = client(&token)?;
    if named.is_some() && named != client {
        return Err(another_client("X-Client-Id is not the client of the token; leave it out."));
    }
    let subject = token.subject.as_deref().and_then(|subject| UserId::parse(subject).ok());
    let scopes = token.scopes.iter().filter_map(|name| Scope::parse(name)).collect();
    Ok(Actor::new(client.unwrap_or_else(ClientId::anonymous), subject, scopes))
}

/// The text after `Bearer`, if the one Authorization header there is has it; bytes beyond ASCII are part of no token.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}

fn client(token: &Token) -> Result<Option<ClientId>, Problem> {
    let read = |name| ClientId::parse(name).map_err(|_| refused(Refused::Claims));
    token.client.as_deref().map(read).transpose()
}

/// RFC 6750, section 3.1.
fn refused(why: Refused) -> Problem {
    let challenge = format!("Bearer realm=\"roster\", error=\"invalid_token\", error_description=\"{why}\"");
    let challenge = HeaderValue::from_str(&challenge).unwrap_or(BEARER);
    Problem::new(problem::UNAUTHENTICATED)
        .with_detail(format!("{why}; get a new one from the issuer."))
        .with_header(header::WWW_AUTHENTICATE, challenge)
}

fn another_client(detail: &str) -> Problem {
    Problem::new(problem::FORBIDDEN).with_detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_name_services_and_no_people() {
        let shown = |arn| shown(&ClientId::parse(arn).unwrap());
        assert_eq!(shown("billing"), "billing");
        assert_eq!(
            shown("arn:aws:sts::123456789012:assumed-role/billing"),
            "arn:aws:sts::123456789012:assumed-role/billing"
        );
        let person = shown("arn:aws:iam::123456789012:user/ada.lovelace");
        assert!(person.starts_with("arn:aws:iam::123456789012:user/") && !person.contains("ada"), "{person}");
        assert_ne!(person, shown("arn:aws:iam::123456789012:user/eve"));
    }
}
