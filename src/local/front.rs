//! Stands before the DynamoDB engine, which lets nobody else decide who gets in.
//!
//! The engine brings its own server and shows no way around it. It listens on an address of its own, which is told to
//! nobody and cannot be guessed where a machine has all of 127.0.0.0/8 (one of 2^24 addresses, and a port); requests
//! reach it through here, and transactions without their tokens (`tokens`).

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, EXPECT};
use axum::http::uri::{Authority, Scheme};
use axum::http::{StatusCode, Uri, Version};
use axum::response::{IntoResponse, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::tokens::{self, Tokens};
use super::{Trouble, guard, listen};

/// The engine's own address, connections to it, and the transactions that it did of late.
#[derive(Clone)]
struct Behind {
    client: Client<HttpConnector, Body>,
    address: Authority,
    tokens: Tokens,
}

/// Listens where nobody looks.
pub(super) fn hidden_listener() -> Result<TcpListener, Trouble> {
    let mut random = [0; 3];
    let hidden = getrandom::fill(&mut random).ok().and_then(|()| {
        let [b, c, d] = random;
        listen::bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, b, c, d)), 0), "").ok()
    });
    hidden.map_or_else(|| listen::bind(listen::FREE_LOOPBACK_PORT, "--dynamodb-listen"), Ok)
}

/// Lets in what may come in at `listener`, and hands it to the engine at `address`.
pub(super) fn before(address: SocketAddr, listener: SocketAddr) -> Router {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let Ok(address) = address.to_string().parse() else { return Router::new() };
    guard::dynamodb(
        listener,
        Router::new().fallback(take).with_state(Behind { client, address, tokens: Tokens::default() }),
    )
}

async fn take(State(behind): State<Behind>, request: Request) -> Response {
    if tokens::may_have_one(&request) {
        return behind.tokens.clone().once(request, |request| forward(behind, request)).await;
    }
    forward(behind, request).await
}

async fn forward(behind: Behind, mut request: Request) -> Response {
    let mut uri = std::mem::take(request.uri_mut()).into_parts();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(behind.address);
    let Ok(uri) = Uri::from_parts(uri) else { return StatusCode::NOT_FOUND.into_response() };
    *request.uri_mut() = uri;
    // These two speak of the client's connection, not of ours.
    *request.version_mut() = Version::HTTP_11;
    request.headers_mut().remove(CONNECTION);
    request.headers_mut().remove(EXPECT);
    match behind.client.request(request).await {
        Ok(mut response) => {
            response.headers_mut().remove(CONNECTION);
            response.map(Body::new)
        }
        Err(error) => {
            tracing::warn!(%error, "the DynamoDB engine did not answer");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
