//! Documents that ask for too much are refused quickly, with one clear error, by every kind of build.

use std::fmt::Write;
use std::time::Instant;

use axum::http::Method;
use serde_json::json;

use crate::harness::{House, PASSWORD, repeated};

/// Sends a document, and holds it to one error of this code within half a second.
async fn refused(house: &House, what: &str, query: &str, code: &str) {
    let started = Instant::now();
    let reply = house.anyone().graphql(query, &json!({})).await;
    let took = started.elapsed();
    assert!((400..500).contains(&reply.status.as_u16()), "{what}: {reply:.600}");
    assert_eq!(reply.codes(), [code], "{what}: {reply:.600}");
    assert!(reply.body.len() < 600, "{what}: {reply:.900}");
    // Not a measurement: the machine may be busy. Quadratic work on these would take seconds.
    assert!(took.as_millis() < 1500, "{what}: {took:?}");
}

#[tokio::test]
async fn documents_that_ask_for_too_much_are_refused() {
    let house = House::new().await;
    let aliases = |n: usize| format!("{{ {} }}", repeated(n, |n| format!("a{n}:__typename ")));
    let nested = |n: usize| format!("{}id{}", "{a".repeat(n), "}".repeat(n));
    let too_complex = "query-too-complex";
    let bomb = repeated(20, |n| format!("fragment f{n} on Query {{ ...f{} ...f{} }} ", n + 1, n + 1));
    let chain = repeated(400, |n| format!("fragment f{n} on Query {{ ...f{} }} ", n + 1));
    let deep_chain = repeated(30, |n| format!("fragment f{n} on Query {{ a {{ ...f{} }} }} ", n + 1));
    for (what, query, code) in [
        ("10,000 aliases", aliases(10_000), "too-large"),
        ("3,000 aliases", aliases(3_000), too_complex),
        ("101 aliases", aliases(101), too_complex),
        ("depth 1,000", nested(1_000), too_complex),
        ("depth 15,000", nested(15_000), too_complex),
        ("depth 21", nested(21), too_complex),
        ("1 MB", format!("{{ a{} }}", "a".repeat(1_000_000)), "too-large"),
        ("1 MB comment", format!("# {}\n{{ __typename }}", "a".repeat(1_000_000)), "too-large"),
        ("duplicated fields", format!("{{ {} }}", "__typename ".repeat(1_500)), too_complex),
        ("duplicated fields of users", format!("{{ users {{ nodes {{ {} }} }} }}", "id ".repeat(1_500)), too_complex),
        ("a fragment in a circle", "{ ...f } fragment f on Query { ...f }".to_owned(), "invalid-query"),
        (
            "two in a circle",
            "{ ...f } fragment f on Query { ...g } fragment g on Query { ...f }".to_owned(),
            "invalid-query",
        ),
        ("unused circle", "{ __typename } fragment f on Query { ...f }".to_owned(), "invalid-query"),
        ("fragments that double", format!("{{ ...f0 }} {bomb} fragment f20 on Query {{ __typename }}"), too_complex),
        ("a chain of fragments", format!("{{ ...f0 }} {chain} fragment f400 on Query {{ __typename }}"), too_complex),
        ("depth by fragments", format!("{{ ...f0 }} {deep_chain} fragment f30 on Query {{ __typename }}"), too_complex),
        ("directives", format!("{{ __typename {} }}", "@include(if: true) ".repeat(60)), too_complex),
        ("unknown directives", format!("{{ __typename {} }}", "@a".repeat(1_500)), too_complex),
        ("directives everywhere", format!("query {} {{ __typename }}", "@a ".repeat(60)), too_complex),
        ("operations", repeated(100, |n| format!("query q{n} {{ __typename }} ")), too_complex),
        ("51 reads", format!("{{ {} }}", repeated(51, |n| format!("a{n}: user(id: \"x\") {{ id }} "))), too_complex),
        (
            "6 writes",
            format!("mutation {{ {} }}", repeated(6, |n| format!("a{n}: deleteUser(id: \"x\") {{ id }} "))),
            too_complex,
        ),
        (
            "6 writes by fragments",
            format!(
                "mutation {{ ...f ...f ...f }} fragment f on Mutation {{ {} }}",
                repeated(2, |n| format!("a{n}: deleteUser(id: \"x\") {{ id }} "))
            ),
            too_complex,
        ),
        (
            "6 passwords",
            format!(
                "mutation {{ {} }}",
                repeated(6, |n| format!(
                    "a{n}: verifyPassword(input: {{userName: \"ada\", password: \"p{n}\"}}) {{ user {{ id }} }} "
                ))
            ),
            too_complex,
        ),
        ("13 lists", format!("{{ {} }}", repeated(13, |n| format!("a{n}: users {{ nodes {{ id }} }} "))), too_complex),
        (
            "large lists",
            format!(
                "{{ {} }}",
                repeated(7, |n| format!(
                    "a{n}: users(first: 100) {{ edges {{ cursor node {{ id firstName lastName userName version avatar }} }} }} "
                ))
            ),
            too_complex,
        ),
        (
            "deep input",
            format!(
                "mutation {{ createUser(input: {}1{}) {{ user {{ id }} }} }}",
                "{a:".repeat(2_000),
                "}".repeat(2_000)
            ),
            too_complex,
        ),
        ("deep list", format!("{{ user(id: {}1{}) {{ id }} }}", "[".repeat(3_000), "]".repeat(3_000)), too_complex),
        (
            "a description that multiplies",
            "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }".to_owned(),
            too_complex,
        ),
        ("variables", format!("query({}) {{ __typename }}", repeated(1_200, |n| format!("$a{n}: Int "))), too_complex),
        ("brackets without an end", "{".repeat(60_000), too_complex),
        ("a string without an end", format!("{{ user(id: \"{}", "a".repeat(60_000)), "invalid-query"),
        ("a subscription", "subscription { users }".to_owned(), "invalid-query"),
        ("nothing", String::new(), "invalid-query"),
        ("a lone surrogate", "{ user(id: \"\\ud800\") { id } }".to_owned(), "invalid-query"),
        ("a number out of range", "{ users(first: 1e999) { nodes { id } } }".to_owned(), "invalid-query"),
        (
            "a number too long",
            format!("{{ users(first: {}) {{ nodes {{ id }} }} }}", "9".repeat(5_000)),
            "invalid-query",
        ),
    ] {
        refused(&house, what, &query, code).await;
    }
    // What they were meant to take down answers.
    house.anyone().graphql(&aliases(50), &json!({})).await.expect(200).data("/a49");
}

#[tokio::test]
async fn bodies_that_ask_for_too_much_are_refused() {
    let house = House::new().await;
    let caller = house.anyone().with("accept", "application/graphql-response+json");
    let send =
        async |body: String| caller.send(Method::POST, "/graphql", Some("application/json"), body.into_bytes()).await;
    let batch = format!("[{}]", vec![r#"{"query":"mutation { deleteUser(id: 1) { id } }"}"#; 100].join(","));
    assert_eq!(send(batch).await.expect(400).codes(), ["query-too-complex"]);
    let huge = json!({"query": "{ __typename }", "variables": {"a": "a".repeat(70_000)}}).to_string();
    assert_eq!(send(huge).await.expect(413).codes(), ["too-large"]);
    let mut many = String::from(r#"{"query":"{ __typename }","variables":{"x":0"#);
    for n in 0..4_000 {
        write!(many, r#","v{n}":{n}"#).unwrap();
    }
    send(many + "}}").await.expect(200);
    let deep = format!(
        r#"{{"query":"query($a: CreateUserInput!) {{ __typename }}","variables":{{"a":{}1{}}}}}"#,
        "[".repeat(20_000),
        "]".repeat(20_000)
    );
    assert_eq!(send(deep).await.expect(400).codes(), ["malformed-request"]);
    let deep = format!(
        r#"{{"query":"mutation($a: CreateUserInput!) {{ createUser(input: $a) {{ user {{ id }} }} }}","variables":{{"a":{}1{}}}}}"#,
        "[".repeat(100),
        "]".repeat(100)
    );
    assert_eq!(send(deep).await.expect(200).codes(), ["createUser invalid-query"]);
}

#[tokio::test]
async fn introspection_is_as_configured() {
    let open = House::new().await;
    let types = open.anyone().graphql("{ __schema { types { name } } }", &json!({})).await.data("/__schema/types");
    assert!(types.as_array().unwrap().len() > 20);
    let closed = House::with(&[("ROSTER_GRAPHQL_INTROSPECTION", "off")]).await;
    for query in [
        "{ __schema { types { name } } }",
        "{ ...f } fragment f on Query { __type(name: \"User\") { name } }",
        "{ users { nodes { __typename } } a: __type(name: \"User\") { name } }",
    ] {
        refused(&closed, query, query, "invalid-query").await;
    }
    closed.anyone().graphql("{ __typename }", &json!({})).await.data("/__typename");
    let reply = closed.anyone().graphql("{ users { nodes { idd } } }", &json!({})).await.expect(400);
    assert!(!reply.to_string().contains("Did you mean"), "{reply}");
    let lambda = |name: &str| match name {
        "ROSTER_TABLE" | "ROSTER_BUCKET" | "AWS_REGION" => Some("us-east-1".to_owned()),
        "ROSTER_AUTH" => Some("iam".to_owned()),
        _ => None,
    };
    assert!(!roster::config::Config::for_lambda(&lambda).unwrap().door.introspection, "off on Lambda unless told");
}

#[tokio::test]
async fn many_passwords_in_one_request_are_no_lever() {
    let house = House::new().await;
    house.create("ada").await;
    let five = repeated(5, |n| {
        format!("a{n}: verifyPassword(input: {{userName: \"ada\", password: \"wrong {n}\"}}) {{ user {{ id }} }} ")
    });
    let mut codes = Vec::new();
    for _ in 0..3 {
        let reply = house.anyone().graphql(&format!("mutation {{ {five} }}"), &json!({})).await.expect(200);
        codes.extend(reply.codes().into_iter().map(|code| code.split(' ').next_back().unwrap().to_owned()));
    }
    let told = codes.iter().filter(|code| *code == "invalid-credentials").count();
    assert_eq!((told, codes.len()), (10, 15), "ten are told, as one by one: {codes:?}");
    let claim = json!({"userName": "ada", "password": PASSWORD});
    house.anyone().post("/users/verify-password", &claim).await.problem(429, "quota-exceeded");
}
