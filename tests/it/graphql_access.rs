//! Who may do what by GraphQL, what it costs, and what is told to nobody.

use std::collections::BTreeSet;

use roster::doors::graphql::FIELDS;
use serde_json::{Value, json};

use crate::authorization;
use crate::harness::tokens::{AUDIENCE, Answer, ISSUER, KeyServer, NOW, Signer, key_set};
use crate::harness::{House, PASSWORD, Reply, logged, new_user, repeated};

/// The root fields of the schema.
fn described() -> BTreeSet<String> {
    let schema = include_str!("../../src/doors/graphql/schema.graphql");
    let mut found = BTreeSet::new();
    for root in ["type Query {", "type Mutation {"] {
        let (_, rest) = schema.split_once(root).unwrap();
        let (body, _) = rest.split_once("\n}").unwrap();
        // What stands between three quotes is a description.
        let parts = body.split("\"\"\"").step_by(2).flat_map(str::lines);
        let fields = parts.map(str::trim).filter(|line| line.starts_with(char::is_alphabetic));
        found.extend(fields.filter_map(|line| line.split(['(', ':']).next()).map(str::to_owned));
    }
    found
}

#[test]
fn every_root_field_has_an_operation() {
    let listed: BTreeSet<String> = FIELDS.iter().map(|(field, _)| (*field).to_owned()).collect();
    assert_eq!(described(), listed, "schema.graphql and graphql::FIELDS");
}

#[test]
fn the_postman_collection_forgets_no_field() {
    let collection: Value = serde_json::from_str(include_str!("../../postman/roster.postman_collection.json")).unwrap();
    let folder = collection["item"].as_array().unwrap().iter().find(|folder| folder["name"] == "GraphQL").unwrap();
    let queries = folder["item"].as_array().unwrap().iter();
    let queries = queries.filter_map(|item| item["request"]["body"]["graphql"]["query"].as_str());
    let roots = queries.map(|query| query.split_once('{').unwrap().1.trim_start());
    let asked: BTreeSet<String> = roots.map(|root| root.split(['(', ' ']).next().unwrap().to_owned()).collect();
    assert_eq!(asked, described(), "requests of scripts/make-postman and schema.graphql");
}

/// A good call of a root field on the user `$id`.
fn call(field: &str, n: usize) -> String {
    let names = format!("userName: \"n{n}\", firstName: \"A\", lastName: \"B\"");
    match field {
        "user" => "query($id: ID!) { user(id: $id) { userName } }".to_owned(),
        "users" => "query { users { nodes { id } } }".to_owned(),
        "allUsers" => "query { allUsers { id } }".to_owned(),
        "avatarUpload" => "query($id: ID!) { avatarUpload(userId: $id, uploadId: \"01980000-0000-7000-8000-000000000002\") { state } }".to_owned(),
        "createUser" => format!("mutation {{ createUser(input: {{{names}, password: \"{PASSWORD}\"}}) {{ user {{ id }} }} }}"),
        "updateUser" => format!("mutation($id: ID!) {{ updateUser(id: $id, input: {{{names}}}) {{ user {{ id }} }} }}"),
        "deleteUser" => "mutation($id: ID!) { deleteUser(id: $id) { id } }".to_owned(),
        "changePassword" => format!("mutation($id: ID!) {{ changePassword(id: $id, input: {{currentPassword: \"{PASSWORD}\", newPassword: \"another horse battery staple\"}}) {{ id }} }}"),
        "verifyPassword" => format!("mutation {{ verifyPassword(input: {{userName: \"u{n}\", password: \"{PASSWORD}\"}}) {{ user {{ id }} }} }}"),
        "requestAvatarUpload" => "mutation($id: ID!) { requestAvatarUpload(id: $id, input: {contentType: \"image/png\", contentLength: 100}) { upload { url } } }".to_owned(),
        "deleteAvatar" => "mutation($id: ID!) { deleteAvatar(id: $id) { id } }".to_owned(),
        other => panic!("{other} has no call in this test"),
    }
}

#[tokio::test]
async fn every_field_answers_every_persona_as_rest_does() {
    let signer = Signer::es256("1");
    let server = KeyServer::start(Answer::Keys(key_set(&[&signer])));
    let house = House::with(&[
        ("ROSTER_AUTH", "jwt"),
        ("ROSTER_JWT_ISSUER", ISSUER),
        ("ROSTER_JWT_AUDIENCE", AUDIENCE),
        ("ROSTER_JWT_JWKS", &server.keys_url()),
    ])
    .await;
    let admin = signer.token(&json!({"scope": "users:admin"}));
    let (mut checked, mut wrong) = (0, Vec::new());
    for (field, operation) in FIELDS {
        for (persona, expected) in authorization::PERSONAS.into_iter().zip(authorization::row(operation).chars()) {
            let user = new_user(&format!("u{checked}"));
            let created = house.anyone().with("authorization", format!("Bearer {admin}")).post("/users", &user).await;
            let id = created.expect(201).json()["id"].as_str().unwrap().to_owned();
            let mut caller = house.anyone();
            if let Some(token) = authorization::token_of(&signer, persona, &id, NOW) {
                caller = caller.with("authorization", format!("Bearer {token}"));
            }
            if persona == "client" {
                caller = caller.with("x-client-id", "somebody-else");
            }
            let query = call(field, checked);
            let variables = if query.contains("$id") { json!({"id": id}) } else { json!({}) };
            let reply = caller.graphql(&query, &variables).await;
            checked += 1;
            if !fits(&reply, field, expected) {
                wrong.push(format!("{field} by {persona} should be {expected}: {reply}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(checked, FIELDS.len() * authorization::PERSONAS.len());
}

fn fits(reply: &Reply, field: &str, expected: char) -> bool {
    let (codes, data) = (reply.codes(), reply.json()["data"][field].clone());
    let is = |code: &str| codes == [format!("{field} {code}")] && reply.status == 200;
    match expected {
        '1' => reply.status == 401 && codes == ["unauthenticated"] && reply.headers.contains_key("www-authenticate"),
        // A caller header that claims another name is refused before anything is run.
        '3' => is("forbidden") || (reply.status == 403 && codes == ["forbidden"]),
        // A read tells of nobody by null.
        '4' if ["user", "avatarUpload"].contains(&field) => codes.is_empty() && data == Value::Null,
        '4' => is("not-found"),
        _ if field == "avatarUpload" => codes.is_empty(),
        _ => codes.is_empty() && data != Value::Null,
    }
}

#[tokio::test]
async fn a_field_costs_what_its_operation_costs() {
    let quotas = r#"{"default": [{"name": "verify", "quota": 4, "window": 60, "operations": ["verify_password"]}, {"name": "all", "quota": 20, "window": 60}]}"#;
    let house = House::with(&[("ROSTER_QUOTAS", quotas)]).await;
    let caller = house.billing_service();
    let three = repeated(3, |n| format!("a{n}: user(id: \"x\") {{ id }} "));
    let reply = caller.graphql(&format!("{{ {three} }}"), &json!({})).await.expect(200);
    assert!(reply.header("ratelimit").starts_with("\"all\";r=17;"), "{reply}");
    // What cannot be run counts once, and so does what reads no user.
    assert!(caller.graphql("{", &json!({})).await.expect(400).header("ratelimit").starts_with("\"all\";r=16;"));
    assert!(
        caller.graphql("{ __typename }", &json!({})).await.expect(200).header("ratelimit").starts_with("\"all\";r=15;")
    );
    let verify = |n: usize| -> String {
        let fields = repeated(n, |n| {
            format!(
                "a{n}: verifyPassword(input: {{userName: \"ada\", password: \"wrong horse\"}}) {{ user {{ id }} }} "
            )
        });
        format!("mutation {{ {fields} }}")
    };
    caller.graphql(&verify(3), &json!({})).await.expect(200);
    // REST and GraphQL draw from the same quota, and a request that would exceed it is not run in part.
    let reply = caller.graphql(&verify(2), &json!({})).await.expect(429);
    assert_eq!(reply.codes(), ["quota-exceeded"]);
    assert!(
        reply.headers.contains_key("retry-after")
            && reply.json()["errors"][0]["extensions"]["retryAfterSeconds"].is_u64(),
        "{reply}"
    );
    caller
        .post("/users/verify-password", &json!({"userName": "ada", "password": "wrong horse"}))
        .await
        .problem(429, "quota-exceeded");
}

const FIRST: &str = "plumose quagga vexillum 43";
const WRONG: &str = "wamble sphex drumlin 14";

#[tokio::test]
async fn no_answer_and_no_log_line_holds_a_password() {
    let house = House::new().await;
    let caller = house.anyone();
    let create = |password: &str| {
        format!(
            "mutation {{ createUser(input: {{userName: \"ada\", firstName: \"A\", lastName: \"B\", password: {password}}}) {{ user {{ id userName }} }} }}"
        )
    };
    let mut replies = Vec::new();
    let mut send = async |query: String, variables: Value| replies.push(caller.graphql(&query, &variables).await);
    send(create(&format!("\"{FIRST}\"")), json!({})).await;
    for odd in [
        format!("[\"{FIRST}\"]"),
        format!("{{a: \"{FIRST}\"}}"),
        format!("\"{FIRST}"),
        format!("\"{FIRST}\" \"{FIRST}\""),
        format!("\"{FIRST}\", sort: \"{FIRST}\""),
    ] {
        send(create(&odd), json!({})).await;
    }
    let by_variable = "mutation($p: String) { createUser(input: {userName: \"bob\", firstName: \"A\", lastName: \"B\", password: $p}) { user { id } } }";
    for odd in [json!([FIRST]), json!({"a": FIRST}), json!(FIRST)] {
        send(by_variable.to_owned(), json!({"p": odd})).await;
    }
    for argument in ["sort: $p", "first: $p", "filter: $p", "after: $p"] {
        for kind in ["String", "UserSort", "Int"] {
            send(format!("query($p: {kind}) {{ users({argument}) {{ nodes {{ id }} }} }}"), json!({"p": FIRST})).await;
        }
    }
    send(format!("{{ users(sort: \"{FIRST}\") {{ nodes {{ id }} }} }}"), json!({})).await;
    send(
        format!(
            "mutation {{ verifyPassword(input: {{userName: \"ada\", password: \"{WRONG}\"}}) {{ user {{ id }} }} }}"
        ),
        json!({}),
    )
    .await;
    send(
        format!(
            "mutation {{ verifyPassword(input: {{userName: \"{WRONG}\", password: \"{WRONG}\"}}) {{ user {{ id }} }} }}"
        ),
        json!({}),
    )
    .await;
    assert!(replies[0].json()["errors"].is_null(), "{}", replies[0]);
    let log = logged();
    assert!(log.contains("/graphql"));
    for secret in [FIRST, WRONG, "$argon2"] {
        for reply in &replies {
            assert!(reply.status.as_u16() < 500 && !reply.to_string().contains(secret), "{secret} in {reply}");
        }
        let line = log.lines().find(|line| line.contains(secret) && !line.contains("boom"));
        assert!(line.is_none(), "{secret} in {line:?}");
    }
}
