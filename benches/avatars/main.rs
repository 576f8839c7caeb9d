//! `cargo bench --profile server --bench avatars`: links for a list of 100 users, and a JPEG of 12 megapixels to four WebP
//! sizes, beside libvips doing the same on the same core.
//!
//! `-- links` and `-- beside` run one of them; `ROSTER_BENCH_PICTURE=p.jpg` takes a JPEG of your own.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, missing_docs, reason = "a benchmark")]
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "colours")]

mod beside;
mod likeness;
mod photograph;

use std::hint::black_box;
use std::path::PathBuf;

use criterion::{Criterion, criterion_group};
use roster::app::App;
use roster::avatars::Avatars;
use roster::avatars::image::judge_now;
use roster::avatars::presign::{Signer, SigningKeys};
use roster::config::Config;
use roster::domain::avatar::{Announced, AvatarKey, PictureType, Size};

/// By the keys of a user, and by those of a function's role, which come with a session token of about this length.
fn links(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config::for_local(&|_| None).unwrap();
    let app = runtime.block_on(App::new(&config)).unwrap();
    let now = app.clock.now();
    let keys: Vec<AvatarKey> = (0..100)
        .map(|_| AvatarKey::new(app.ids.user_id(now), app.ids.upload_id(now), &"0123456789abcdef".repeat(2)))
        .collect();
    for (name, session_token) in
        [("links_to_100_avatars", None), ("links_of_a_role", Some("7/kQ2+dXw9ZbT4uH".repeat(66)))]
    {
        let signing = SigningKeys {
            access_key: "ASIAIOSFODNN7EXAMPLE".to_owned(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned().into(),
            session_token,
        };
        let signer = Signer::new(signing, &config.region, &config.bucket, None);
        let client = runtime.block_on(roster::aws::clients(&config)).unwrap().s3;
        let avatars = Avatars::new(client, config.bucket.clone(), signer, config.avatars.clone());
        c.bench_function(name, |b| {
            b.iter(|| keys.iter().map(|key| black_box(avatars.link(key, Size::SHOWN, now)).len()).sum::<usize>());
        });
    }
}

/// Judges the JPEG at `file` as the function does, and leaves the sizes in `folder`.
fn judge(file: &str, folder: &str) {
    let file = std::fs::read(file).unwrap();
    let announced = Announced { content_type: PictureType::Jpeg, content_length: file.len() as u64, checksum: None };
    let picture = judge_now(&file, None, &announced, 50_000_000).unwrap();
    for (size, bytes) in picture.ok().unwrap().sizes {
        std::fs::write(PathBuf::from(folder).join(format!("{}.webp", size.pixels())), bytes).unwrap();
    }
}

criterion_group!(benches, links);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [command, file, folder] = &arguments[..]
        && command == "judge"
    {
        return judge(file, folder);
    }
    let asked = |name: &str| !arguments.iter().any(|a| !a.starts_with('-')) || arguments.iter().any(|a| a == name);
    if asked("beside") {
        beside::run();
    }
    if asked("links") {
        benches();
        Criterion::default().configure_from_args().final_summary();
    }
}
