//! Crops the middle square and brings it to a size, with Lanczos' filter over premultiplied alpha.

use fast_image_resize::images::CroppedImage;
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
    let color = source.color();
    let (left, top) = ((width - cropped) / 2, (height - cropped) / 2);
    // Not by the options' own crop box, for which the whole of a picture with alpha would be copied.
    let source = CroppedImage::new(source, left, top, cropped, cropped)
        .map_err(|e| Error::Internal { context: "cropping a picture", source: Some(e.into()) })?;
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    let mut target = DynamicImage::new(side, side, color);
    Resizer::new()
        .resize(&source, &mut target, &options)
        .map_err(|e| Error::Internal { context: "resizing a picture", source: Some(e.into()) })?;
    Ok(target)
}
