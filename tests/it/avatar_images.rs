//! Files that people and attackers upload: the right picture, or a clean rejection.

use std::io::Cursor;
use std::time::Instant;

use base64::Engine;
use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, Rgb, RgbImage, Rgba};
use roster::avatars::image::judge_now;
use roster::domain::avatar::{Announced, PictureType, Size};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::harness::{Gallery, bombs, encoded, picture};

const PIXELS: u64 = 50_000_000;

/// The 512 picture, or the code of the rejection.
fn judge(file: &[u8], kind: &str) -> Result<RgbImage, String> {
    let content_type = PictureType::parse(kind).unwrap();
    let announced = Announced { content_type, content_length: file.len() as u64, checksum: None };
    let picture = judge_now(file, Some(kind), &announced, PIXELS).unwrap().map_err(|r| r.code().to_owned())?;
    assert_eq!(picture.sizes.iter().map(|(size, _)| *size).collect::<Vec<_>>(), Size::ALL);
    for (size, bytes) in &picture.sizes {
        let decoded = image::load_from_memory_with_format(bytes, ImageFormat::WebP).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (size.pixels(), size.pixels()));
        for leftover in [&b"EXIF"[..], b"Exif", b"XMP ", b"ICCP", b"GPS"] {
            assert!(!bytes.windows(leftover.len()).any(|window| window == leftover), "{leftover:?}");
        }
    }
    Ok(image::load_from_memory(&picture.sizes[0].1).unwrap().to_rgb8())
}

#[track_caller]
fn is_near(picture: &RgbImage, x: u32, y: u32, colour: [u8; 3]) {
    let found = picture.get_pixel(x, y).0;
    let far = found.iter().zip(colour).any(|(a, b)| a.abs_diff(b) > 24);
    assert!(!far, "{found:?} at {x},{y} is not {colour:?}");
}

/// Four corners of four colours, clockwise from the top left.
fn corners() -> RgbImage {
    RgbImage::from_fn(80, 80, |x, y| match (x < 40, y < 40) {
        (true, true) => Rgb([220, 30, 30]),
        (false, true) => Rgb([30, 200, 30]),
        (false, false) => Rgb([30, 30, 220]),
        (true, false) => Rgb([230, 230, 230]),
    })
}

#[track_caller]
fn is_upright(picture: &RgbImage) {
    for (x, y, colour) in
        [(100, 100, [220, 30, 30]), (400, 100, [30, 200, 30]), (400, 400, [30, 30, 220]), (100, 400, [230, 230, 230])]
    {
        is_near(picture, x, y, colour);
    }
}

/// A JPEG with an APP1 segment: orientation, and a GPS position.
fn jpeg_with_exif(picture: &DynamicImage, orientation: u8) -> Vec<u8> {
    let mut tiff = b"MM\0\x2a\0\0\0\x08\0\x02".to_vec();
    tiff.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]);
    tiff.extend([0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 38]);
    tiff.extend([0; 4]);
    tiff.extend(b"\0\x01\0\x01\0\x02\0\0\0\x02N\0\0\0\0\0\0\0GPSPOSITION");
    let mut segment = vec![0xff, 0xe1];
    segment.extend(u16::try_from(tiff.len() + 8).unwrap().to_be_bytes());
    segment.extend(b"Exif\0\0");
    segment.extend(tiff);
    let file = encoded(picture, ImageFormat::Jpeg);
    [&file[..2], &segment, &file[2..]].concat()
}

#[test]
fn every_exif_orientation_ends_upright_and_nothing_else_of_it_stays() {
    let (upright, last) = (corners(), 79);
    for orientation in 1..=8_u8 {
        // Where the visible top left lies in the file, by Exif 2.32, 4.6.4: what a camera held that way writes.
        let stored = RgbImage::from_fn(80, 80, |x, y| {
            let (x, y) = match orientation {
                2 => (last - x, y),
                3 => (last - x, last - y),
                4 => (x, last - y),
                5 => (y, x),
                6 => (last - y, x),
                7 => (last - y, last - x),
                8 => (y, last - x),
                _ => (x, y),
            };
            *upright.get_pixel(x, y)
        });
        let stored = DynamicImage::from(stored);
        let file = jpeg_with_exif(&stored, orientation);
        assert!(file.windows(11).any(|window| window == b"GPSPOSITION"));
        is_upright(&judge(&file, "image/jpeg").unwrap());
    }
}

#[test]
fn every_kind_of_picture_is_read() {
    let upright = DynamicImage::from(corners());
    for (format, kind) in [
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::Png, "image/png"),
        (ImageFormat::WebP, "image/webp"),
        (ImageFormat::Gif, "image/gif"),
    ] {
        is_upright(&judge(&encoded(&upright, format), kind).unwrap());
    }
    is_upright(&judge(&encoded(&upright.to_rgb16().into(), ImageFormat::Png), "image/png").unwrap());
    is_upright(&judge(&encoded(&upright.to_rgba16().into(), ImageFormat::Png), "image/png").unwrap());
    let grey: DynamicImage = ImageBuffer::<Luma<u8>, _>::from_pixel(90, 30, Luma([77])).into();
    for (format, kind) in [(ImageFormat::Jpeg, "image/jpeg"), (ImageFormat::Png, "image/png")] {
        is_near(&judge(&encoded(&grey, format), kind).unwrap(), 256, 256, [77, 77, 77]);
    }
}

#[test]
fn alpha_stays_and_does_not_bleed() {
    // Green shows through nowhere: it is fully transparent.
    let half =
        ImageBuffer::from_fn(64, 64, |x, _| if x < 32 { Rgba([200, 30, 30, 255]) } else { Rgba([0, 255, 0, 0]) });
    let file = encoded(&DynamicImage::ImageRgba8(half), ImageFormat::Png);
    let announced = Announced { content_type: PictureType::Png, content_length: file.len() as u64, checksum: None };
    let picture = judge_now(&file, None, &announced, PIXELS).unwrap().unwrap_or_else(|r| panic!("{r:?}"));
    let shown = image::load_from_memory(&picture.sizes[0].1).unwrap().to_rgba8();
    assert!(shown.get_pixel(100, 256).0[3] > 250 && shown.get_pixel(400, 256).0[3] < 5);
    for x in 240..272 {
        let edge = shown.get_pixel(x, 256).0;
        assert!(edge[3] < 64 || edge[1] < 90, "{edge:?} at {x}");
    }
}

#[test]
fn the_middle_square_is_shown() {
    let wide =
        RgbImage::from_fn(300, 100, |x, _| if (100..200).contains(&x) { Rgb([30, 200, 30]) } else { Rgb([0; 3]) });
    let shown = judge(&encoded(&wide.into(), ImageFormat::Png), "image/png").unwrap();
    for x in [10, 256, 500] {
        is_near(&shown, x, 256, [30, 200, 30]);
    }
}

#[test]
fn the_first_frame_of_an_animation_is_shown() {
    let mut file = Vec::new();
    {
        let mut encoder = image::codecs::gif::GifEncoder::new(Cursor::new(&mut file));
        for colour in [[200, 30, 30, 255], [30, 30, 200, 255]] {
            let frame = ImageBuffer::from_pixel(64, 64, Rgba(colour));
            encoder.encode_frame(image::Frame::new(frame)).unwrap();
        }
    }
    is_near(&judge(&file, "image/gif").unwrap(), 256, 256, [200, 30, 30]);
    is_near(&judge(&bombs::animated_webp(64, 3), "image/webp").unwrap(), 256, 256, [200, 30, 30]);
    is_near(&judge(&bombs::animated_png(64, 3), "image/png").unwrap(), 256, 256, [200, 30, 30]);
}

/// A PNG's signature and header, with a right checksum, and hardly any data.
fn png_bomb(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 6, 0, 0, 0]);
    let mut crc = !0_u32;
    for byte in &header {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    file.extend(header);
    file.extend((!crc).to_be_bytes());
    file.extend(b"\0\0\0\x04IDAT\x78\x9c\0\0\0\0\0\0");
    file
}

#[test]
fn what_is_no_picture_is_rejected_with_the_reason() {
    let png = picture(ImageFormat::Png, 100, 100, [1, 2, 3]);
    let jpeg = encoded(&corners().into(), ImageFormat::Jpeg);
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>";
    let html = b"<html><script>alert(1)</script></html>";
    let gif_bomb = b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x4c\x01\0;";
    for (what, file, kind, reason) in [
        ("nothing", &b""[..], "image/png", "not_a_picture"),
        ("SVG", svg, "image/png", "not_a_picture"),
        ("HTML", html, "image/png", "not_a_picture"),
        ("a JPEG announced as PNG", &jpeg, "image/png", "wrong_type"),
        ("a PNG announced as JPEG", &png, "image/jpeg", "wrong_type"),
        ("a bomb", &png_bomb(50_000, 50_000), "image/png", "too_many_pixels"),
        ("a GIF bomb", gif_bomb, "image/gif", "too_many_pixels"),
        ("a PNG that ends early", &png[..png.len() / 2], "image/png", "unreadable"),
        ("a JPEG that ends early", &jpeg[..jpeg.len() - 40], "image/jpeg", "unreadable"),
        ("a JPEG's first bytes", &jpeg[..3], "image/jpeg", "unreadable"),
        ("a large header and no data", &png_bomb(7000, 7000), "image/png", "unreadable"),
    ] {
        let began = Instant::now();
        assert_eq!(judge(file, kind).err().as_deref(), Some(reason), "{what}");
        assert!(began.elapsed().as_secs() < 5, "{what} took {:?}", began.elapsed());
    }
    let announced = Announced { content_type: PictureType::Png, content_length: 7, checksum: None };
    let rejected = judge_now(&png, None, &announced, PIXELS).unwrap().err().unwrap();
    assert_eq!(rejected.code(), "wrong_length");
}

#[test]
fn what_follows_a_picture_is_not_kept() {
    let mut polyglot = encoded(&corners().into(), ImageFormat::Jpeg);
    polyglot.extend(b"PK\x03\x04<script>GPS</script>");
    is_upright(&judge(&polyglot, "image/jpeg").unwrap());
}

#[test]
fn a_cmyk_picture_is_read() {
    let shown = judge(include_bytes!("pictures/cmyk.jpg"), "image/jpeg").unwrap();
    is_near(&shown, 256, 256, [200, 30, 30]);
}

#[test]
fn a_wide_gamut_is_brought_to_srgb() {
    // Stored (220, 60, 40) in Display P3 is redder than sRGB's: red goes to its limit.
    let shown = judge(include_bytes!("pictures/display-p3.png"), "image/png").unwrap();
    let pixel = shown.get_pixel(256, 256).0;
    assert!(pixel[0] > 228 && pixel[1] < 56, "{pixel:?}");
}

#[tokio::test]
async fn a_rejection_is_told_and_leaves_nothing() {
    let gallery = Gallery::new().await;
    let ada = gallery.create("ada").await;
    let html = b"<html>me.png</html>";
    assert_eq!(gallery.upload(&ada, "image/png", html).await, "not_a_picture");
    assert_eq!(gallery.upload(&ada, "image/png", &png_bomb(50_000, 50_000)).await, "too_many_pixels");
    assert_eq!(gallery.objects().await, Vec::<String>::new());
    assert_eq!(gallery.anyone().get(&format!("/users/{ada}")).await.json()["version"], 1);
}

#[tokio::test]
async fn what_a_laxer_engine_let_through_is_refused_by_the_judge() {
    let gallery = Gallery::new().await;
    let ada = gallery.create("ada").await;
    let file = picture(ImageFormat::Png, 64, 64, [200, 30, 30]);
    let same_length = picture(ImageFormat::Png, 64, 64, [200, 30, 31]);
    assert_eq!(file.len(), same_length.len());
    let sum = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(&file));
    let longer = [&file[..], b"more"].concat();
    let whole = json!({"contentType": "image/png", "contentLength": file.len(), "checksumSha256": sum});
    let other_type = json!({"contentType": "image/jpeg", "contentLength": file.len()});
    for (body, file, outcome) in [
        (&whole, &longer[..], "wrong_length"),
        (&whole, &file[..20], "wrong_length"),
        (&whole, &same_length, "wrong_checksum"),
        // The object is a PNG and says so.
        (&other_type, &file, "wrong_type"),
        (&whole, &file, "attached"),
    ] {
        let asked = gallery.anyone().post(&format!("/users/{ada}/avatar-uploads"), body).await.expect(201).json();
        gallery.leave(&format!("uploads/{ada}/{}", asked["uploadId"].as_str().unwrap()), file).await;
        gallery.deliver().await;
        assert_eq!(gallery.state(&ada, &asked).await, outcome);
        gallery.is_tidy(&[&ada]).await;
    }
}

#[test]
fn what_a_file_was_sent_as_is_compared_too() {
    let file = picture(ImageFormat::Png, 64, 64, [1, 2, 3]);
    let announced = Announced { content_type: PictureType::Png, content_length: file.len() as u64, checksum: None };
    for (sent_as, reason) in
        [("text/html", Some("wrong_type")), ("image/jpeg", Some("wrong_type")), ("image/PNG", None)]
    {
        let judged = judge_now(&file, Some(sent_as), &announced, PIXELS).unwrap();
        assert_eq!(judged.err().map(roster::domain::avatar::Rejection::code), reason, "{sent_as}");
    }
}
