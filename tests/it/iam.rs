//! `ROSTER_AUTH=iam`: the caller is the principal that API Gateway has authenticated, and nobody else gets in.

use axum::body::Body;
use axum::http::{HeaderName, Request};
use roster::config::Auth;
use roster::domain::ClientId;
use roster::doors::rest::{Principal, router};
use tower::ServiceExt;

use crate::harness::{House, Reply};

async fn get_users(house: &House, principal: Option<&str>, client: Option<&str>) -> Reply {
    let mut app = house.app.clone();
    app.auth = Auth::Iam;
    let mut request = Request::builder().uri("/users");
    if let Some(client) = client {
        request = request.header(HeaderName::from_static("x-client-id"), client);
    }
    let mut request = request.body(Body::empty()).unwrap();
    if let Some(principal) = principal {
        request.extensions_mut().insert(Principal(ClientId::parse(principal).unwrap()));
    }
    Reply::read("GET /users".to_owned(), router(app).oneshot(request).await.unwrap()).await
}

#[tokio::test]
async fn only_a_principal_is_let_in_and_under_its_own_name() {
    let house = House::new().await;
    let arn = "arn:aws:sts::123456789012:assumed-role/billing";
    let reply = get_users(&house, None, None).await.problem(401, "unauthenticated");
    assert_eq!(reply.header("www-authenticate"), "AWS4-HMAC-SHA256");
    get_users(&house, None, Some("billing")).await.problem(401, "unauthenticated");
    get_users(&house, Some(arn), Some("billing")).await.problem(403, "forbidden");
    get_users(&house, Some(arn), None).await.expect(200);
    get_users(&house, Some(arn), Some(arn)).await.expect(200);
}

#[tokio::test]
async fn principals_have_the_scopes_that_the_configuration_gives_them() {
    let scopes = r#"{"arn:aws:sts::1:assumed-role/billing": "users:read", "default": "users:write"}"#;
    let house = House::with(&[("ROSTER_IAM_SCOPES", scopes)]).await;
    get_users(&house, Some("arn:aws:sts::1:assumed-role/billing"), None).await.expect(200);
    get_users(&house, Some("arn:aws:sts::1:assumed-role/other"), None).await.problem(403, "forbidden");
    let house = House::with(&[("ROSTER_IAM_SCOPES", "{}")]).await;
    get_users(&house, Some("arn:aws:sts::1:assumed-role/billing"), None).await.problem(403, "forbidden");
}
