//! `cargo bench --bench avatars`: links for a list of 100 users, and a 12-megapixel JPEG to four WebP sizes.
//!
//! `ROSTER_BENCH_PICTURE=p.png cargo bench --bench avatars -- one` judges a JPEG or PNG of your own, alone in its process,
//! and prints the peak of the memory.
//!
//! The same picture by libvips, on one core (Debian's libvips-tools), after `ROSTER_BENCH_KEEP=p.jpg cargo bench --bench avatars`:
//! `time (for s in 512 256 128 64; do VIPS_CONCURRENCY=1 vipsthumbnail p.jpg -s ${s}x${s} -m centre -o v$s.webp[Q=80,strip]; done)`

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, missing_docs, reason = "a benchmark")]
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "colours")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use image::{DynamicImage, ImageFormat, RgbImage};
use roster::app::App;
use roster::avatars::image::judge_now;
use roster::config::Config;
use roster::domain::avatar::{Announced, AvatarKey, PictureType, Size};

fn links(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let app = runtime.block_on(App::new(&Config::for_local(&|_| None).unwrap())).unwrap();
    let now = app.clock.now();
    let keys: Vec<AvatarKey> = (0..100)
        .map(|_| AvatarKey::new(app.ids.user_id(now), app.ids.upload_id(now), &"0123456789abcdef".repeat(2)))
        .collect();
    c.bench_function("links_to_100_avatars", |b| {
        b.iter(|| keys.iter().map(|key| app.avatars.link(key, Size::SHOWN, now).len()).sum::<usize>());
    });
}

/// Waves of colour with a little noise: as much detail as a photograph, the same each time.
fn photograph() -> DynamicImage {
    let mut state = 1_u32;
    let picture = RgbImage::from_fn(4000, 3000, |x, y| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 28) as u8;
        let wave = |frequency: f32| (127.0 + 100.0 * ((x as f32 + y as f32 * 0.7) * frequency).sin()) as u8 + noise;
        image::Rgb([wave(0.01), wave(0.013), wave(0.041)])
    });
    picture.into()
}

fn sizes(c: &mut Criterion) {
    let mut file = std::io::Cursor::new(Vec::new());
    photograph().write_to(&mut file, ImageFormat::Jpeg).unwrap();
    let file = file.into_inner();
    if let Ok(path) = std::env::var("ROSTER_BENCH_KEEP") {
        std::fs::write(path, &file).unwrap();
    }
    let announced = Announced { content_type: PictureType::Jpeg, content_length: file.len() as u64, checksum: None };
    let mut group = c.benchmark_group("pictures");
    group.sample_size(10);
    group.bench_function("jpeg_12_megapixels_to_four_webp", |b| {
        b.iter(|| black_box(judge_now(&file, None, &announced, 50_000_000).unwrap().is_ok()));
    });
    group.finish();
}

/// A picture of one's own.
fn one(c: &mut Criterion) {
    let Ok(path) = std::env::var("ROSTER_BENCH_PICTURE") else { return };
    let file = std::fs::read(path).unwrap();
    let content_type = if file.starts_with(b"\x89PNG") { PictureType::Png } else { PictureType::Jpeg };
    let announced = Announced { content_type, content_length: file.len() as u64, checksum: None };
    let before = peak();
    let mut group = c.benchmark_group("one");
    group.sample_size(10);
    group.bench_function("picture_to_four_webp", |b| {
        b.iter(|| black_box(judge_now(&file, None, &announced, 50_000_000).unwrap().is_ok()));
    });
    group.finish();
    println!("peak {} (before: {})", peak(), before);
}

/// Peak resident memory of this process so far.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("unknown", str::trim).to_owned()
}

criterion_group!(benches, one, links, sizes);
criterion_main!(benches);
