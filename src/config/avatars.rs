//! What can be set about avatars.

use super::reader::Reader;

/// The settings of avatars.
#[derive(Clone, Debug)]
pub struct AvatarSettings {
    /// `ROSTER_AVATARS_PUBLIC_ENDPOINT`: the S3 endpoint as clients reach it, put into every link in place of the one
    /// used here, with the bucket as the first part of the path. Default: `AWS_ENDPOINT_URL_S3`, or S3's own address.
    pub public_endpoint: Option<String>,
    /// `ROSTER_AVATARS_MAX_BYTES`: largest file that may be uploaded, 1,024 to 20,971,520. Default 5,242,880 (5 MiB).
    pub max_bytes: u64,
    /// `ROSTER_AVATARS_MAX_PIXELS`: most pixels of an uploaded picture, 4,096 to 100,000,000. Default 50,000,000; the
    /// more, the more of the function's memory a picture takes while it is decoded.
    pub max_pixels: u64,
    /// `ROSTER_AVATARS_MAX_PENDING`: how many uploads of one user may wait for their file at once, 1 to 100. Default 5.
    pub max_pending: usize,
    /// `ROSTER_AVATARS_LINK_SECONDS`: for how long the same link to an avatar is given, 60 to 43,200. Default 1,800. A
    /// link works for up to twice as long, and no longer than the session of the keys that signed it; `template.yaml`
    /// therefore takes 1,800 at most.
    pub link_seconds: i64,
}

/// Reads them.
pub(super) fn read(reader: &mut Reader<'_>) -> AvatarSettings {
    AvatarSettings {
        public_endpoint: reader.endpoint("ROSTER_AVATARS_PUBLIC_ENDPOINT"),
        max_bytes: reader.number("ROSTER_AVATARS_MAX_BYTES", 5 * 1024 * 1024, 1024..=20 * 1024 * 1024) as u64,
        max_pixels: reader.number("ROSTER_AVATARS_MAX_PIXELS", 50_000_000, 4096..=100_000_000) as u64,
        max_pending: reader.number("ROSTER_AVATARS_MAX_PENDING", 5, 1..=100),
        link_seconds: i64::try_from(reader.number("ROSTER_AVATARS_LINK_SECONDS", 1800, 60..=43_200)).unwrap_or(1800),
    }
}
