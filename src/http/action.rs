//! The portal's actions as people read them: in the portal, and in the console, which shows what a user would see.

use super::page::ActionRow;
use crate::model::PortalAction;
use crate::words::Words;

/// Its page, its icon, and the message of its title, whose attribute `line` says what it does.
const fn parts(action: PortalAction) -> (&'static str, &'static str, &'static str) {
    match action {
        PortalAction::RegisterExistingToken => {
            ("tokens/confirm", "badge-check", "action-register-existing-token")
        }
        PortalAction::SynchronizeToken => ("tokens/synchronize", "refresh-cw", "action-synchronize-token"),
        PortalAction::RegisterNewToken => ("tokens/register", "plus", "action-register-new-token"),
        PortalAction::ReassignToken => ("tokens/reassign", "refresh-cw", "action-reassign-token"),
        PortalAction::UnassignToken => ("tokens/unassign", "undo-2", "action-unassign-token"),
        PortalAction::SetupPin => ("tokens/pin", "lock", "action-setup-pin"),
        PortalAction::RemovePin => ("tokens/pin/remove", "lock", "action-remove-pin"),
        PortalAction::CreatePassword => ("password/new", "key-round", "action-create-password"),
        PortalAction::ChangePassword => ("password", "key-round", "action-change-password"),
        PortalAction::ChangeEmail => ("email", "mail", "action-change-email"),
        PortalAction::ChangePhone => ("phone", "smartphone", "action-change-phone"),
        PortalAction::ChangeLogin => ("login", "user", "action-change-login"),
        PortalAction::ChangeName => ("name", "pencil", "action-change-name"),
        PortalAction::ManageEnvironment => ("environment", "network", "action-manage-environment"),
    }
}

/// What it is called.
pub(super) fn title(words: Words, action: PortalAction) -> String {
    words.text(parts(action).2)
}

/// Its row; the pages of actions stand below `base`.
pub(super) fn row(words: Words, action: PortalAction, base: &str) -> ActionRow {
    let (page, icon, id) = parts(action);
    let line = words.text(&format!("{id}.line"));
    ActionRow { href: format!("{base}{page}"), icon, title: words.text(id), line }
}
