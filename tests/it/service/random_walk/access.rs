//! What people do on a walk who have lost something, or say so: *Restore access*, its operators and links, tokens
//! by mail, emergency codes.

use std::collections::{BTreeMap, BTreeSet};

use mintmark::model::{
    EmailAddress, Factor, Factors, IssueState, MailKind, ResourceAlias, TokenSerial, TokenType,
};
use mintmark::oath::Otp;
use mintmark::secret::BearerToken;
use mintmark::service::{
    DraftResult, EmergencyRequest, IssueVerdict, NewToken, PortalSession, RestoreProof, RestoreResult,
    RestoreTyped, SecondPage, ThirdPage, UserIssueView,
};
use mintmark::store::Page;

use super::super::fixture::{admin, login, operator, typed, visit};
use super::super::register::software;
use super::{Did, PEOPLE, PLACES, Walk, alias, pick};

/// A device, and the counters or steps of which it showed codes.
type Shown = (usize, Vec<u64>);

/// An emergency code that was given out.
struct Given {
    code: String,
    once: bool,
    uses: u32,
    /// It was taken back, or another was given out.
    is_void: bool,
}

/// What is known of access on a walk.
#[derive(Default)]
pub(super) struct Access {
    /// Requests by their numbers: whose, and the password that was typed for it.
    asked: BTreeMap<String, (usize, String)>,
    /// Those that took effect.
    approved: BTreeSet<String>,
    /// Links that were used.
    links: BTreeSet<String>,
    /// Tokens by mail.
    by_mail: Vec<TokenSerial>,
    /// Mailed codes of tokens that were accepted.
    mailed: BTreeSet<(String, String)>,
    given: [Vec<Given>; 3],
}

impl Access {
    /// How many requests took effect, mailed codes were accepted, emergency codes let somebody in.
    pub(super) fn reached(&self) -> [usize; 3] {
        let uses = self.given.iter().flatten().filter(|given| given.uses > 0).count();
        [self.approved.len(), self.mailed.len(), uses]
    }
}

impl Walk {
    /// The serial number of the token by mail that this person has here.
    pub(super) fn by_mail(&self, person: usize, place: usize) -> Option<TokenSerial> {
        self.access.by_mail.iter().find(|serial| self.is_paired(serial, person, place)).cloned()
    }

    /// The code of the newest mail that has one.
    fn mailed_code(&self) -> Option<String> {
        let mails = self.home.service.outbox(&admin(), 50).expect("a demonstration store");
        let mail = mails.iter().find(|mail| mail.mail.kind == MailKind::Code)?;
        let (_, rest) = mail.text.split_once(" is ")?;
        Some(rest.chars().take_while(char::is_ascii_digit).collect())
    }

    /// Page 3 with the code that was mailed for it, of which there are three in a quarter of an hour.
    pub(super) fn third_by_mail(
        &mut self,
        owed: &PortalSession,
        person: usize,
        place: usize,
    ) -> Option<BearerToken> {
        let serial = self.by_mail(person, place).expect("a code is asked of who has a token");
        let code = self.mailed_code()?;
        // Its owner types the PIN beside it, if there is one.
        let otp = self.glue(&serial, &Otp::parse(&code).expect("digits"));
        let serial = serial.to_string();
        let passed = self.home.service.portal_third(owed, &otp, &visit());
        let Ok(ThirdPage::Passed { cookie }) = passed else { return None };
        assert!(
            self.access.mailed.insert((serial.clone(), code)),
            "{serial}: a mailed code is accepted once"
        );
        self.accepted += 1;
        Some(cookie)
    }

    /// Page 1, or page 2 as well: the session of whoever types the login, and the password.
    fn arrive(&self, person: usize, place: usize, with_password: bool) -> Option<(PortalSession, bool)> {
        let service = &self.home.service;
        let open =
            |cookie: &_| service.portal_session(&alias(place), cookie).expect("readable").expect("alive");
        let cookie = service.portal_begin(&alias(place), &login(PEOPLE[person]), &visit()).expect("begun");
        let first = open(&cookie);
        if !with_password {
            return Some((first, false));
        }
        let password = typed(&self.passwords[person]);
        match service.portal_second(&first, &password, &visit()).expect("answered") {
            SecondPage::Passed { cookie, owes_code } => Some((open(&cookie), owes_code)),
            _ => None,
        }
    }

    /// A step of this file: what is done, and three choices.
    pub(super) fn take_access(&mut self, what: u8, (a, b, c): (u8, u8, u8)) -> Did {
        let (person, place) = (pick(a, PEOPLE.len()), pick(b, PLACES.len()));
        match what {
            0 | 1 => {
                let asked = self.ask_for_access(person, place, c)?;
                // Often an operator is at hand.
                if b < 128 { Ok(asked) } else { self.verify(a, c) }
            }
            2 => self.verify(a, c),
            3 => self.end_issue(a, c),
            4 => self.follow_link(c),
            5 => {
                self.home.service.sweep()?;
                Ok(false)
            }
            6 => self.register_by_mail(person, place, c.is_multiple_of(2)),
            _ => self.emergency(person, place, b, c),
        }
    }

    /// What of these proves who asks, as its owner has it; a device shows its code for it.
    fn proof(
        &mut self,
        person: usize,
        place: usize,
        lost: Factors<bool>,
        c: u8,
    ) -> Option<(RestoreTyped, Option<Shown>)> {
        let left = Factor::ALL.into_iter().filter(|factor| !lost.of(*factor)).collect::<Vec<_>>();
        let mut typed_in = RestoreTyped::default();
        match left[pick(c / 7, left.len())] {
            Factor::Password => typed_in.password = Some(typed(&self.passwords[person])),
            Factor::Email => typed_in.code = Some(typed(&self.mailed_code()?)),
            Factor::Token => {
                let device = self.paired(person, place)?;
                let serial = self.devices[device].token.serial.clone();
                let shown = self.show(device, 1);
                typed_in.otp = Some(self.glue(&serial, &self.codes(device, &shown)[0]));
                return Some((typed_in, Some((device, shown))));
            }
        }
        Some((typed_in, None))
    }

    /// *Restore access* from the login to the number.
    fn ask_for_access(&mut self, person: usize, place: usize, c: u8) -> Did {
        let service = std::sync::Arc::clone(&self.home.service);
        let Some((portal, _)) = self.arrive(person, place, false) else { return Ok(false) };
        let ticked = c % 7 + 1;
        let lost = Factors { token: ticked & 1 != 0, password: ticked & 2 != 0, email: ticked & 4 != 0 };
        service.portal_restore_lost(&portal, lost, &visit())?;
        if ticked != 7 {
            // A code that was used proves nothing.
            if let Some((device, otp)) = self.used(c).filter(|_| !lost.token) {
                let serial = self.devices[device].token.serial.clone();
                let otp = Some(self.glue(&serial, &otp));
                let again = RestoreTyped { otp, ..RestoreTyped::default() };
                let answer = service.portal_restore_prove(&portal, &again, &visit())?;
                assert_ne!(answer, RestoreProof::Passed, "{serial}");
            }
            let Some((proof, shown)) = self.proof(person, place, lost, c) else { return Ok(false) };
            if service.portal_restore_prove(&portal, &proof, &visit())? != RestoreProof::Passed {
                return Ok(true);
            }
            if let Some((device, shown)) = shown {
                self.spend(device, &shown);
            }
        }
        let password = format!("Nummer {} vom Apfelbaum", self.access.asked.len());
        if lost.password {
            service.portal_restore_password(&portal, &typed(&password))?;
        }
        if lost.email {
            let to = format!("{}{}@example.net", PEOPLE[person], self.access.asked.len());
            service.portal_restore_email(&portal, &EmailAddress::parse(&to).expect("an address"))?;
        }
        let sent = service.portal_restore_send(&portal, &visit())?;
        if let RestoreResult::Sent(reference) = sent {
            self.access.asked.insert(reference.to_string(), (person, password));
        }
        Ok(matches!(sent, RestoreResult::Sent(_)))
    }

    fn issues(&self) -> Vec<UserIssueView> {
        self.home.service.user_issues(&admin(), Page::first(200)).expect("listed").items
    }

    /// One operator, or two and the wait.
    fn verify(&mut self, a: u8, c: u8) -> Did {
        let open: Vec<_> = self.issues().into_iter().filter(|view| view.issue.is_open()).collect();
        if open.is_empty() {
            return Ok(false);
        }
        let issue = &open[pick(c, open.len())].issue;
        let say = |by: u8| {
            let (by, reference) = (operator(u64::from(by % 3) + 1), issue.reference.to_string());
            self.home.service.verify_user_issue(&by, issue.id, &reference, "saw the passport")
        };
        let mut verdict = say(a)?;
        if verdict == IssueVerdict::FirstOfTwo && !c.is_multiple_of(4) {
            say(a).expect_err("not the same one twice");
            verdict = say(a.wrapping_add(1 + a % 2))?;
        }
        if let IssueVerdict::Waits { until } = verdict
            && c % 4 == 3
        {
            let secs = u64::try_from(until.secs_since(self.home.service.now())).expect("ahead");
            self.home.wait(secs);
            self.home.service.sweep()?;
        }
        Ok(true)
    }

    /// *Delete*, or the link to a new address once more.
    fn end_issue(&self, a: u8, c: u8) -> Did {
        let issues = self.issues();
        if issues.is_empty() {
            return Ok(false);
        }
        let id = issues[pick(c, issues.len())].issue.id;
        if a.is_multiple_of(2) {
            return self.home.service.delete_user_issue(&operator(1), id).map(|()| true);
        }
        self.home.service.mail_issue_link(&operator(1), id).map(|_| true)
    }

    /// A link of a mail: one cancels a request, one proves an address.
    fn follow_link(&mut self, c: u8) -> Did {
        let mails: Vec<_> =
            self.home.notices().into_iter().filter(|(_, text)| text.contains("/restore/link?k=")).collect();
        if mails.is_empty() {
            return Ok(false);
        }
        let (_, text) = &mails[pick(c, mails.len())];
        let (before, after) = text.split_once("/restore/link?k=").expect("a link");
        let alias = before.rsplit('/').next().expect("a portal");
        let key = after.split_whitespace().next().expect("a key").to_owned();
        let alias = ResourceAlias::parse(alias).expect("an alias");
        self.home.service.use_restore_link(&alias, &key, &visit())?;
        assert!(self.access.links.insert(key), "a link works once");
        Ok(true)
    }

    /// Requests that took effect: from then on their passwords are those in force.
    pub(super) fn note_approved(&mut self) {
        for view in self.issues() {
            let reference = view.issue.reference.to_string();
            if !matches!(view.issue.state, IssueState::Approved { .. })
                || !self.access.approved.insert(reference.clone())
            {
                continue;
            }
            let (person, password) = self.access.asked[&reference].clone();
            assert!(view.issue.approvals.len() >= if view.issue.needs_two() { 2 } else { 1 }, "{reference}");
            if view.issue.claims.password == mintmark::model::Claim::Lost {
                self.passwords[person] = password;
            }
            for given in &mut self.access.given[person] {
                given.is_void = true;
            }
        }
    }

    /// A token whose codes are mailed.
    fn register_by_mail(&mut self, person: usize, place: usize, replace: bool) -> Did {
        let Some(portal) = self.session(person, place, false) else { return Ok(false) };
        let service = std::sync::Arc::clone(&self.home.service);
        let new = NewToken { token_type: TokenType::Mail, name: "my mailbox", model: "", ..software() };
        service.portal_draft(&portal, &new, replace, &visit())?;
        let Some(code) = self.mailed_code() else { return Ok(false) };
        let otp = Otp::parse(&code).expect("digits");
        let done = service.portal_finish(&portal, &[otp], &visit())?;
        if let DraftResult::Made { serial } = done {
            let first = self.access.mailed.insert((serial.to_string(), code));
            assert!(first, "{serial}: a mailed code is accepted once");
            self.access.by_mail.push(serial);
            self.accepted += 1;
        }
        Ok(true)
    }

    /// An emergency code is given out, taken back or typed; mailed codes that were accepted are typed again.
    fn emergency(&mut self, person: usize, place: usize, b: u8, c: u8) -> Did {
        let service = std::sync::Arc::clone(&self.home.service);
        let name = login(PEOPLE[person]);
        if c.is_multiple_of(4) {
            let once = (b / 2).is_multiple_of(2);
            let asked = EmergencyRequest {
                note: "showed a passport",
                hours: 24,
                once,
                token_lost: (b / 4).is_multiple_of(8),
            };
            let code = service.issue_emergency_code(&operator(1), &name, &asked)?.code.to_string();
            let given = &mut self.access.given[person];
            for before in given.iter_mut() {
                before.is_void = true;
            }
            given.push(Given { code, once, uses: 0, is_void: false });
        }
        if c % 16 == 1 {
            service.revoke_emergency_code(&operator(1), &name)?;
            for given in &mut self.access.given[person] {
                given.is_void = true;
            }
            return Ok(true);
        }
        let Some((owed, true)) = self.arrive(person, place, true) else { return Ok(false) };
        if c % 4 == 1 {
            let Some(token) = self.by_mail(person, place) else { return Ok(true) };
            let serial = token.to_string();
            let used = self.access.mailed.iter().rev().find(|(of, _)| *of == serial).cloned();
            let Some((_, code)) = used else { return Ok(true) };
            let answer = service.portal_third(
                &owed,
                &self.glue(&token, &Otp::parse(&code).expect("digits")),
                &visit(),
            )?;
            assert!(!matches!(answer, ThirdPage::Passed { .. }), "{serial}: {answer:?}");
            return Ok(true);
        }
        let given = &mut self.access.given[person];
        if given.is_empty() {
            return Ok(true);
        }
        let newest = given.len() - 1;
        let given = &mut given[if b.is_multiple_of(8) { pick(c, newest + 1) } else { newest }];
        let otp = Otp::parse(&given.code).expect("digits and dashes");
        if matches!(service.portal_third(&owed, &otp, &visit())?, ThirdPage::Passed { .. }) {
            assert!(
                !(given.is_void || given.once && given.uses > 0),
                "{}: no code that has ended",
                PEOPLE[person]
            );
            given.uses += 1;
        }
        Ok(true)
    }
}
