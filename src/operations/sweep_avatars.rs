//! Removes what is left over in the whole bucket: the pictures of users whose deletion was interrupted and never repeated, and
//! of uploads that could not be worked on.

use futures_util::future::try_join_all;

use super::tidy_avatar::find_left_over;
use crate::app::App;
use crate::domain::{Action, Actor, UserId};
use crate::error::Error;

/// How many owners are looked at side by side.
const SIDE_BY_SIDE: usize = 16;

/// Whether a sweep removes what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// It only counts.
    Look,
    /// It removes, for good: the bucket keeps no versions.
    Remove,
}

/// What a sweep has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Who had pictures, whether or not they are still users.
    pub owners: usize,
    /// Those of them who are no users.
    pub unknown: usize,
    /// Objects that were removed, or would be.
    pub objects: usize,
}

impl Swept {
    /// Whether most owners are unknown, as they are where table and bucket do not belong together.
    #[must_use]
    pub fn is_doubtful(&self) -> bool {
        self.unknown * 2 > self.owners
    }
}

/// Looks at every owner of pictures, and calls `tell` after each page of them. Uploads and readers may go on meanwhile.
pub async fn sweep_avatars(
    app: &App,
    actor: &Actor,
    sweep: Sweep,
    mut tell: impl FnMut(Swept),
) -> Result<Swept, Error> {
    actor.permit(Action::DeleteAvatar, None)?;
    let mut swept = Swept::default();
    let mut place = None;
    loop {
        let (owners, next) = app.avatars.list_owners(place).await?;
        for some in owners.chunks(SIDE_BY_SIDE) {
            for (is_user, objects) in try_join_all(some.iter().map(|owner| look_at(app, *owner, sweep))).await? {
                swept.owners += 1;
                swept.unknown += usize::from(!is_user);
                swept.objects += objects;
            }
        }
        tell(swept);
        place = next;
        if place.is_none() {
            return Ok(swept);
        }
    }
}

async fn look_at(app: &App, owner: UserId, sweep: Sweep) -> Result<(bool, usize), Error> {
    let (is_user, left_over) = find_left_over(app, owner).await?;
    if sweep == Sweep::Remove {
        app.avatars.remove_all(&left_over).await?;
    }
    Ok((is_user, left_over.len()))
}
