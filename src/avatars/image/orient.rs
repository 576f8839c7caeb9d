//! Turns a picture upright and brings its colours to sRGB, as far as its metadata asks for either. Both are done on the
//! small square: that costs less, and the middle square stays the middle square however it is turned.

use image::DynamicImage;
use image::metadata::Orientation;
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

/// The picture as it is meant to be looked at.
pub fn upright(mut picture: DynamicImage, orientation: Orientation) -> DynamicImage {
    picture.apply_orientation(orientation);
    picture
}

/// Converts from the colours of a profile; one that is damaged, or not for red, green and blue, is left aside, as
/// viewers do.
pub fn to_srgb(picture: &mut DynamicImage, icc_profile: Option<&[u8]>) {
    let Some(profile) = icc_profile.and_then(|bytes| ColorProfile::new_from_slice(bytes).ok()) else { return };
    if profile.color_space != DataColorSpace::Rgb {
        return;
    }
    let srgb = ColorProfile::new_srgb();
    let transform = profile.create_transform_8bit(Layout::Rgba, &srgb, Layout::Rgba, TransformOptions::default());
    let Ok(transform) = transform else { return };
    let source = picture.to_rgba8();
    let mut target = source.clone();
    if transform.transform(source.as_raw(), &mut target).is_ok() {
        *picture = DynamicImage::ImageRgba8(target);
    }
}
