//! The GraphQL door does what the REST door does.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{HASH, House, PASSWORD, logged, new_user, repeated};

const NEW: &str = "application/graphql-response+json";
const USER: &str = "id userName firstName lastName avatar version createdAt updatedAt";

#[test]
fn the_committed_schema_is_the_one_in_the_code() {
    let committed = include_str!("../../src/doors/graphql/schema.graphql");
    let written = roster::doors::graphql::sdl();
    assert_eq!(
        committed.trim_end(),
        written.trim_end(),
        "run `cargo run -- schema > src/doors/graphql/schema.graphql`"
    );
}

#[tokio::test]
async fn a_user_is_created_read_changed_and_deleted() {
    let house = House::new().await;
    let caller = house.billing_service();
    let create = format!(
        "mutation($input: CreateUserInput!, $key: String) {{ createUser(input: $input, idempotencyKey: $key) {{ user {{ {USER} }} }} }}"
    );
    let variables = json!({"input": new_user("ada"), "key": "8e03978e"});
    let created = caller.graphql(&create, &variables).await.expect(200).data("/createUser/user");
    let id = created["id"].as_str().unwrap();
    let shown = house.anyone().get(&format!("/users/{id}")).await.expect(200).json();
    assert_eq!(created, shown, "both doors show a user alike");
    assert_eq!(
        caller.graphql(&create, &variables).await.data("/createUser/user"),
        created,
        "the same key answers the same"
    );
    let other = json!({"input": new_user("bob"), "key": "8e03978e"});
    assert_eq!(caller.graphql(&create, &other).await.expect(200).codes(), ["createUser idempotency-key-reused"]);

    let update = "mutation($id: ID!, $input: UpdateUserInput!, $version: Int) { updateUser(id: $id, input: $input, version: $version) { user { firstName lastName version } } }";
    let change =
        |version: Option<u64>, first: &str| json!({"id": id, "input": {"firstName": first}, "version": version});
    let updated = caller.graphql(update, &change(Some(1), "Augusta")).await.data("/updateUser/user");
    assert_eq!(updated, json!({"firstName": "Augusta", "lastName": "Lovelace", "version": 2}));
    assert_eq!(caller.graphql(update, &change(Some(1), "Eve")).await.codes(), ["updateUser version-conflict"]);
    assert_eq!(caller.graphql(update, &change(None, "Ada")).await.data("/updateUser/user/version"), 3);

    let read = "query($id: ID, $name: String) { user(id: $id, userName: $name) { id firstName } }";
    for variables in [json!({"id": id}), json!({"name": "ADA"})] {
        assert_eq!(caller.graphql(read, &variables).await.data("/user"), json!({"id": id, "firstName": "Ada"}));
    }
    for nobody in [json!({"id": "01980000-0000-7000-8000-000000000001"}), json!({"id": "x"}), json!({"name": "bob"})] {
        assert_eq!(caller.graphql(read, &nobody).await.data("/user"), Value::Null);
    }
    let delete = "mutation($id: ID!, $version: Int) { deleteUser(id: $id, version: $version) { id } }";
    assert_eq!(caller.graphql(delete, &json!({"id": id, "version": 2})).await.codes(), ["deleteUser version-conflict"]);
    assert_eq!(caller.graphql(delete, &json!({"id": id, "version": 3})).await.data("/deleteUser/id"), id);
    assert_eq!(caller.graphql(delete, &json!({"id": id})).await.codes(), ["deleteUser not-found"]);
}

#[tokio::test]
async fn flaws_are_told_with_their_places_among_the_arguments() {
    let house = House::new().await;
    house.create("ada").await;
    let create = "mutation($input: CreateUserInput!) { createUser(input: $input) { user { id } } }";
    let input = json!({"userName": "", "firstName": "A\u{7}", "lastName": "B", "password": "short"});
    let reply = house.anyone().graphql(create, &json!({"input": input})).await.expect(200);
    assert_eq!(reply.codes(), ["createUser validation"]);
    let extensions = reply.json()["errors"][0]["extensions"].clone();
    assert_eq!((&extensions["status"], &extensions["type"]), (&json!(422), &json!("/problems/validation")));
    let places: Vec<&str> =
        extensions["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert!(
        places.contains(&"#/input/userName")
            && places.contains(&"#/input/firstName")
            && places.contains(&"#/input/password"),
        "{places:?}"
    );
    assert_eq!(reply.json()["data"], json!({"createUser": null}));

    let reply = house.anyone().graphql(create, &json!({"input": new_user("ADA")})).await;
    assert_eq!(reply.codes(), ["createUser name-taken"]);
    assert_eq!(reply.json()["errors"][0]["extensions"]["errors"][0]["pointer"], "#/input/userName");
    for (query, code, pointer) in [
        ("{ users(filter: \"lastName zz 1\") { nodes { id } } }", "users invalid-filter", "#/filter"),
        ("{ users(after: \"zz\") { nodes { id } } }", "users invalid-cursor", "#/after"),
        ("{ users(first: 0) { nodes { id } } }", "users validation", "#/first"),
        ("{ user { id } }", "user validation", "#/id"),
        ("{ user(id: \"x\", userName: \"y\") { id } }", "user validation", "#/userName"),
        (
            "mutation { updateUser(id: \"01980000-0000-7000-8000-000000000001\", input: {firstName: null}) { user { id } } }",
            "updateUser validation",
            "#/input/firstName",
        ),
    ] {
        let reply = house.anyone().graphql(query, &json!({})).await.expect(200);
        assert_eq!(reply.codes(), [code], "{query}");
        assert_eq!(reply.json()["errors"][0]["extensions"]["errors"][0]["pointer"], pointer, "{query}");
    }
}

#[tokio::test]
async fn a_change_must_name_a_version_where_the_configuration_says_so() {
    let house = House::with(&[("ROSTER_REQUIRE_IF_MATCH", "true")]).await;
    let id = house.create("ada").await;
    for field in [
        "updateUser(id: $id, input: {firstName: \"B\"}) { user { id } }",
        "deleteUser(id: $id) { id }",
        "deleteAvatar(id: $id) { id }",
    ] {
        let reply = house.anyone().graphql(&format!("mutation($id: ID!) {{ x: {field} }}"), &json!({"id": id})).await;
        assert_eq!(reply.codes(), ["x precondition-required"], "{field}");
    }
}

#[tokio::test]
async fn users_of_one_request_are_read_in_one_call() {
    let house = House::new().await;
    let mut ids = Vec::new();
    for n in 0..40 {
        let body = json!({"userName": format!("u{n}"), "firstName": "F", "lastName": "L", "passwordHash": HASH});
        let reply = house.anyone().post("/users", &body).await.expect(201);
        ids.push(reply.json()["id"].as_str().unwrap().to_owned());
    }
    let by_id = repeated(40, |n| format!("a{n}: user(id: \"{}\") {{ userName }} ", ids[n]));
    let before = house.calls();
    let reply = house.anyone().graphql(&format!("{{ {by_id} }}"), &json!({})).await;
    assert_eq!(reply.data("/a7/userName"), "u7");
    assert_eq!(house.calls() - before, 1, "40 users by id");
    let both =
        repeated(20, |n| format!("a{n}: user(userName: \"U{n}\") {{ id }} b{n}: user(id: \"{}\") {{ id }} ", ids[n]));
    let before = house.calls();
    let reply = house.anyone().graphql(&format!("{{ {both} }}"), &json!({})).await;
    for (n, id) in ids.iter().take(20).enumerate() {
        assert_eq!((reply.data(&format!("/a{n}/id")), reply.data(&format!("/b{n}/id"))), (json!(id), json!(id)));
    }
    assert_eq!(house.calls() - before, 2, "names, then users");
}

#[tokio::test]
async fn a_connection_walks_through_the_same_users_as_rest() {
    let house = House::with(&[("ROSTER_LIST_READ_BUDGET", "100")]).await;
    for n in 0..130 {
        let last = ["Lo", "love", "LOVELACE", "Östberg", "Lo Smith"][n % 5];
        let body = json!({"userName": format!("u{n}"), "firstName": if n % 7 == 0 { "Zoë" } else { "Ada" }, "lastName": last, "passwordHash": HASH});
        house.anyone().post("/users", &body).await.expect(201);
        house.clock.advance_seconds(1);
    }
    let walk = "query($first: Int, $after: String, $filter: String, $sort: UserSort) { users(first: $first, after: $after, filter: $filter, sort: $sort) { edges { cursor node { id } } pageInfo { hasNextPage endCursor } } }";
    for (filter, sort, rest_sort) in [
        (None, None, None),
        (None, Some("USER_NAME_DESC"), Some("-userName")),
        (Some("firstName eq \"zoë\""), Some("LAST_NAME_ASC"), Some("lastName")),
        (Some("lastName sw \"lo\""), None, None),
        (Some("userName eq \"U7\""), Some("CREATED_AT_DESC"), Some("-createdAt")),
    ] {
        let encoded = |text: &str| crate::harness::percent(text);
        let mut path = "/users?limit=100".to_owned();
        path += &filter.map(|filter| format!("&filter={}", encoded(filter))).unwrap_or_default();
        path += &rest_sort.map(|sort| format!("&sort={sort}")).unwrap_or_default();
        let (mut expected, mut cursor): (Vec<Value>, _) = (Vec::new(), None::<String>);
        loop {
            let tail = cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let page = house.anyone().get(&format!("{path}{tail}")).await.expect(200).json();
            expected.extend(page["users"].as_array().unwrap().iter().map(|user| user["id"].clone()));
            let Some(next) = page["nextCursor"].as_str() else { break };
            cursor = Some(next.to_owned());
        }
        assert!(!expected.is_empty());
        // By the pages' ends, and once more by the cursor of each page's last edge, or a middle one.
        for by_edge in [false, true] {
            let (mut seen, mut after): (Vec<Value>, Value) = (Vec::new(), Value::Null);
            for _ in 0..200 {
                let variables = json!({"first": 23, "after": after, "filter": filter, "sort": sort});
                let page = house.anyone().graphql(walk, &variables).await.data("/users");
                let edges = page["edges"].as_array().unwrap();
                let half = edges.len().div_ceil(2);
                let (taken, next) = match edges.get(half.saturating_sub(1)) {
                    Some(edge) if by_edge => (half, edge["cursor"].clone()),
                    _ => (edges.len(), page["pageInfo"]["endCursor"].clone()),
                };
                seen.extend(edges[..taken].iter().map(|edge| edge["node"]["id"].clone()));
                after = next;
                if page["pageInfo"]["hasNextPage"] == false && taken == edges.len() {
                    break;
                }
            }
            assert_eq!(seen, expected, "{filter:?} {sort:?} {by_edge}");
        }
    }
    let all = house.anyone().graphql("{ allUsers(first: 100) { id } }", &json!({})).await.data("/allUsers");
    let first = house.anyone().get("/users?limit=100").await.json()["users"].as_array().unwrap().len();
    assert_eq!(all.as_array().unwrap().len(), first);
}

#[tokio::test]
async fn passwords_are_changed_and_verified() {
    let house = House::new().await;
    let id = house.create("ada").await;
    let change = "mutation($id: ID!, $input: ChangePasswordInput!) { changePassword(id: $id, input: $input) { id } }";
    let input = json!({"currentPassword": "wrong horse battery", "newPassword": "violet lanterns drift over Trieste"});
    assert_eq!(
        house.anyone().graphql(change, &json!({"id": id, "input": input})).await.codes(),
        ["changePassword invalid-credentials"]
    );
    let input = json!({"currentPassword": PASSWORD, "newPassword": "violet lanterns drift over Trieste"});
    house.anyone().graphql(change, &json!({"id": id, "input": input})).await.data("/changePassword");
    let verify = "mutation($input: VerifyPasswordInput!) { verifyPassword(input: $input) { user { userName } } }";
    let claim = |password: &str| json!({"input": {"userName": "Ada", "password": password}});
    assert_eq!(house.anyone().graphql(verify, &claim(PASSWORD)).await.codes(), ["verifyPassword invalid-credentials"]);
    let reply = house.anyone().graphql(verify, &claim("violet lanterns drift over Trieste")).await;
    assert_eq!(reply.data("/verifyPassword/user/userName"), "ada");
}

#[tokio::test]
async fn an_upload_is_asked_for_and_followed() {
    let house = House::new().await;
    let id = house.create("ada").await;
    let request = "mutation($id: ID!, $method: String) { requestAvatarUpload(id: $id, input: {contentType: \"image/png\", contentLength: 100, method: $method}) { upload { uploadId method url headers { name value } formFields { name value } maxBytes expiresAt } } }";
    let put = house.anyone().graphql(request, &json!({"id": id})).await.data("/requestAvatarUpload/upload");
    assert!(put["method"] == "PUT" && put["headers"].is_array() && put["formFields"].is_null(), "{put}");
    let post =
        house.anyone().graphql(request, &json!({"id": id, "method": "POST"})).await.data("/requestAvatarUpload/upload");
    assert!(post["method"] == "POST" && post["headers"].is_null() && post["formFields"].is_array(), "{post}");
    let state = "query($user: ID!, $upload: ID!) { avatarUpload(userId: $user, uploadId: $upload) { state reason { code } expiresAt } }";
    let reply = house.anyone().graphql(state, &json!({"user": id, "upload": put["uploadId"]})).await;
    assert_eq!(reply.data("/avatarUpload/state"), "PENDING");
    assert_eq!(
        house.anyone().graphql(state, &json!({"user": id, "upload": id})).await.data("/avatarUpload"),
        Value::Null
    );
    house
        .anyone()
        .graphql("mutation($id: ID!) { deleteAvatar(id: $id) { id } }", &json!({"id": id}))
        .await
        .data("/deleteAvatar/id");
}

#[tokio::test]
async fn statuses_and_media_types_are_those_of_the_specification() {
    let house = House::new().await;
    let send = async |accept: &str, body: &str| {
        let caller = house.anyone().with("accept", accept);
        caller.send(Method::POST, "/graphql", Some("application/json"), body.as_bytes().to_vec()).await
    };
    for (body, new, old) in [
        (r#"{"query": "{ __typename }"}"#, 200, 200),
        (r#"{"query": "{ __typename @skip(if: true) users @include(if: false) { nodes { id } } }"}"#, 200, 200),
        (r#"{"query": "{ nothing }"}"#, 400, 200),
        (r#"{"query": "{"}"#, 400, 200),
        (r#"{"query": "query($id: ID!) { user(id: $id) { id } }"}"#, 400, 200),
    ] {
        assert_eq!(send(NEW, body).await.status, new, "{body}");
        let reply = send("*/*", body).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("content-type")),
            (old, "application/json; charset=utf-8"),
            "{body}"
        );
        assert!(reply.json()["data"].is_object() == (new == 200), "{reply}");
    }
    for body in [
        "{",
        "[]",
        "1",
        "{}",
        r#"{"query": 1}"#,
        r#"{"query": "{ __typename }", "variables": []}"#,
        r#"{"query": "{ __typename }", "operationName": 1}"#,
        r#"{"query": "{ __typename }", "query": "{ __typename }"}"#,
    ] {
        assert_eq!(
            send(NEW, body).await.expect(400).header("content-type"),
            "application/graphql-response+json; charset=utf-8"
        );
    }
    assert_eq!(
        house
            .anyone()
            .with("accept", NEW)
            .send(Method::POST, "/graphql", None, b"{}".to_vec())
            .await
            .expect(415)
            .codes(),
        ["unsupported-media-type"]
    );
    assert_eq!(
        house.anyone().send(Method::PUT, "/graphql", None, Vec::new()).await.expect(405).header("allow"),
        "POST,GET,HEAD"
    );
}

#[tokio::test]
async fn one_line_is_logged_and_it_names_the_kind() {
    let house = House::new().await;
    let reply = house.anyone().graphql("mutation { deleteUser(id: \"nobody\") { id } }", &json!({})).await;
    let log = logged();
    let id = reply.header("x-request-id");
    let is_it = |line: &&str| line.contains(id) && line.contains("\"/graphql\"") && line.contains("\"not-found\"");
    let lines: Vec<&str> = log.lines().filter(is_it).collect();
    assert!(lines.iter().any(|line| line.contains("\"status\":200")), "{lines:?}");
}

#[tokio::test]
async fn the_page_for_people_asks_no_other_host() {
    let house = House::new().await;
    house.anyone().get("/graphql?query={__typename}").await.problem(405, "method-not-allowed");
    let page = house.anyone().with("accept", "text/html,*/*").get("/graphql").await.expect(200);
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("script-src 'self'") && !policy.contains("http"),
        "{policy}"
    );
    let html = String::from_utf8(page.body.clone()).unwrap();
    let links: Vec<&str> = html.split(['"']).filter(|text| text.starts_with("graphql/assets/")).collect();
    assert!(
        links.len() == 6 && !html.contains("//") && !html.contains("<style") && !html.contains("<script>"),
        "{html}"
    );
    for link in links {
        assert!(house.anyone().get(&format!("/{link}")).await.expect(200).body.len() > 40, "{link}");
    }
    house.anyone().get("/graphql/assets/other.js").await.problem(404, "not-found");
}
