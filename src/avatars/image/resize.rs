//! Crops the middle square and brings it to a size, with Lanczos' filter over premultiplied alpha.

use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::DynamicImage;

use crate::error::Error;

/// The middle square of `source`, `side` pixels wide and high.
pub fn square(source: &DynamicImage, side: u32) -> Result<DynamicImage, Error> {
    let (width, height) = (source.width(), source.height());
    if width == side && height == side {
        return Ok(source.clone());
    }
    let cropped = width.min(height);
    let (left, top) = ((width - cropped) / 2, (height - cropped) / 2);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3)).crop(
        left.into(),
        top.into(),
        cropped.into(),
        cropped.into(),
    );
    let mut target = DynamicImage::new(side, side, source.color());
    Resizer::new()
        .resize(source, &mut target, &options)
        .map_err(|e| Error::Internal { context: "resizing a picture", source: Some(e.into()) })?;
    Ok(target)
}
