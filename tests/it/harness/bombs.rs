//! Small files that ask for much: memory, time, or both.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// A PNG of zeros: `depth` bits in a channel, `colour` as PNG numbers colour types.
pub fn png(width: u32, height: u32, depth: u8, colour: u8, interlaced: bool) -> Vec<u8> {
    let channels = [1, 0, 3, 1, 2, 0, 4][usize::from(colour)];
    let line = (width as usize * channels * usize::from(depth)).div_ceil(8) + 1;
    // Adam7 has lines of its own; nobody misses what is too much.
    let bytes = line * height as usize + if interlaced { 16 * height as usize } else { 0 };
    let data = zeros(bytes as u64);
    [png_head(width, height, depth, colour, interlaced), chunk(*b"IDAT", &data), chunk(*b"IEND", b"")].concat()
}

/// A small PNG whose colour profile unpacks to so many bytes.
pub fn png_with_profile(bytes: u64) -> Vec<u8> {
    let profile = [&b"profile\0\0"[..], &zeros(bytes)].concat();
    let head = png_head(64, 64, 8, 2, false);
    [head, chunk(*b"iCCP", &profile), chunk(*b"IDAT", &zeros(64 * (64 * 3 + 1))), chunk(*b"IEND", b"")].concat()
}

/// A PNG's signature and header with hardly any data after it.
pub fn empty_png(width: u32, height: u32) -> Vec<u8> {
    [png_head(width, height, 8, 6, false), chunk(*b"IDAT", b"\x78\x9c\0\0\0\0\0\0")].concat()
}

/// A square PNG with more frames behind its picture, which is red; each frame is blue.
pub fn animated_png(side: u32, frames: u32) -> Vec<u8> {
    let pixels = |colour: [u8; 3]| {
        let line = [&[0][..], &colour.repeat(side as usize)].concat();
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&line.repeat(side as usize)).unwrap();
        packed.finish().unwrap()
    };
    let numbers = |all: &[u32]| all.iter().flat_map(|one| one.to_be_bytes()).collect::<Vec<u8>>();
    let mut file = png_head(side, side, 8, 2, false);
    file.extend(chunk(*b"acTL", &numbers(&[frames, 0])));
    file.extend(chunk(*b"IDAT", &pixels([200, 30, 30])));
    for frame in 0..frames {
        let control = [&numbers(&[2 * frame, side, side, 0, 0])[..], &[0, 1, 0, 10, 0, 0]].concat();
        file.extend(chunk(*b"fcTL", &control));
        file.extend(chunk(*b"fdAT", &[&numbers(&[2 * frame + 1])[..], &pixels([30, 30, 200])].concat()));
    }
    file.extend(chunk(*b"IEND", b""));
    file
}

/// A square WebP of so many frames: red, then blue.
pub fn animated_webp(side: u32, frames: i32) -> Vec<u8> {
    let config = webp::WebPConfig::new().unwrap();
    let frame = |colour: [u8; 3]| colour.repeat((side * side) as usize);
    let (red, blue) = (frame([200, 30, 30]), frame([30, 30, 200]));
    let mut encoder = webp::AnimEncoder::new(side, side, &config);
    for number in 0..frames {
        let pixels = if number == 0 { &red } else { &blue };
        encoder.add_frame(webp::AnimFrame::from_rgb(pixels, side, side, number * 100));
    }
    encoder.encode().to_vec()
}

/// Makes the checksums of a PNG's chunks right, as far as there are chunks.
pub fn mend_png(file: &mut [u8]) {
    let mut at = 8;
    while let Some(length) = file.get(at..at + 4).map(|four| u32::from_be_bytes(four.try_into().unwrap()) as usize) {
        let end = at + 8 + length;
        if end + 4 > file.len() {
            return;
        }
        let mut crc = flate2::Crc::new();
        crc.update(&file[at + 4..end]);
        file[end..end + 4].copy_from_slice(&crc.sum().to_be_bytes());
        at = end + 4;
    }
}

fn png_head(width: u32, height: u32, depth: u8, colour: u8, interlaced: bool) -> Vec<u8> {
    let mut header = width.to_be_bytes().to_vec();
    header.extend(height.to_be_bytes());
    header.extend([depth, colour, 0, 0, u8::from(interlaced)]);
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk(*b"IHDR", &header)].concat()
}

fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(&kind);
    crc.update(data);
    let length = u32::try_from(data.len()).unwrap();
    [&length.to_be_bytes()[..], &kind, data, &crc.sum().to_be_bytes()].concat()
}

fn zeros(bytes: u64) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    std::io::copy(&mut std::io::Read::take(std::io::repeat(0), bytes), &mut packed).unwrap();
    packed.flush().unwrap();
    packed.finish().unwrap()
}

/// A JPEG of grey, one bit for each block of the first scan; a progressive one has `more_scans` of next to nothing after it.
pub fn jpeg(width: u16, height: u16, components: u8, progressive: bool, more_scans: usize) -> Vec<u8> {
    let segment = |marker: u8, data: &[u8]| {
        let length = u16::try_from(data.len() + 2).unwrap();
        [&[0xff, marker][..], &length.to_be_bytes(), data].concat()
    };
    let mut file = vec![0xff, 0xd8];
    if components == 4 {
        file.extend(segment(0xee, b"Adobe\0\x64\0\0\0\0\0"));
    }
    file.extend(segment(0xdb, &[&[0][..], &[1; 64]].concat()));
    let mut frame = vec![8];
    frame.extend(height.to_be_bytes());
    frame.extend(width.to_be_bytes());
    frame.push(components);
    frame.extend((1..=components).flat_map(|id| [id, 0x11, 0]));
    file.extend(segment(if progressive { 0xc2 } else { 0xc0 }, &frame));
    // DC: the code 0 is a difference of 0. AC: 0 is the end of a block, 10 one of 16,384 to 32,767 blocks.
    file.extend(segment(0xc4, &[&[0x00, 1][..], &[0; 15], &[0]].concat()));
    file.extend(segment(0xc4, &[&[0x10, 1, 1][..], &[0; 14], &[0x00, 0xe0]].concat()));
    let mut scan = vec![components];
    scan.extend((1..=components).flat_map(|id| [id, 0]));
    scan.extend(if progressive { [0, 0, 0] } else { [0, 63, 0] });
    file.extend(segment(0xda, &scan));
    let blocks = usize::from(width).div_ceil(8) * usize::from(height).div_ceil(8);
    let bits = blocks * usize::from(components) * if progressive { 1 } else { 2 };
    file.resize(file.len() + bits.div_ceil(8), 0);
    for number in 0..more_scans {
        let id = 1 + u8::try_from(number % usize::from(components)).unwrap();
        file.extend(segment(0xda, &[1, id, 0, 1, 63, 0]));
        // 10 and fourteen ones: the end of 32,767 blocks. After 0xff comes a 0.
        for _ in 0..blocks.div_ceil(32_767) {
            file.extend([0xbf, 0xff, 0]);
        }
    }
    file.extend([0xff, 0xd9]);
    file
}

/// A GIF of so many frames, each of one colour and as large as the whole.
pub fn gif(width: u32, height: u32, frames: usize) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new_with_speed(&mut file, 30);
    for _ in 0..frames {
        encoder.encode_frame(image::Frame::new(image::RgbaImage::new(width, height))).unwrap();
    }
    drop(encoder);
    file
}
