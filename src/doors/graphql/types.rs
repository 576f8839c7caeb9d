//! What answers are made of.

#![expect(clippy::unused_async, reason = "the derive takes no other functions")]

use async_graphql::{Context, Enum, ID, Object, Result, Scalar, ScalarType, SimpleObject, Value};
use async_graphql::{InputValueError, InputValueResult};

use super::Caller;
use crate::domain;
use crate::domain::avatar::{Size, Upload, UploadState};
use crate::domain::page::{Sort, SortField};
use crate::operations::Page;

/// A moment: RFC 3339, UTC, milliseconds.
pub struct DateTime(String);

#[Scalar(specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for DateTime {
    fn parse(_: Value) -> InputValueResult<Self> {
        Err(InputValueError::custom("it is in no input"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// A user.
pub struct User(pub domain::User);

#[Object]
impl User {
    /// UUID version 7.
    async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// As typed; unique without regard to case or form.
    async fn user_name(&self) -> &str {
        self.0.profile.user_name.shown()
    }

    async fn first_name(&self) -> &str {
        self.0.profile.first_name.as_str()
    }

    async fn last_name(&self) -> &str {
        self.0.profile.last_name.as_str()
    }

    /// A presigned link to the picture that works for a while, or null.
    async fn avatar(&self, ctx: &Context<'_>, #[graphql(default)] size: AvatarSize) -> Result<Option<String>> {
        Ok(ctx.data::<Caller>()?.app.avatar_link_in(&self.0, size.into()))
    }

    /// Grows by one with each change; give it back with a change to make sure that nobody else's is lost.
    async fn version(&self) -> u64 {
        self.0.version
    }

    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at.to_string())
    }

    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at.to_string())
    }
}

/// Width and height of a picture in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum AvatarSize {
    #[graphql(name = "PX_64")]
    Px64,
    #[graphql(name = "PX_128")]
    Px128,
    #[default]
    #[graphql(name = "PX_256")]
    Px256,
    #[graphql(name = "PX_512")]
    Px512,
}

impl From<AvatarSize> for Size {
    fn from(size: AvatarSize) -> Self {
        let [px512, px256, px128, px64] = Self::ALL;
        match size {
            AvatarSize::Px64 => px64,
            AvatarSize::Px128 => px128,
            AvatarSize::Px256 => px256,
            AvatarSize::Px512 => px512,
        }
    }
}

/// An order of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum UserSort {
    /// Oldest first.
    CreatedAtAsc,
    /// Newest first.
    CreatedAtDesc,
    /// By user name, without regard to case.
    UserNameAsc,
    UserNameDesc,
    /// By last name, without regard to case.
    LastNameAsc,
    LastNameDesc,
}

impl From<UserSort> for Sort {
    fn from(sort: UserSort) -> Self {
        let (field, is_descending) = match sort {
            UserSort::CreatedAtAsc => (SortField::CreatedAt, false),
            UserSort::CreatedAtDesc => (SortField::CreatedAt, true),
            UserSort::UserNameAsc => (SortField::UserName, false),
            UserSort::UserNameDesc => (SortField::UserName, true),
            UserSort::LastNameAsc => (SortField::LastName, false),
            UserSort::LastNameDesc => (SortField::LastName, true),
        };
        Self { field, is_descending }
    }
}

/// A part of the list of users (<https://relay.dev/graphql/connections.htm>).
pub struct Users(pub Page);

#[Object(name = "UserConnection")]
impl Users {
    async fn edges(&self) -> Vec<UserEdge> {
        let edges = self.0.users.iter().zip(&self.0.cursors);
        edges.map(|(user, cursor)| UserEdge { cursor: cursor.clone(), node: User(user.clone()) }).collect()
    }

    /// The users without their cursors.
    async fn nodes(&self) -> Vec<User> {
        self.0.users.iter().cloned().map(User).collect()
    }

    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_next_page: self.0.next_cursor.is_some(),
            has_previous_page: false,
            start_cursor: self.0.cursors.first().cloned(),
            end_cursor: self.0.next_cursor.as_ref().or(self.0.cursors.last()).cloned(),
        }
    }
}

/// A user and its place in the list.
#[derive(SimpleObject)]
pub struct UserEdge {
    /// `after` this the list goes on behind this user. It belongs to the same filter and sort, and to REST's list as well.
    cursor: String,
    node: User,
}

/// Where the list goes on.
#[derive(SimpleObject)]
pub struct PageInfo {
    /// Whether there may be more.
    has_next_page: bool,
    /// Always false: lists are walked forwards.
    has_previous_page: bool,
    start_cursor: Option<String>,
    /// Where the next page begins: where a filter let little pass this is further than the last edge.
    end_cursor: Option<String>,
}

/// What became of an upload.
pub struct AvatarUpload(pub Upload);

#[Object]
impl AvatarUpload {
    async fn upload_id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    async fn state(&self) -> AvatarUploadState {
        match self.0.state {
            UploadState::Pending => AvatarUploadState::Pending,
            UploadState::Attached => AvatarUploadState::Attached,
            UploadState::Rejected(_) => AvatarUploadState::Rejected,
        }
    }

    /// Why it was rejected, or null.
    async fn reason(&self) -> Option<RejectionReason> {
        match self.0.state {
            UploadState::Rejected(reason) => Some(RejectionReason { code: reason.code(), detail: reason.detail() }),
            UploadState::Pending | UploadState::Attached => None,
        }
    }

    async fn expires_at(&self) -> DateTime {
        DateTime(self.0.expires_at.to_string())
    }
}

/// How far an upload has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum AvatarUploadState {
    Pending,
    Attached,
    Rejected,
}

/// Why an upload was rejected.
#[derive(SimpleObject)]
pub struct RejectionReason {
    code: &'static str,
    /// For a person.
    detail: &'static str,
}

/// How to send one file: by `method`, to `url`, with `headers`, or with `formFields` before the field `file` of a
/// `multipart/form-data` body.
#[derive(SimpleObject)]
pub struct RequestedAvatarUpload {
    pub upload_id: ID,
    pub method: &'static str,
    pub url: String,
    /// With PUT: send these as they are; the length is the announced one.
    pub headers: Option<Vec<NameAndValue>>,
    /// With POST.
    pub form_fields: Option<Vec<NameAndValue>>,
    /// The largest file that could have been announced.
    pub max_bytes: u64,
    /// Until when the sending may begin.
    pub expires_at: DateTime,
}

/// A header or a form's field.
#[derive(SimpleObject)]
pub struct NameAndValue {
    pub name: &'static str,
    pub value: String,
}

impl DateTime {
    /// A moment as it is shown.
    pub fn of(time: domain::Timestamp) -> Self {
        Self(time.to_string())
    }
}
