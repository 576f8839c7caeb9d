//! A user's picture: what may be uploaded, where it lies, and what became of an upload.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use super::{Flaw, Timestamp, UserId};

/// How long an upload may begin after it was asked for. S3 takes a form policy for longer; other engines do not.
pub const UPLOAD_SECONDS: i64 = 600;

/// How long an upload's state can be asked for.
pub const REMEMBERED_SECONDS: i64 = 24 * 3600;

/// Where a picture's sizes lie in the bucket: `avatars/{userId}/{uploadId}/{contentHash}`, without size and suffix.
///
/// The upload's id is in it so that whoever finds an object knows whether a user may still come to refer to it, and so
/// that no two uploads share one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AvatarKey(String);

impl AvatarKey {
    /// The place of the picture with this hash that came of an upload.
    pub fn new(user: UserId, upload: UploadId, content_hash: &str) -> Self {
        Self(format!("{}{upload}/{content_hash}", Self::folder(user)))
    }

    /// What the place of every picture of a user begins with.
    pub fn folder(user: UserId) -> String {
        format!("avatars/{user}/")
    }

    /// The place that an object belongs to; an object that is not of our making is a place of its own.
    pub fn of_object(object: &str) -> Self {
        Self(object.rsplit_once('/').map_or(object, |(place, _)| place).to_owned())
    }

    /// The upload that it came of.
    pub fn upload(&self) -> Option<UploadId> {
        UploadId::parse(self.0.split('/').nth(2)?).ok()
    }

    /// Takes a prefix that the avatar handler wrote.
    pub fn from_stored(prefix: String) -> Self {
        Self(prefix)
    }

    /// The prefix.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The object that holds one size.
    pub fn object(&self, size: Size) -> String {
        format!("{}/{}.webp", self.0, size.pixels())
    }
}

/// Width and height of a stored picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u32);

impl Size {
    /// Every stored size, largest first.
    pub const ALL: [Self; 4] = [Self(512), Self(256), Self(128), Self(64)];

    /// The size that a user's `avatar` links to, and that `?size=` defaults to.
    pub const SHOWN: Self = Self(256);

    /// Reads one of the stored sizes.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        Self::ALL
            .into_iter()
            .find(|size| size.0.to_string() == text)
            .ok_or_else(|| Flaw::new("invalid_size", "give 64, 128, 256 or 512"))
    }

    /// Width and height in pixels.
    pub fn pixels(self) -> u32 {
        self.0
    }
}

/// The id of one upload: a UUID, version 7, so that a later upload has a larger one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UploadId(Uuid);

impl UploadId {
    /// Takes a UUID made by [`crate::ids::Ids`].
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// Reads the hyphenated form.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        UserId::parse(text)?;
        Uuid::try_parse(text).map(Self).map_err(|_| Flaw::new("invalid_id", "give a UUID"))
    }
}

impl std::fmt::Display for UploadId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// A kind of picture that may be uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureType {
    /// `image/jpeg`
    Jpeg,
    /// `image/png`
    Png,
    /// `image/webp`
    WebP,
    /// `image/gif`, of which the first frame counts.
    Gif,
}

impl PictureType {
    const ALL: [Self; 4] = [Self::Jpeg, Self::Png, Self::WebP, Self::Gif];

    /// Reads a media type, without parameters.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| {
            Flaw::new("unsupported_type", "give image/jpeg, image/png, image/webp or image/gif; convert other pictures")
        })
    }

    /// The media type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
            Self::Gif => "image/gif",
        }
    }
}

/// The SHA-256 of a file, shown in base64 as S3 writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum([u8; 32]);

impl Checksum {
    /// Reads base64 with padding.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| Flaw::new("invalid_checksum", "give the 32 bytes of a SHA-256 in base64"))
    }

    /// Whether this is the checksum with these bytes.
    pub fn is(&self, bytes: &[u8]) -> bool {
        self.0 == *bytes
    }
}

impl std::fmt::Display for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

/// How the file is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadMethod {
    /// A presigned URL for one PUT.
    Put,
    /// A form for a browser to post.
    Post,
}

impl UploadMethod {
    /// Reads `PUT` or `POST`.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        match text {
            "PUT" => Ok(Self::Put),
            "POST" => Ok(Self::Post),
            _ => Err(Flaw::new("invalid_method", "give PUT or POST")),
        }
    }
}

/// The file that a client is about to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// What it says it is.
    pub content_type: PictureType,
    /// Its exact length in bytes.
    pub content_length: u64,
    /// Its checksum, if the client knows it.
    pub checksum: Option<Checksum>,
}

/// One upload and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its id, which orders the uploads of a user.
    pub id: UploadId,
    /// Whose picture it is to be.
    pub user: UserId,
    /// What the client announced.
    pub file: Announced,
    /// What became of it.
    pub state: UploadState,
    /// Until when the upload may begin.
    pub expires_at: Timestamp,
}

impl Upload {
    /// A new upload, which waits for its file.
    pub fn new(id: UploadId, user: UserId, file: Announced, now: Timestamp) -> Self {
        Self { id, user, file, state: UploadState::Pending, expires_at: now.plus_seconds(UPLOAD_SECONDS) }
    }

    /// Where the file lies until it is judged.
    pub fn object(&self) -> String {
        staging_object(self.user, self.id)
    }
}

/// Where an upload's file lies until it is judged.
pub fn staging_object(user: UserId, upload: UploadId) -> String {
    format!("uploads/{user}/{upload}")
}

/// Reads the user and the upload from the key of an uploaded object; nothing where the key is not one of ours.
pub fn of_staging_object(key: &str) -> Option<(UserId, UploadId)> {
    let (user, upload) = key.strip_prefix("uploads/")?.split_once('/')?;
    let (user, upload) = (UserId::parse(user).ok()?, UploadId::parse(upload).ok()?);
    (staging_object(user, upload) == key).then_some((user, upload))
}

/// What became of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadState {
    /// Nothing has arrived, or it is being looked at.
    Pending,
    /// It is, or was, the user's avatar.
    Attached,
    /// It cannot be.
    Rejected(Rejection),
}

impl UploadState {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Attached => "attached",
            Self::Rejected(_) => "rejected",
        }
    }
}

macro_rules! rejections {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal, $detail:literal;)*) => {
        /// Why an uploaded file is not an avatar.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Rejection { $($(#[doc = $doc])* $name),* }

        impl Rejection {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable code.
            pub fn code(self) -> &'static str { match self { $(Self::$name => $code),* } }

            /// A sentence for a person.
            pub fn detail(self) -> &'static str { match self { $(Self::$name => $detail),* } }

            /// Finds a reason by its code.
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.code() == code)
            }
        }
    };
}

rejections! {
    /// The file has another length than announced.
    WrongLength = "wrong_length", "The file has another length than announced; ask for a new upload.";
    /// The file has another checksum than announced.
    WrongChecksum = "wrong_checksum", "The file has another checksum than announced; ask for a new upload.";
    /// The file is another kind of picture than announced, or was sent as another.
    WrongType = "wrong_type", "The file is not of the announced type; announce what it really is.";
    /// The file is no picture of a kind that is taken.
    NotAPicture = "not_a_picture", "The file is not a JPEG, PNG, WebP or GIF picture.";
    /// The picture has no pixels, or more than are taken.
    TooManyPixels = "too_many_pixels", "The picture has too many pixels; make it smaller.";
    /// The picture is damaged or ends early.
    Unreadable = "unreadable", "The picture is damaged or incomplete; save it again and retry.";
    /// A later upload or a removal was there first.
    Superseded = "superseded", "A later upload or a removal of the avatar came first.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_keys_name_an_upload() {
        let (user, upload) = ("01980000-0000-7000-8000-000000000001", "01980000-0000-7000-8000-00000000000a");
        let key = format!("uploads/{user}/{upload}");
        let (u, id) = of_staging_object(&key).unwrap();
        assert_eq!(staging_object(u, id), key);
        for other in [
            format!("avatars/{user}/{upload}"),
            format!("uploads/{user}"),
            format!("uploads/{user}/{upload}/x"),
            format!("uploads/{user}/{}", upload.to_uppercase()),
            format!("uploads//{upload}"),
            String::new(),
        ] {
            assert_eq!(of_staging_object(&other), None, "{other}");
        }
    }

    #[test]
    fn reasons_have_codes_of_their_own() {
        for reason in Rejection::ALL {
            assert_eq!(Rejection::from_code(reason.code()), Some(*reason));
        }
    }
}
