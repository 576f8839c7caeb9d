//! Tells the rules for new passwords.

use crate::app::App;
use crate::domain::PasswordPolicy;

/// The rules, which are no secret: whoever fills in a form needs them before there is a user, so no actor is asked for.
pub fn get_password_policy(app: &App) -> &PasswordPolicy {
    &app.password_policy
}
