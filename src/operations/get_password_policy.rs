//! Tells the rules for new passwords.

use crate::app::App;
use crate::domain::{Actor, PasswordPolicy};
use crate::error::Error;

/// The rules, which are no secret: any actor may read them.
pub fn get_password_policy<'a>(app: &'a App, _actor: &Actor) -> Result<&'a PasswordPolicy, Error> {
    Ok(&app.password_policy)
}
