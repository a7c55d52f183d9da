//! *Unassign Token* and *Re-Assign Token* (P18, P19). A fresh proof comes before both.

use crate::model::{
    Assignment, AuditAction, AuditResult, Custody, PortalAction, Subject, Token, TokenSerial, Visit,
};
use crate::oath::Otp;
use crate::store::Change;

use super::confirm::Asking;
use super::notice::{Happened, Notice};
use super::pair::pair_of;
use super::portal::{require_fresh, signed_in};
use super::{ConfirmRequest, ConfirmResult, PortalSession, Service, ServiceError};

impl Service {
    /// *Unassign Token*: on this resource the pair becomes a user without a token. The user stays its
    /// holder, so nobody else can confirm it; it keeps standing here for that.
    pub fn portal_unassign(&self, portal: &PortalSession, visit: &Visit) -> Result<(), ServiceError> {
        self.require_action(portal, PortalAction::UnassignToken)?;
        let user = signed_in(portal)?.clone();
        let (actor, resource, now) = (portal.actor(visit), portal.resource.clone(), self.clock.now());
        let (post, portal) = (self.post()?, portal.clone());
        self.decide(move |view| {
            require_fresh(view, &portal, now)?;
            let (place, token) = pair_of(view, user.id, &resource)?.ok_or(ServiceError::Stale)?;
            let (alone, apart) = place.parties.unpaired()?;
            let mut changes = vec![Change::PutAssignment(Assignment { parties: alone, ..place })];
            if view.seed(token.id)?.is_some_and(|seed| seed.spec.is_mailed()) {
                // There is nothing to confirm again: another one is set up in a minute.
                if view.assignments_of_token(token.id)?.len() == 1 {
                    let custody = token.custody.moved_to(Custody::Retired { at: now })?;
                    changes.push(Change::PutToken(Token { custody, ..token.clone() }));
                }
            } else {
                let id = view.next_assignment()?;
                let stays = Assignment { id, resource: resource.id, parties: apart, created_at: now };
                changes.push(Change::PutAssignment(stays));
            }
            changes.push(super::audit_entry(
                now,
                &actor,
                AuditAction::Unassigned,
                vec![Subject::Token(token.id), Subject::User(user.id), Subject::Resource(resource.id)],
                AuditResult::Done,
                vec![
                    ("kind", place.parties.kind().name().to_owned()),
                    ("resource", resource.name.to_string()),
                ],
            ));
            let happened = Happened::TokenUnassigned(&token.serial);
            let notice = Notice { happened, user: &user, actor: &actor, resource: Some(&resource) };
            post.tell(view, &notice, now, &mut changes)?;
            Ok(((), changes))
        })?;
        self.wake_mailer();
        Ok(())
    }

    /// *Re-Assign Token* with a token that the user received: it is confirmed, and in the same change it
    /// takes all places of the present one.
    pub fn portal_reassign(
        &self,
        portal: &PortalSession,
        serial: &TokenSerial,
        otps: &[Otp],
        visit: &Visit,
    ) -> Result<ConfirmResult, ServiceError> {
        let old = self.replaced_by_draft(portal, true)?.ok_or(ServiceError::Stale)?;
        let asking = Asking { portal: portal.clone(), replaces: Some(old) };
        let user = signed_in(portal)?;
        let request = ConfirmRequest { resource: &portal.resource.name, user: &user.login, serial, otps };
        Ok(self.confirm_asked_by(&portal.actor(visit), &request, &[], Some(&asking))?.for_users())
    }
}
