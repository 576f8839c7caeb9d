//! Documents that ask for too much are refused quickly, with one clear error, by every kind of build.

use std::fmt::Write;
use std::time::Instant;

use axum::http::Method;
use serde_json::json;

use crate::harness::{House, PASSWORD, repeated};

/// Sends a document, and holds it to one quick error: of this code, or where it asks for too much, with these words.
async fn refused(house: &House, what: &str, query: &str, expected: &str) {
    let started = Instant::now();
    let reply = house.anyone().graphql(query, &json!({})).await;
    let took = started.elapsed();
    assert!((400..500).contains(&reply.status.as_u16()), "{what}: {reply:.600}");
    let is_too_complex = expected.contains(' ');
    assert_eq!(reply.codes(), [if is_too_complex { "query-too-complex" } else { expected }], "{what}: {reply:.600}");
    let message = &reply.json()["errors"][0]["message"];
    assert!(!is_too_complex || message.as_str().unwrap().contains(expected), "{what}: {message}");
    assert!(reply.body.len() < 600, "{what}: {reply:.900}");
    // Not a measurement: the machine may be busy. Quadratic work on these would take seconds.
    assert!(took.as_millis() < 1500, "{what}: {took:?}");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn documents_that_ask_for_too_much_are_refused() {
    let house = House::new().await;
    let aliases = |n: usize| format!("{{ {} }}", repeated(n, |n| format!("a{n}:__typename ")));
    let nested = |n: usize| format!("{}id{}", "{a".repeat(n), "}".repeat(n));
    let (levels, signs, selections) = ("At most 20 levels", "At most 4000 words", "At most 1000 fields and fragments");
    let (directives, writes, complex) =
        ("At most 50 directives", "At most 5 fields at the root", "Query is too complex");
    let bomb = repeated(20, |n| format!("fragment f{n} on Query {{ ...f{} ...f{} }} ", n + 1, n + 1));
    let chain = repeated(400, |n| format!("fragment f{n} on Query {{ ...f{} }} ", n + 1));
    // Without a single field: what is counted must be the fragments themselves.
    let hollow = repeated(40, |n| format!("fragment f{n} on Query {{ ...f{} ...f{} }} ", n + 1, n + 1));
    let elsewhere = hollow.replace("on Query", "on User");
    let described = repeated(6, |n| format!("a{n}: __schema {{ types {{ name }} }} "));
    let deep_chain = repeated(30, |n| format!("fragment f{n} on Query {{ a {{ ...f{} }} }} ", n + 1));
    for (what, query, expected) in [
        ("10,000 aliases", aliases(10_000), "too-large"),
        ("3,000 aliases", aliases(3_000), signs),
        ("101 aliases", aliases(101), "At most 100 aliases"),
        ("depth 1,000", nested(1_000), levels),
        ("depth 15,000", nested(15_000), levels),
        ("depth 21", nested(21), levels),
        ("1 MB", format!("{{ a{} }}", "a".repeat(1_000_000)), "too-large"),
        ("1 MB comment", format!("# {}\n{{ __typename }}", "a".repeat(1_000_000)), "too-large"),
        ("duplicated fields", format!("{{ {} }}", "__typename ".repeat(1_500)), selections),
        ("duplicated fields of users", format!("{{ users {{ nodes {{ {} }} }} }}", "id ".repeat(1_500)), selections),
        ("a fragment in a circle", "{ ...f } fragment f on Query { ...f }".to_owned(), "invalid-query"),
        (
            "two in a circle",
            "{ ...f } fragment f on Query { ...g } fragment g on Query { ...f }".to_owned(),
            "invalid-query",
        ),
        ("unused circle", "{ __typename } fragment f on Query { ...f }".to_owned(), "invalid-query"),
        ("fragments that double", format!("{{ ...f0 }} {bomb} fragment f20 on Query {{ __typename }}"), selections),
        (
            "a chain of fragments",
            format!("{{ ...f0 }} {chain} fragment f400 on Query {{ __typename }}"),
            "At most 50 operations and fragments",
        ),
        ("depth by fragments", format!("{{ ...f0 }} {deep_chain} fragment f30 on Query {{ __typename }}"), levels),
        (
            "hollow fragments that double",
            format!("{{ __typename ...f0 }} {hollow} fragment f40 on Query {{ ...f41 }}"),
            selections,
        ),
        (
            "the same of another type",
            format!("{{ __typename ...f0 }} {elsewhere} fragment f40 on User {{ ...f41 }}"),
            selections,
        ),
        ("the same, unused", format!("{{ __typename }} {hollow} fragment f40 on Query {{ ...f41 }}"), selections),
        ("inline fragments without a field", format!("{{ {} }}", "... { ...f } ".repeat(600)), selections),
        ("six descriptions", format!("{{ {described} }}"), "At most 5 descriptions"),
        ("an unknown directive", "{ __typename @upper }".to_owned(), "invalid-query"),
        ("a condition that is none", "{ __typename @include(if: \"yes\") }".to_owned(), "invalid-query"),
        ("a long name", format!("{{ {} }}", "a".repeat(60_000)), "invalid-query"),
        ("directives", format!("{{ __typename {} }}", "@include(if: true) ".repeat(60)), directives),
        ("unknown directives", format!("{{ __typename {} }}", "@a".repeat(1_500)), "invalid-query"),
        ("directives everywhere", format!("query {} {{ __typename }}", "@a ".repeat(60)), directives),
        (
            "operations",
            repeated(100, |n| format!("query q{n} {{ __typename }} ")),
            "At most 50 operations and fragments",
        ),
        (
            "51 reads",
            format!("{{ {} }}", repeated(51, |n| format!("a{n}: user(id: \"x\") {{ id }} "))),
            "At most 50 fields at the root",
        ),
        (
            "6 writes",
            format!("mutation {{ {} }}", repeated(6, |n| format!("a{n}: deleteUser(id: \"x\") {{ id }} "))),
            writes,
        ),
        (
            "6 writes by fragments",
            format!(
                "mutation {{ ...f ...f ...f }} fragment f on Mutation {{ {} }}",
                repeated(2, |n| format!("a{n}: deleteUser(id: \"x\") {{ id }} "))
            ),
            writes,
        ),
        (
            "6 passwords",
            format!(
                "mutation {{ {} }}",
                repeated(6, |n| format!(
                    "a{n}: verifyPassword(input: {{userName: \"ada\", password: \"p{n}\"}}) {{ user {{ id }} }} "
                ))
            ),
            writes,
        ),
        ("13 lists", format!("{{ {} }}", repeated(13, |n| format!("a{n}: users {{ nodes {{ id }} }} "))), complex),
        (
            "large lists",
            format!(
                "{{ {} }}",
                repeated(7, |n| format!(
                    "a{n}: users(first: 100) {{ edges {{ cursor node {{ id firstName lastName userName version avatar }} }} }} "
                ))
            ),
            complex,
        ),
        (
            "deep input",
            format!(
                "mutation {{ createUser(input: {}1{}) {{ user {{ id }} }} }}",
                "{a:".repeat(2_000),
                "}".repeat(2_000)
            ),
            levels,
        ),
        ("deep list", format!("{{ user(id: {}1{}) {{ id }} }}", "[".repeat(3_000), "]".repeat(3_000)), levels),
        (
            "a description that multiplies",
            "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }".to_owned(),
            "At most 2 lists of the schema",
        ),
        ("variables", format!("query({}) {{ __typename }}", repeated(1_200, |n| format!("$a{n}: Int "))), signs),
        ("brackets without an end", "{".repeat(60_000), levels),
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
        refused(&house, what, &query, expected).await;
    }
    let named = json!({"query": "query a { __typename }", "operationName": "a".repeat(60_000)});
    let reply = house.anyone().with("accept", "application/graphql-response+json").post("/graphql", &named).await;
    assert!(reply.expect(400).body.len() < 900, "a name is not repeated whole");
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
