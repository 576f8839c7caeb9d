//! Judging an uploaded file, and making the stored sizes of it.
//!
//! The riskiest input that the directory takes, so each step bounds the next: the magic bytes must be those of the
//! announced type, the header must promise few enough pixels, and only then is anything decoded. What is stored is made from
//! pixels alone: no metadata, no colour profile and no byte that followed the picture survives.
//!
//! [`judge`] decides · `decode` reads pixels · `resize` crops and shrinks · `orient` turns, and brings colours to sRGB ·
//! `encode` writes WebP.

mod decode;
mod encode;
mod orient;
mod resize;

use sha2::{Digest, Sha256};

use crate::domain::avatar::{Announced, PictureType, Rejection, Size};
use crate::error::Error;
use crate::hex;

/// A picture in every size, as stored.
pub struct Picture {
    /// Each size, largest first.
    pub sizes: Vec<(Size, Vec<u8>)>,
}

impl Picture {
    /// The name of this picture in its upload's folder: 128 bits of SHA-256 over every size.
    pub fn content_hash(&self) -> String {
        let mut digest = Sha256::new();
        for (_, bytes) in &self.sizes {
            digest.update((bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
        }
        hex::lower(&digest.finalize()[..16])
    }
}

/// Judges a file off the async threads. A decoder that panics has met a damaged file.
pub async fn judge(
    bytes: Vec<u8>,
    sent_as: Option<String>,
    announced: Announced,
    max_pixels: u64,
) -> Result<Result<Picture, Rejection>, Error> {
    apart(move || judge_now(&bytes, sent_as.as_deref(), &announced, max_pixels)).await
}

async fn apart(
    work: impl FnOnce() -> Result<Result<Picture, Rejection>, Error> + Send + 'static,
) -> Result<Result<Picture, Rejection>, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) if error.is_panic() => {
            tracing::error!("a decoder panicked");
            Ok(Err(Rejection::Unreadable))
        }
        Err(error) => Err(Error::Internal { context: "judging a picture", source: Some(error.into()) }),
    }
}

/// Judges a file on this thread. The outer error is ours, the inner one the file's.
pub fn judge_now(
    bytes: &[u8],
    sent_as: Option<&str>,
    announced: &Announced,
    max_pixels: u64,
) -> Result<Result<Picture, Rejection>, Error> {
    if let Err(rejection) = matches_announcement(bytes, sent_as, announced) {
        return Ok(Err(rejection));
    }
    match decode::decode(bytes, announced.content_type, max_pixels) {
        Ok(decoded) => make(decoded).map(Ok),
        Err(rejection) => Ok(Err(rejection)),
    }
}

/// What S3 has checked already where it is strict: length, checksum and type; and that the first bytes fit the type.
fn matches_announcement(bytes: &[u8], sent_as: Option<&str>, announced: &Announced) -> Result<(), Rejection> {
    if bytes.len() as u64 != announced.content_length {
        return Err(Rejection::WrongLength);
    }
    if announced.checksum.as_ref().is_some_and(|checksum| !checksum.is(&Sha256::digest(bytes))) {
        return Err(Rejection::WrongChecksum);
    }
    if sent_as.is_some_and(|kind| PictureType::parse(kind) != Ok(announced.content_type)) {
        return Err(Rejection::WrongType);
    }
    match magic(bytes) {
        None => Err(Rejection::NotAPicture),
        Some(kind) if kind != announced.content_type => Err(Rejection::WrongType),
        Some(_) => Ok(()),
    }
}

/// The type that a file's first bytes tell.
fn magic(bytes: &[u8]) -> Option<PictureType> {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => Some(PictureType::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(PictureType::Png),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(PictureType::WebP),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(PictureType::Gif),
        _ => None,
    }
}

fn make(decoded: decode::Decoded) -> Result<Picture, Error> {
    let decode::Decoded { pixels, orientation, icc_profile } = decoded;
    let mut square = resize::square(&pixels, Size::ALL[0].pixels())?;
    drop(pixels);
    orient::to_srgb(&mut square, icc_profile.as_deref());
    let square = orient::upright(square, orientation);
    let mut sizes = Vec::with_capacity(Size::ALL.len());
    for size in Size::ALL {
        let small = resize::square(&square, size.pixels())?;
        sizes.push((size, encode::webp(&small.to_rgba8())?));
    }
    Ok(Picture { sizes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_the_files_fault() {
        let judged = apart(|| panic!("index out of bounds")).await.unwrap();
        assert_eq!(judged.err(), Some(Rejection::Unreadable));
    }
}
