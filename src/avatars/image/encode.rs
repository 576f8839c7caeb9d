//! WebP by libwebp.

use image::RgbaImage;
use webp::{Encoder, WebPConfig};

use crate::error::Error;

/// Of 100: a compromise between the size of the file and what is lost of the picture.
const QUALITY: f32 = 80.0;
/// 0 is fastest, 6 smallest.
const EFFORT: i32 = 4;

/// The picture as WebP, with alpha where there is any.
pub fn webp(picture: &RgbaImage) -> Result<Vec<u8>, Error> {
    let mut config = WebPConfig::new().map_err(|()| Error::internal("libwebp gives no configuration"))?;
    config.quality = QUALITY;
    config.method = EFFORT;
    let encoder = Encoder::from_rgba(picture.as_raw(), picture.width(), picture.height());
    let encoded = encoder
        .encode_advanced(&config)
        .map_err(|e| Error::Internal { context: "encoding a picture", source: Some(format!("{e:?}").into()) })?;
    Ok(encoded.to_vec())
}
