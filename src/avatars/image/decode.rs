//! From bytes to pixels, within bounds that are read from the header before anything is decoded.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use crate::domain::avatar::{PictureType, Rejection};

/// Most bytes of a decoded pixel: 8 bits of red, green, blue and alpha. A picture of 16 bits may have half the pixels.
const BYTES_PER_PIXEL: u64 = 4;

/// What decoders may keep beside pixels: lines, dictionaries, colour profiles.
const BESIDE_PIXELS: u64 = 16 * 1024 * 1024;

/// Pixels, and what the file says about how to look at them.
pub struct Decoded {
    /// As they lie in the file.
    pub pixels: DynamicImage,
    /// How to turn them.
    pub orientation: Orientation,
    /// The colours they are meant in, if not sRGB.
    pub icc_profile: Option<Vec<u8>>,
}

/// Decodes a file whose first bytes are those of `kind`.
pub fn decode(bytes: &[u8], kind: PictureType, max_pixels: u64) -> Result<Decoded, Rejection> {
    if kind == PictureType::Jpeg && !jpeg_ends(bytes) {
        return Err(Rejection::Unreadable);
    }
    let format = match kind {
        PictureType::Jpeg => ImageFormat::Jpeg,
        PictureType::Png => ImageFormat::Png,
        PictureType::WebP => ImageFormat::WebP,
        PictureType::Gif => ImageFormat::Gif,
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(match kind {
        // What a PNG keeps beside the pixels: a few lines, and a colour profile, which may be a bomb of its own.
        PictureType::Png => BESIDE_PIXELS,
        // A second copy of the pixels for WebP and GIF. The JPEG decoder does not look here.
        _ => max_pixels * BYTES_PER_PIXEL * 2 + BESIDE_PIXELS,
    });
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| rejection(&error))?;
    let (width, height) = decoder.dimensions();
    let pixel_count = u64::from(width) * u64::from(height);
    if pixel_count == 0 || pixel_count > max_pixels || decoder.total_bytes() > max_pixels * BYTES_PER_PIXEL {
        return Err(Rejection::TooManyPixels);
    }
    // Neither is worth losing a picture for.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let icc_profile = decoder.icc_profile().unwrap_or_default();
    let pixels = DynamicImage::from_decoder(decoder).map_err(|error| rejection(&error))?;
    Ok(Decoded { pixels, orientation, icc_profile })
}

fn rejection(error: &ImageError) -> Rejection {
    if matches!(error, ImageError::Limits(_)) { Rejection::TooManyPixels } else { Rejection::Unreadable }
}

/// Whether a JPEG's scans come to their end. The decoder fills what is missing with grey, which nobody wants to look like.
///
/// Walks the segments up to the first scan, whose data never holds the end marker (ITU-T T.81, B.1.1.2).
fn jpeg_ends(bytes: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xda;
    let mut at = 2;
    while let [0xff, marker, rest @ ..] = bytes.get(at..).unwrap_or_default() {
        match (*marker, rest) {
            (0xff, _) => at += 1,
            (0x01 | 0xd0..=0xd8, _) => at += 2,
            (START_OF_SCAN, data) => return data.windows(2).any(|pair| pair == [0xff, 0xd9]),
            (_, [high, low, ..]) => at += 2 + usize::from(u16::from_be_bytes([*high, *low])).max(2),
            _ => return false,
        }
    }
    false
}
