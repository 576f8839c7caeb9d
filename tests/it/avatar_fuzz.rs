//! The judge on mutated files: a picture in four sizes, or a clean rejection, within the memory that is stated.
//!
//! `ROSTER_TEST_FUZZ=3000 cargo test --test it avatar_fuzz -- --nocapture` mutates each file so often, and prints a line for
//! each; ROSTER_TEST_FUZZ_SEED begins elsewhere.

#![allow(clippy::print_stdout, reason = "figures, with --nocapture")]
#![allow(clippy::cast_possible_truncation, reason = "random bytes")]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::time::{Duration, Instant};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use roster::avatars::image::judge_now;
use roster::domain::avatar::{Announced, PictureType, Size};
use roster::ids::Ids;

use crate::avatar_memory::CAP_MIB;
use crate::harness::{bombs, encoded, peak_kib};

/// How often each file is mutated, if nothing else is said.
const ROUNDS: usize = 8;

/// Files of every kind, in every form that their decoders treat differently, and what they are announced as.
fn files() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let picture = RgbImage::from_fn(72, 60, |x, y| Rgb([(x * 3) as u8, (y * 4) as u8, if x < y { 200 } else { 30 }]));
    let picture = DynamicImage::from(picture);
    let clear = RgbaImage::from_fn(60, 60, |x, y| Rgba([200, (x * 4) as u8, 90, (y * 4) as u8]));
    let clear = DynamicImage::from(clear);
    let opaque = picture.to_rgb8();
    let lossy = webp::Encoder::from_rgb(&opaque, 72, 60).encode(75.0).to_vec();
    let translucent = clear.to_rgba8();
    let lossy_alpha = webp::Encoder::from_rgba(&translucent, 60, 60).encode(75.0).to_vec();
    vec![
        ("JPEG", encoded(&picture, ImageFormat::Jpeg), "image/jpeg"),
        ("JPEG, grey", encoded(&picture.to_luma8().into(), ImageFormat::Jpeg), "image/jpeg"),
        ("JPEG, half the colours, Exif", include_bytes!("pictures/exif.jpg").to_vec(), "image/jpeg"),
        ("JPEG, progressive, profile", include_bytes!("pictures/progressive.jpg").to_vec(), "image/jpeg"),
        ("JPEG, CMYK", include_bytes!("pictures/cmyk.jpg").to_vec(), "image/jpeg"),
        ("PNG", encoded(&picture, ImageFormat::Png), "image/png"),
        ("PNG, 16 bits, alpha", encoded(&clear.to_rgba16().into(), ImageFormat::Png), "image/png"),
        ("PNG, interlaced, 1 bit", bombs::png(90, 70, 1, 0, true), "image/png"),
        ("PNG, profile", include_bytes!("pictures/display-p3.png").to_vec(), "image/png"),
        ("PNG, animated", bombs::animated_png(40, 3), "image/png"),
        ("WebP, lossy", lossy, "image/webp"),
        ("WebP, lossy, alpha", lossy_alpha, "image/webp"),
        ("WebP, lossless", encoded(&clear, ImageFormat::WebP), "image/webp"),
        ("WebP, animated", bombs::animated_webp(48, 3), "image/webp"),
        ("GIF", encoded(&picture, ImageFormat::Gif), "image/gif"),
        ("GIF, animated", bombs::gif(50, 50, 3), "image/gif"),
    ]
}

#[test]
fn mutated_files_are_judged_within_bounds() {
    // In a process of its own, whose peak is nobody else's.
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "avatar_fuzz::mutations", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{told}");
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("fuzz: peak"), "{told}");
}

#[test]
#[ignore = "a part of the test above"]
fn mutations() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<usize>().ok());
    let rounds = number("ROSTER_TEST_FUZZ").unwrap_or(ROUNDS);
    let ids = Ids::seeded(number("ROSTER_TEST_FUZZ_SEED").unwrap_or(7) as u64);
    let mut random = || {
        let mut bytes = [0; 8];
        ids.fill(&mut bytes);
        u64::from_be_bytes(bytes) as usize
    };
    let mut of_all = BTreeMap::<&str, usize>::new();
    for (what, file, kind) in files() {
        assert_eq!(outcome(&file, kind), "read", "{what}, unchanged");
        let mut outcomes = BTreeMap::<&str, usize>::new();
        let mut slowest = Duration::ZERO;
        for _ in 0..rounds {
            let mutated = mutated(&file, &mut random);
            let began = Instant::now();
            let outcome = outcome(&mutated, kind);
            slowest = slowest.max(began.elapsed());
            if outcome == "panic" {
                let path = std::env::temp_dir().join(format!("roster-fuzz-{}", random()));
                std::fs::write(&path, &mutated).unwrap();
                println!("fuzz: a decoder panicked on {}", path.display());
            }
            *outcomes.entry(outcome).or_default() += 1;
            *of_all.entry(outcome).or_default() += 1;
        }
        println!("fuzz: {what:30} {rounds:>6} {slowest:>9.0?}  {outcomes:?}");
    }
    let peak = peak_kib() / 1024;
    println!("fuzz: peak {peak} MiB  {of_all:?}");
    assert!(peak < CAP_MIB, "{peak} MiB");
    assert!(of_all["read"] > 0 && of_all["unreadable"] > 0, "{of_all:?}");
    // The function would reject the file; here somebody shall look.
    assert!(!of_all.contains_key("panic"), "{of_all:?}");
}

/// What becomes of a file. A picture is one in every size.
fn outcome(file: &[u8], kind: &str) -> &'static str {
    let content_type = PictureType::parse(kind).unwrap();
    let announced = Announced { content_type, content_length: file.len() as u64, checksum: None };
    let judged = catch_unwind(AssertUnwindSafe(|| judge_now(file, Some(kind), &announced, 50_000_000).unwrap()));
    match judged {
        Err(_) => "panic",
        Ok(Err(rejection)) => rejection.code(),
        Ok(Ok(picture)) => {
            assert_eq!(picture.sizes.iter().map(|(size, _)| *size).collect::<Vec<_>>(), Size::ALL);
            for (size, bytes) in picture.sizes {
                let made = image::load_from_memory_with_format(&bytes, ImageFormat::WebP).unwrap();
                assert_eq!((made.width(), made.height()), (size.pixels(), size.pixels()));
            }
            "read"
        }
    }
}

/// The file with one to four changes behind its first bytes. Three of four PNGs have right checksums all the same: without, nothing
/// behind the first change would be looked at.
fn mutated(file: &[u8], random: &mut impl FnMut() -> usize) -> Vec<u8> {
    let mut file = file.to_vec();
    for _ in 0..=random() % 4 {
        // Half of the changes are where headers are.
        let end = if random().is_multiple_of(2) { file.len().min(80) } else { file.len() };
        let at = 8 + random() % end.saturating_sub(8).max(1);
        let rest = file.len().saturating_sub(at);
        let telling = [0x00, 0x01, 0x7f, 0x80, 0xff][random() % 5];
        match random() % 8 {
            _ if rest < 5 => {}
            0 => file[at] = random() as u8,
            1 | 2 => file[at] ^= 1 << (random() % 8),
            3 => file[at..at + 2].fill(telling),
            4 => file[at..at + 4].fill(telling),
            5 => file.truncate(at.max(16)),
            6 => drop(file.drain(at..at + random() % rest.min(64))),
            _ => {
                let part = file[at..at + random() % rest.min(64)].to_vec();
                let to = 8 + random() % (file.len() - 8);
                file.splice(to..to, part);
            }
        }
    }
    if file.starts_with(b"\x89PNG") && !random().is_multiple_of(4) {
        bombs::mend_png(&mut file);
    }
    file
}
