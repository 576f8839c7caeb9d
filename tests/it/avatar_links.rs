//! Links to pictures: the same for a while, signed without asking anyone.

use aws_sdk_dynamodb::types::AttributeValue;
use image::ImageFormat;
use serde_json::{Value, json};

use crate::harness::{Gallery, HASH, House, picture};

/// The S3 of a house is where nobody is: whoever asked it would fail.
#[tokio::test]
async fn a_list_of_100_pictures_is_signed_without_a_call() {
    let house = House::new().await;
    let mut users = Vec::new();
    for number in 0..100 {
        let body = json!({"userName": format!("ada{number}"), "firstName": "Ada", "lastName": "Lovelace", "passwordHash": HASH});
        users.push(house.anyone().post("/users", &body).await.expect(201).json()["id"].as_str().unwrap().to_owned());
    }
    let before = house.calls();
    let plain = house.anyone().get("/users?limit=100").await.expect(200).json();
    let calls = house.calls() - before;
    assert_eq!(plain["users"].as_array().unwrap().len(), 100);
    assert!(plain["users"].as_array().unwrap().iter().all(|user| user["avatar"] == Value::Null));

    for user in &users {
        let key = |text: String| AttributeValue::S(text);
        let call = house.dynamodb.update_item().table_name(house.app.store.table());
        let call = call.key("pk", key(format!("USER#{user}"))).key("sk", key("USER".to_owned()));
        let call = call.update_expression("SET avatar = :avatar");
        let avatar = key(format!("avatars/{user}/01980000-0000-7000-8000-00000000000a/00"));
        call.expression_attribute_values(":avatar", avatar).send().await.unwrap();
    }
    let before = house.calls();
    let listed = house.anyone().get("/users?limit=100").await.expect(200).json();
    assert_eq!(house.calls() - before, calls, "pictures cost no call");
    for user in listed["users"].as_array().unwrap() {
        let (link, id) = (user["avatar"].as_str().unwrap(), user["id"].as_str().unwrap());
        assert!(link.contains(&format!("/avatars/{id}/")) && link.contains("&X-Amz-Signature="), "{link}");
    }
}

#[tokio::test]
async fn a_link_stays_the_same_for_its_slot_and_the_etag_knows() {
    let gallery = Gallery::with(&[("ROSTER_AVATARS_LINK_SECONDS", "600")]).await;
    let ada = gallery.create("ada").await;
    assert_eq!(gallery.upload(&ada, "image/png", &picture(ImageFormat::Png, 50, 40, [200, 30, 30])).await, "attached");
    // To the start of the next slot.
    gallery.clock.advance_seconds(600 - gallery.clock.now().unix_seconds() % 600);
    let path = format!("/users/{ada}");
    let first = gallery.anyone().get(&path).await.expect(200);
    gallery.clock.advance_seconds(599);
    let second = gallery.anyone().get(&path).await.expect(200);
    assert_eq!((&first.body, first.etag()), (&second.body, second.etag()));
    gallery.anyone().with("if-none-match", first.etag()).get(&path).await.expect(304);
    let listed = gallery.anyone().get("/users").await.expect(200).json();
    assert_eq!(listed["users"][0]["avatar"], first.json()["avatar"]);
    let redirect = gallery.anyone().get(&format!("{path}/avatar")).await.expect(307);
    assert_eq!(redirect.header("location"), first.json()["avatar"]);
    assert_eq!(redirect.header("cache-control"), "private, max-age=1");
    // In its last second it works for a whole slot more.
    assert!(redirect.header("location").contains("&X-Amz-Expires=1200&"), "{}", redirect.header("location"));

    gallery.clock.advance_seconds(1);
    let third = gallery.anyone().with("if-none-match", first.etag()).get(&path).await.expect(200);
    assert_ne!(third.json()["avatar"], first.json()["avatar"]);
    // Of the whole tag If-Match takes the version.
    let renamed = gallery.anyone().with("if-match", first.etag()).patch(&path, &json!({"firstName": "Augusta"})).await;
    assert_eq!(renamed.expect(200).json()["avatar"], third.json()["avatar"]);
    let stale = gallery.anyone().with("if-match", first.etag());
    stale.delete(&format!("{path}/avatar")).await.problem(412, "version-conflict");
}

#[tokio::test]
async fn links_name_the_public_endpoint() {
    let house = House::with(&[("ROSTER_AVATARS_PUBLIC_ENDPOINT", "https://pictures.example:8443/")]).await;
    let ada = house.create("ada").await;
    for method in ["PUT", "POST"] {
        let body = json!({"contentType": "image/png", "contentLength": 5, "method": method});
        let reply = house.anyone().post(&format!("/users/{ada}/avatar-uploads"), &body).await.expect(201);
        let body = reply.json();
        let url = body["url"].as_str().unwrap();
        assert!(url.starts_with("https://pictures.example:8443/roster-avatars"), "{url}");
    }
}
