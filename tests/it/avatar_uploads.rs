//! Asking for an upload, sending the file by PUT and by form, what S3 refuses, and the link that comes of it.

use image::ImageFormat;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::wire::{self, Answer};
use crate::harness::{Gallery, House, fields, picture, put};

const RED: [u8; 3] = [200, 30, 30];

fn checksum(file: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(file))
}

fn url(asked: &Value) -> String {
    asked["url"].as_str().unwrap().to_owned()
}

/// The fields of a form, in order.
type Form = Vec<(String, String)>;

#[tokio::test]
async fn a_picture_put_is_shown_in_every_size_and_removed() {
    let gallery = Gallery::new().await;
    let ada = gallery.create("ada").await;
    let file = picture(ImageFormat::Png, 600, 400, RED);
    let reply = gallery
        .anyone()
        .post(
            &format!("/users/{ada}/avatar-uploads"),
            &json!({"contentType": "image/png", "contentLength": file.len(), "checksumSha256": checksum(&file)}),
        )
        .await
        .expect(201);
    let asked = reply.json();
    assert_eq!(asked["method"], "PUT");
    assert_eq!(asked["maxBytes"], 5 * 1024 * 1024);
    assert_eq!(
        asked["headers"],
        json!({"content-type": "image/png", "x-amz-checksum-sha256": checksum(&file)}),
        "all that a client sends"
    );
    let path = reply.header("location").to_owned();
    let pending = gallery.anyone().get(&path).await.expect(200).json();
    assert_eq!((&pending["state"], &pending["reason"]), (&json!("pending"), &Value::Null));
    assert_eq!(put(&asked, &file).status, 200);
    gallery.deliver().await;
    assert_eq!(gallery.anyone().get(&path).await.expect(200).json()["state"], "attached");

    let user = gallery.anyone().get(&format!("/users/{ada}")).await.expect(200);
    assert_eq!(user.json()["version"], 2);
    assert_eq!(user.header("etag").split('.').next(), Some("\"2"));
    let shown = wire::send("GET", user.json()["avatar"].as_str().unwrap(), &[], b"");
    assert_eq!(shown.status, 200);
    let mut content = Sha256::new();
    for size in [512, 256, 128, 64] {
        let answer = gallery.shown(&ada, size).await;
        content.update((answer.body.len() as u64).to_be_bytes());
        content.update(&answer.body);
        let head = answer.head.to_lowercase();
        assert!(head.contains("content-type: image/webp"), "{head}");
        assert!(head.contains("cache-control: private, max-age=31536000, immutable"), "{head}");
        let decoded = image::load_from_memory_with_format(&answer.body, ImageFormat::WebP).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (size, size));
    }
    let objects = gallery.objects().await;
    assert_eq!(objects.len(), 4, "{objects:?}");
    let hash = u128::from_be_bytes(content.finalize()[..16].try_into().unwrap());
    let place = format!("avatars/{ada}/{}/{hash:032x}/", asked["uploadId"].as_str().unwrap());
    assert!(objects.iter().all(|key| key.starts_with(&place)), "{objects:?} in {place}");

    gallery.anyone().delete(&format!("/users/{ada}/avatar")).await.expect(204);
    gallery.anyone().delete(&format!("/users/{ada}/avatar")).await.expect(204);
    assert_eq!(gallery.objects().await, Vec::<String>::new());
    let user = gallery.anyone().get(&format!("/users/{ada}")).await.expect(200);
    assert_eq!((user.json()["avatar"].clone(), user.etag()), (Value::Null, "\"3\""));
    gallery.anyone().get(&format!("/users/{ada}/avatar")).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_picture_comes_by_form_and_the_user_goes_with_everything() {
    let gallery = Gallery::new().await;
    let ada = gallery.create("ada").await;
    let file = picture(ImageFormat::Jpeg, 300, 300, RED);
    let asked = gallery.ask_by("POST", &ada, "image/jpeg", &file).await;
    assert!(asked.get("headers").is_none());
    let answer = wire::post_form(&url(&asked), &fields(&asked), &file, "image/jpeg");
    assert!((200..300).contains(&answer.status), "{answer:?}");
    gallery.deliver().await;
    assert_eq!(gallery.state(&ada, &asked).await, "attached");
    assert_eq!(gallery.objects().await.len(), 4);

    let waiting = gallery.ask(&ada, "image/jpeg", &file).await;
    put(&waiting, &file);
    assert_eq!(gallery.objects().await.len(), 5);
    gallery.anyone().delete(&format!("/users/{ada}")).await.expect(204);
    assert_eq!((gallery.objects().await, gallery.keys().await), (vec![], vec![]));
    gallery.deliver().await;
    assert_eq!(put(&waiting, &file).status, 200, "the URL still works");
    gallery.deliver().await;
    assert_eq!(gallery.objects().await, Vec::<String>::new(), "and what it brings is thrown away");
}

#[tokio::test]
async fn what_was_not_signed_is_refused_by_put() {
    let gallery = Gallery::new().await;
    let ada = gallery.create("ada").await;
    let file = picture(ImageFormat::Png, 50, 40, RED);
    let longer = [&file[..], b"more"].concat();
    let body = json!({"contentType": "image/png", "contentLength": file.len(), "checksumSha256": checksum(&file)});
    let asked = gallery.anyone().post(&format!("/users/{ada}/avatar-uploads"), &body).await.expect(201).json();
    let (url, sum) = (url(&asked), checksum(&file));
    let other_key = url.replacen(asked["uploadId"].as_str().unwrap(), "01980000-0000-7000-8000-00000000000a", 1);
    let (start, signature) = url.split_once("X-Amz-Signature=").unwrap();
    let tampered = format!("{start}X-Amz-Signature={}", signature.replace('a', "b").replace('0', "1"));
    let later = url.replace("X-Amz-Expires=600", "X-Amz-Expires=86400");
    let other_sum = checksum(b"another file");
    let same_length = picture(ImageFormat::Png, 50, 40, [200, 30, 31]);
    let png = ("content-type", "image/png");
    let sum = ("x-amz-checksum-sha256", sum.as_str());
    for (what, url, headers, file) in [
        ("shorter", &url, vec![png, sum], &file[..20]),
        ("longer", &url, vec![png, sum], &longer),
        ("another type", &url, vec![("content-type", "image/svg+xml"), sum], &file),
        ("no type", &url, vec![sum], &file),
        ("another checksum", &url, vec![png, ("x-amz-checksum-sha256", &other_sum)], &file),
        ("no checksum", &url, vec![png], &file),
        ("another file of the same length", &url, vec![png, sum], &same_length[..]),
        ("another key", &other_key, vec![png, sum], &file),
        ("a tampered signature", &tampered, vec![png, sum], &file),
        ("a later end", &later, vec![png, sum], &file),
        ("a header that was not signed", &url, vec![png, sum, ("x-amz-meta-a", "b")], &file),
    ] {
        // S3 refuses it, and so does the embedded engine; MiniStack does not look.
        if headers.len() == 3 && std::env::var("ROSTER_TEST_S3").is_ok() {
            continue;
        }
        let answer = wire::send("PUT", url, &headers, file);
        assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
    }
    assert_eq!(wire::send("GET", &url, &[], b"").status / 100, 4, "a PUT's URL reads nothing");
    assert_eq!(gallery.waiting().await, Vec::<Value>::new());
    assert_eq!(put(&asked, &file).status, 200, "and the right file arrives");
}

#[tokio::test]
async fn length_and_type_are_signed_without_a_checksum_too() {
    let gallery = Gallery::new().await;
    let ada = gallery.create("ada").await;
    let file = picture(ImageFormat::Png, 50, 40, RED);
    let longer = [&file[..], b"more"].concat();
    let asked = gallery.ask(&ada, "image/png", &file).await;
    for (what, kind, file) in [
        ("shorter", "image/png", &file[..20]),
        ("longer", "image/png", &longer),
        ("nothing", "image/png", b""),
        ("another type", "image/jpeg", &file),
    ] {
        let answer = wire::send("PUT", &url(&asked), &[("content-type", kind)], file);
        assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
    }
    assert_eq!(gallery.objects().await, Vec::<String>::new());
    assert_eq!(put(&asked, &file).status, 200);
}

#[tokio::test]
async fn what_was_not_signed_is_refused_by_form() {
    let gallery = Gallery::new().await;
    let ada = gallery.create("ada").await;
    let file = picture(ImageFormat::Png, 50, 40, RED);
    let asked = gallery.ask_by("POST", &ada, "image/png", &file).await;
    let fields = fields(&asked);
    let with = |name: &str, change: &dyn Fn(&str) -> String| -> Vec<(String, String)> {
        assert!(fields.iter().any(|(n, _)| n == name), "{name}");
        fields.iter().map(|(n, v)| (n.clone(), if n == name { change(v) } else { v.clone() })).collect()
    };
    let longer_allowed = |policy: &str| {
        use base64::Engine;
        let engine = base64::engine::general_purpose::STANDARD;
        let text = String::from_utf8(engine.decode(policy).unwrap()).unwrap();
        let changed = text.replace(&format!("{},{}]", file.len(), file.len()), "1,9999999]");
        assert_ne!(text, changed);
        engine.encode(changed)
    };
    let longer = [&file[..], b"more"].concat();
    let extra = [&fields[..], &[("x-amz-meta-a".to_owned(), "b".to_owned())]].concat();
    let refused: Vec<(&str, Form, &[u8])> = vec![
        ("shorter", fields.clone(), &file[..20]),
        ("longer", fields.clone(), &longer),
        ("another type", with("Content-Type", &|_| "text/html".to_owned()), &file),
        ("another key", with("key", &|key| key.replace("uploads/", "avatars/")), &file),
        ("a changed policy", with("policy", &longer_allowed), &longer),
        ("a tampered signature", with("x-amz-signature", &|s| s.replace('a', "b").replace('0', "1")), &file),
        ("a field that was not signed", extra, &file),
        ("no policy", fields.iter().filter(|(n, _)| n != "policy").cloned().collect(), &file),
    ];
    for (what, fields, file) in refused {
        let answer = wire::post_form(&url(&asked), &fields, file, "image/png");
        assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
    }
    let announced = json!({"contentType": "image/png", "contentLength": file.len(), "checksumSha256": checksum(&file), "method": "POST"});
    let summed = gallery.anyone().post(&format!("/users/{ada}/avatar-uploads"), &announced).await.expect(201).json();
    let same_length = picture(ImageFormat::Png, 50, 40, [200, 30, 31]);
    let mut other_sum = self::fields(&summed);
    other_sum.iter_mut().find(|(name, _)| name == "x-amz-checksum-sha256").unwrap().1 = checksum(&same_length);
    let answer = wire::post_form(&url(&summed), &other_sum, &same_length, "image/png");
    assert!((400..500).contains(&answer.status), "another checksum: {answer:?}");
    let answer = wire::post_form(&url(&summed), &self::fields(&summed), &same_length, "image/png");
    // S3 compares the sum, and keeps nothing of what it refuses. The local engine keeps the file, and nobody is told of it;
    // MiniStack compares nothing, and then the judge does.
    let is_refused = (400..500).contains(&answer.status);
    let kept = format!("uploads/{ada}/{}", summed["uploadId"].as_str().unwrap());
    assert!(gallery.objects().await.iter().all(|key| *key == kept));
    if !is_refused {
        gallery.deliver().await;
    }
    let state = gallery.state(&ada, &summed).await;
    assert_eq!(state, if is_refused { "pending" } else { "wrong_checksum" });
    for (asked, fields) in [(&asked, fields), (&summed, self::fields(&summed))] {
        let answer: Answer = wire::post_form(&url(asked), &fields, &file, "image/png");
        assert!((200..300).contains(&answer.status), "{answer:?}");
    }
}

#[tokio::test]
async fn an_expired_url_and_an_expired_form_are_refused() {
    let gallery = Gallery::new().await;
    let ada = gallery.create("ada").await;
    let file = picture(ImageFormat::Png, 50, 40, RED);
    gallery.clock.advance_seconds(-601);
    let by_put = gallery.ask(&ada, "image/png", &file).await;
    let by_form = gallery.ask_by("POST", &ada, "image/png", &file).await;
    assert_eq!(put(&by_put, &file).status / 100, 4);
    assert_eq!(wire::post_form(&url(&by_form), &fields(&by_form), &file, "image/png").status / 100, 4);
    assert_eq!(gallery.objects().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_replay_after_attach_changes_nothing() {
    let gallery = Gallery::new().await;
    let ada = gallery.create("ada").await;
    let file = picture(ImageFormat::Png, 50, 40, RED);
    let asked = gallery.ask(&ada, "image/png", &file).await;
    put(&asked, &file);
    gallery.deliver().await;
    let (user, objects) = (gallery.anyone().get(&format!("/users/{ada}")).await.body, gallery.objects().await);
    assert_eq!(put(&asked, &file).status, 200);
    assert_eq!(gallery.objects().await.len(), 5);
    gallery.deliver().await;
    assert_eq!(gallery.objects().await, objects);
    assert_eq!(gallery.anyone().get(&format!("/users/{ada}")).await.body, user);
}

#[tokio::test]
async fn bad_announcements_are_refused_all_flaws_at_once() {
    let house = House::new().await;
    let ada = house.create("ada").await;
    let path = format!("/users/{ada}/avatar-uploads");
    let bad = json!({"contentType": "image/svg+xml", "contentLength": 0, "checksumSha256": "x", "method": "GET", "key": "../x"});
    let reply = house.anyone().post(&path, &bad).await.problem(422, "validation");
    assert_eq!(
        reply.errors(),
        [
            "#/checksumSha256 invalid_checksum",
            "#/contentLength out_of_range",
            "#/contentType unsupported_type",
            "#/key unknown_member",
            "#/method invalid_method",
        ]
    );
    for (length, code) in [
        (json!("5"), "wrong_type"),
        (json!(1.5), "out_of_range"),
        (json!(-1), "out_of_range"),
        (json!(5_242_881), "too_large"),
    ] {
        let body = json!({"contentType": "image/png", "contentLength": length});
        let reply = house.anyone().post(&path, &body).await.problem(422, "validation");
        assert_eq!(reply.errors(), [format!("#/contentLength {code}")]);
    }
    let body = json!({"contentType": "image/png", "contentLength": 5});
    let nobody = "/users/01980000-0000-7000-8000-000000000001";
    house.anyone().post(&format!("{nobody}/avatar-uploads"), &body).await.problem(404, "not-found");
    house.anyone().get(&format!("{nobody}/avatar")).await.problem(404, "not-found");
    house.anyone().delete(&format!("{nobody}/avatar")).await.problem(404, "not-found");
    house.anyone().get(&format!("/users/{ada}/avatar-uploads/x")).await.problem(404, "not-found");
    let reply = house.anyone().get(&format!("/users/{ada}/avatar?size=100")).await.problem(422, "validation");
    assert_eq!(reply.errors(), ["size invalid_size"]);
    let reply =
        house.anyone().get(&format!("/users/{ada}/avatar?size=64&v=2&size=64")).await.problem(422, "validation");
    assert_eq!(reply.errors(), ["size repeated", "v unknown_parameter"]);
    assert_eq!(house.keys().await.len(), 3);
}

#[tokio::test]
async fn only_so_many_uploads_wait_at_once() {
    let gallery = Gallery::with(&[("ROSTER_AVATARS_MAX_PENDING", "3")]).await;
    let ada = gallery.create("ada").await;
    let path = format!("/users/{ada}/avatar-uploads");
    let file = picture(ImageFormat::Png, 50, 40, RED);
    let body = json!({"contentType": "image/png", "contentLength": file.len()});
    let all = futures_util::future::join_all((0..12).map(|_| {
        let (caller, path, body) = (gallery.anyone(), path.clone(), body.clone());
        async move { caller.post(&path, &body).await }
    }))
    .await;
    let granted: Vec<&crate::harness::Reply> = all.iter().filter(|reply| reply.status == 201).collect();
    assert!((1..=3).contains(&granted.len()), "{} of 12 at once", granted.len());
    let mut first = granted[0].json();
    let mut refused = None;
    for _ in 0..4 {
        let reply = gallery.anyone().post(&path, &body).await;
        if reply.status == 201 {
            first = reply.json();
        } else {
            refused = Some(reply.problem(429, "quota-exceeded"));
        }
    }
    let wait: i64 = refused.unwrap().header("retry-after").parse().unwrap();
    assert!((1..=601).contains(&wait), "{wait}");
    put(&first, &file);
    gallery.deliver().await;
    gallery.anyone().post(&path, &body).await.expect(201);
    gallery.anyone().post(&path, &body).await.problem(429, "quota-exceeded");
    gallery.clock.advance_seconds(601);
    gallery.anyone().post(&path, &body).await.expect(201);
}

#[tokio::test]
async fn only_so_many_uploads_are_remembered() {
    let house = House::new().await;
    let ada = house.create("ada").await;
    let path = format!("/users/{ada}/avatar-uploads");
    let body = json!({"contentType": "image/png", "contentLength": 5});
    for _ in 0..100 {
        house.anyone().post(&path, &body).await.expect(201);
        // None of them waits any more when the next one is asked for.
        house.clock.advance_seconds(601);
    }
    let wait = house.anyone().post(&path, &body).await.problem(429, "quota-exceeded").header("retry-after").to_owned();
    let wait: i64 = wait.parse().unwrap();
    assert!((1..=86_400).contains(&wait), "{wait}");
    house.clock.advance_seconds(wait - 2);
    house.anyone().post(&path, &body).await.problem(429, "quota-exceeded");
    house.clock.advance_seconds(2);
    house.anyone().post(&path, &body).await.expect(201);
}
