//! Removes what is left over in the whole bucket: the pictures of users whose deletion was interrupted and never repeated, and
//! of uploads that could not be worked on.

use futures_util::future::try_join_all;

use super::tidy_avatar;
use crate::app::App;
use crate::domain::{Action, Actor};
use crate::error::Error;

/// How many owners are looked at side by side.
const SIDE_BY_SIDE: usize = 16;

/// What a sweep has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Who had pictures, whether or not they are still users.
    pub owners: usize,
    /// Objects that were removed.
    pub objects: usize,
}

/// Looks at every owner of pictures, and calls `tell` after each page of them. Uploads and readers may go on meanwhile.
pub async fn sweep_avatars(app: &App, actor: &Actor, mut tell: impl FnMut(Swept)) -> Result<Swept, Error> {
    actor.permit(Action::DeleteAvatar, None)?;
    let mut swept = Swept::default();
    let mut place = None;
    loop {
        let (owners, next) = app.avatars.list_owners(place).await?;
        for some in owners.chunks(SIDE_BY_SIDE) {
            let removed = try_join_all(some.iter().map(|owner| tidy_avatar(app, *owner))).await?;
            swept.owners += some.len();
            swept.objects += removed.iter().sum::<usize>();
        }
        tell(swept);
        place = next;
        if place.is_none() {
            return Ok(swept);
        }
    }
}
