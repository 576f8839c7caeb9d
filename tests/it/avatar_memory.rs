//! What judging costs at worst: each file is judged alone in a process of its own, whose peak is read from the kernel.
//!
//! `cargo test --test it avatar_memory -- --nocapture` prints a line for each.

#![allow(clippy::print_stdout, reason = "figures, with --nocapture")]

use std::process::Command;
use std::time::{Duration, Instant};

use image::{DynamicImage, ImageFormat};
use roster::avatars::image::judge_now;
use roster::domain::avatar::{Announced, PictureType};

use crate::harness::{bombs, encoded, peak_kib};

/// What no file of at most 20 MiB and 50 megapixels may exceed, program included; docs/AVATARS.md states it. The function has 1,769.
pub const CAP_MIB: u64 = 700;

/// What no file may exceed even where nothing is optimised and others work beside it. The function has 60 s for five files.
const PATIENCE: Duration = Duration::from_secs(60);

/// Judges `file` elsewhere: the outcome, the peak, and how long it took.
fn judge_alone(what: &str, file: &[u8], kind: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture");
    std::fs::write(&path, file).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "avatar_memory::one_picture", "--ignored", "--nocapture"])
        .env("ROSTER_TEST_PICTURE", &path)
        .env("ROSTER_TEST_PICTURE_TYPE", kind)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{what}: {told}{}", String::from_utf8_lossy(&output.stderr));
    let line = told.lines().find_map(|line| line.split_once("judged: ")).unwrap().1.to_owned();
    let words: Vec<&str> = line.split(' ').collect();
    let (peak, millis) = (words[1].parse::<u64>().unwrap() / 1024, words[2].parse::<u64>().unwrap());
    println!("{what:48} {:>9} bytes  {:18} peak {peak:>4} MiB  {millis:>6} ms", file.len(), words[0]);
    assert!(peak < CAP_MIB, "{what} took {peak} MiB");
    assert!(Duration::from_millis(millis) < PATIENCE, "{what} took {millis} ms");
    words[0].to_owned()
}

#[test]
#[ignore = "a part of the test below"]
fn one_picture() {
    let file = std::fs::read(std::env::var("ROSTER_TEST_PICTURE").unwrap()).unwrap();
    let content_type = PictureType::parse(&std::env::var("ROSTER_TEST_PICTURE_TYPE").unwrap()).unwrap();
    let announced = Announced { content_type, content_length: file.len() as u64, checksum: None };
    let began = Instant::now();
    let outcome = judge_now(&file, None, &announced, 50_000_000).unwrap();
    let took = began.elapsed().as_millis();
    let word = outcome.map_or_else(roster::domain::avatar::Rejection::code, |_| "read");
    println!("judged: {word} {} {took}", peak_kib());
}

#[test]
fn no_file_takes_more_memory_than_is_stated() {
    // As wide as a JPEG can be, since resizing a square of 50 megapixels takes half a minute where nothing is optimised.
    // ROSTER_TEST_SQUARE=1 has squares, for figures from an optimised build.
    let (w, h) = if std::env::var("ROSTER_TEST_SQUARE").is_ok() { (7071, 7071) } else { (65_500, 763) };
    let (width, height) = (u32::from(w), u32::from(h));
    let webp = DynamicImage::new_rgba8(16_383.min(width), (width * height) / 16_383.min(width));
    for (what, kind, file, outcome) in [
        ("a JPEG of 50 megapixels", "image/jpeg", bombs::jpeg(w, h, 3, false, 0), "read"),
        ("a progressive JPEG of 50 megapixels", "image/jpeg", bombs::jpeg(w, h, 3, true, 6), "read"),
        ("a progressive CMYK JPEG of 50 megapixels", "image/jpeg", bombs::jpeg(w, h, 4, true, 8), "read"),
        ("a progressive JPEG, 90 scans", "image/jpeg", bombs::jpeg(w, h, 3, true, 90), "read"),
        ("a progressive JPEG, 5,000 scans", "image/jpeg", bombs::jpeg(w, h, 3, true, 5000), "unreadable"),
        ("a PNG of 50 megapixels", "image/png", bombs::png(width, height, 8, 6, false), "read"),
        ("an interlaced PNG of 50 megapixels", "image/png", bombs::png(width, height, 8, 6, true), "read"),
        ("a PNG of 25 megapixels, 16 bits, alpha", "image/png", bombs::png(width, height / 2, 16, 6, false), "read"),
        (
            "a PNG of 49 megapixels, 16 bits, alpha",
            "image/png",
            bombs::png(7000, 7000, 16, 6, false),
            "too_many_pixels",
        ),
        ("a PNG of 50 megapixels, 1 bit", "image/png", bombs::png(width, height, 1, 0, false), "read"),
        ("a PNG of 50,000 by 50,000", "image/png", bombs::empty_png(50_000, 50_000), "too_many_pixels"),
        ("a PNG, its profile unpacks to 1 GB", "image/png", bombs::png_with_profile(1 << 30), "read"),
        ("a GIF of 50 megapixels", "image/gif", bombs::gif(width, height, 1), "read"),
        ("a GIF of 100 frames", "image/gif", bombs::gif(1000, 1000, 100), "read"),
        ("a lossless WebP of 50 megapixels", "image/webp", encoded(&webp, ImageFormat::WebP), "read"),
    ] {
        assert_eq!(judge_alone(what, &file, kind), outcome, "{what}");
    }
}
