//! Lets an administrator of a local server watch what changes.

use crate::app::App;
use crate::domain::{Action, Actor};
use crate::error::Error;
use crate::events::{Position, Reader};

/// A reader of the changes after a place in the stream, or from now on. On AWS the bus has them, and here is nothing to watch.
pub fn watch_changes(app: &App, actor: &Actor, after: Option<Position>) -> Result<Reader, Error> {
    actor.permit(Action::WatchChanges, None)?;
    app.feed.as_ref().map(|feed| feed.read(after)).ok_or(Error::NotFound)
}
