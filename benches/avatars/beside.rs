//! Our judge and libvips in turns, each in processes of its own on one core: time, memory, size of the files, and how like they
//! are to the picture itself, brought to that size without haste.
//!
//! Needs Debian's `libvips-tools` and `time`.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageFormat, RgbImage};

use super::likeness::{psnr, ssim};
use super::photograph::photograph;

/// How often each is run; the first time does not count.
const RUNS: usize = 15;
const SIZES: [u32; 4] = [512, 256, 128, 64];

/// What one run of all sizes took.
#[derive(Clone, Copy, Default)]
struct Taken {
    wall: Duration,
    cpu_seconds: f64,
    peak_kib: u64,
}

/// A name, and what makes the four pictures.
type Contender<'a> = (&'static str, Box<dyn Fn() -> Taken + 'a>);

pub fn run() {
    if Command::new("vipsthumbnail").arg("--vips-version").output().is_err() {
        println!("beside: vipsthumbnail is missing (Debian's libvips-tools)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = std::env::var("ROSTER_BENCH_PICTURE").unwrap_or_else(|_| make(folder));
    let picture = image::load_from_memory_with_format(&std::fs::read(&file).unwrap(), ImageFormat::Jpeg).unwrap();
    println!("{} x {}, {} bytes", picture.width(), picture.height(), std::fs::metadata(&file).unwrap().len());

    let contenders: [Contender<'_>; 3] = [
        ("roster", Box::new(|| roster(&file, &folder.join("roster")))),
        ("vipsthumbnail, each size from the file", Box::new(|| vips(&file, &folder.join("each"), false))),
        ("vipsthumbnail, small ones from the largest", Box::new(|| vips(&file, &folder.join("chain"), true))),
    ];
    for name in ["roster", "each", "chain"] {
        std::fs::create_dir(folder.join(name)).unwrap();
    }
    let mut taken = [const { Vec::new() }; 3];
    for run in 0..=RUNS {
        for ((_, contender), taken) in contenders.iter().zip(&mut taken) {
            let one = contender();
            if run > 0 {
                taken.push(one);
            }
        }
    }
    println!("{:44} {:>9} {:>9} {:>9}", "", "median ms", "CPU ms", "peak MiB");
    for ((name, _), taken) in contenders.iter().zip(&mut taken) {
        taken.sort_by_key(|one| one.wall);
        let cpu = taken.iter().map(|one| one.cpu_seconds).sum::<f64>() * 1000.0 / RUNS as f64;
        let peak = taken.iter().map(|one| one.peak_kib).max().unwrap() / 1024;
        println!("{name:44} {:>9} {cpu:>9.0} {peak:>9}", taken[RUNS / 2].wall.as_millis());
    }
    compare(&picture, folder);
}

/// A photograph as cameras store it, with half the colours in each direction: libvips writes it, for `image` cannot.
fn make(folder: &Path) -> String {
    let (plain, file) = (folder.join("p.png"), folder.join("p.jpg"));
    photograph().save(&plain).unwrap();
    let as_wanted = format!("{}[Q=90,subsample_mode=on]", file.display());
    assert!(Command::new("vips").arg("copy").arg(&plain).arg(as_wanted).status().unwrap().success());
    file.to_str().unwrap().to_owned()
}

fn roster(file: &str, folder: &Path) -> Taken {
    let this = std::env::current_exe().unwrap();
    measured(&[this.to_str().unwrap(), "judge", file, folder.to_str().unwrap()])
}

fn vips(file: &str, folder: &Path, chained: bool) -> Taken {
    let plain = folder.join("512.v").to_str().unwrap().to_owned();
    let mut sum = Taken::default();
    let mut add = |from: &str, size: u32, to: &str| {
        let taken = measured(&["vipsthumbnail", from, "-s", &format!("{size}x{size}"), "-m", "centre", "-o", to]);
        sum.wall += taken.wall;
        sum.cpu_seconds += taken.cpu_seconds;
        sum.peak_kib = sum.peak_kib.max(taken.peak_kib);
    };
    if chained {
        add(file, SIZES[0], &plain);
    }
    for size in SIZES {
        let to = folder.join(format!("{size}.webp[Q=80,strip]"));
        add(if chained { &plain } else { file }, size, to.to_str().unwrap());
    }
    sum
}

/// Runs a command on the first core.
fn measured(command: &[&str]) -> Taken {
    let began = Instant::now();
    let mut timed = Command::new("taskset");
    timed.args(["-c", "0", "time", "-f", "%U %S %M"]).args(command).env("VIPS_CONCURRENCY", "1");
    let output = timed.output().unwrap();
    let wall = began.elapsed();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{command:?}: {told}");
    let figures: Vec<f64> = told.lines().last().unwrap().split(' ').map(|figure| figure.parse().unwrap()).collect();
    Taken { wall, cpu_seconds: figures[0] + figures[1], peak_kib: figures[2] as u64 }
}

/// Size and likeness of what each has made.
fn compare(picture: &DynamicImage, folder: &Path) {
    let side = picture.width().min(picture.height());
    let (left, top) = ((picture.width() - side) / 2, (picture.height() - side) / 2);
    let square = picture.crop_imm(left, top, side, side).into_rgb32f();
    println!("{:>4} {:>8} {:>8} {:>8}   {:>8} {:>8} {:>8}", "", "roster", "dB", "SSIM", "libvips", "dB", "SSIM");
    for size in SIZES {
        let wanted = DynamicImage::from(imageops::resize(&square, size, size, FilterType::Lanczos3)).into_rgb8();
        let [roster, each] = ["roster", "each"].map(|name| {
            let file = std::fs::read(folder.join(name).join(format!("{size}.webp"))).unwrap();
            let made = image::load_from_memory_with_format(&file, ImageFormat::WebP).unwrap().into_rgb8();
            likeness(file.len(), &wanted, &made)
        });
        println!("{size:>4} {roster}   {each}");
    }
}

fn likeness(length: usize, wanted: &RgbImage, made: &RgbImage) -> String {
    format!("{length:>8} {:>8.2} {:>8.4}", psnr(wanted, made), ssim(wanted, made))
}
