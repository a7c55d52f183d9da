//! *Restore access* and user issues, P38 to P46; the table and who could abuse it are in `table`.

mod seams;
mod table;

use mintmark::model::{
    AssignmentKind, Claim, DisabledBy, EmailAddress, Factor, Factors, IssueReference, IssueState, Login,
    PortalAction,
};
use mintmark::service::{
    AssignRequest, AuthRequest, AuthResult, ConfirmResult, IssueVerdict, NewUser, PortalSession,
    PortalSettings, PortalState, RestoreLink, RestoreProof, RestoreResult, RestoreTyped, SecondPage,
    ServiceError, UserIssueView,
};
use mintmark::store::Page;

use super::fixture::{Home, PASSWORD, StandIn, admin, alias, login, operator, resource, typed, visit};

const NEW: &str = "vier Quitten im Netz";
const NEW_ADDRESS: &str = "anna@example.net";

fn factors(token: bool, password: bool, email: bool) -> Factors<bool> {
    Factors { token, password, email }
}

/// anna on *VPN* with what she has, and a spare token there.
struct Case {
    home: Home,
    token: StandIn,
    spare: StandIn,
}

impl Case {
    fn new(has: Factors<bool>) -> Self {
        let home = Home::new();
        home.add_vpn();
        let (token, spare) = (StandIn::totp("T-1"), StandIn::totp("T-2"));
        home.import("one", &[&token, &spare]);
        let new = NewUser {
            login: "anna".into(),
            email: has.email.then(|| EmailAddress::parse("anna@example.org").expect("an address")),
            password: has.password.then(|| typed(PASSWORD)),
            resource: Some(resource("VPN")),
            ..NewUser::default()
        };
        home.service.add_user(&admin(), new).expect("made");
        if has.token {
            let pair = AssignRequest {
                kind: AssignmentKind::TokenWithUser,
                user: Some(login("anna")),
                token: Some(token.serial.clone()),
            };
            home.service.assign(&admin(), &resource("VPN"), &pair).expect("assigned");
        }
        Self { home, token, spare }
    }

    /// What proves this factor now.
    fn proof(&self, factor: Factor) -> RestoreTyped {
        match factor {
            Factor::Token => {
                self.home.wait(30);
                RestoreTyped { otp: Some(self.token.at(self.home.step())), ..RestoreTyped::default() }
            }
            Factor::Password => RestoreTyped { password: Some(typed(PASSWORD)), ..RestoreTyped::default() },
            Factor::Email => {
                RestoreTyped { code: Some(typed(&self.home.newest_code())), ..RestoreTyped::default() }
            }
        }
    }

    fn lost(&self, portal: &PortalSession, lost: Factors<bool>) {
        self.home.service.portal_restore_lost(portal, lost, &visit()).expect("ticked");
    }

    fn prove(&self, portal: &PortalSession, proof: &RestoreTyped) -> RestoreProof {
        self.home.service.portal_restore_prove(portal, proof, &visit()).expect("answered")
    }

    /// The rest of the pages: what is new, and sent.
    fn finish(&self, portal: &PortalSession, lost: Factors<bool>) -> Result<IssueReference, ServiceError> {
        if lost.password {
            self.home.service.portal_restore_password(portal, &typed(NEW))?;
        }
        if lost.email {
            let to = EmailAddress::parse(NEW_ADDRESS).expect("an address");
            self.home.service.portal_restore_email(portal, &to)?;
        }
        match self.home.service.portal_restore_send(portal, &visit())? {
            RestoreResult::Sent(reference) => Ok(reference),
            other => panic!("{other:?}"),
        }
    }

    /// A whole request from page 2.
    fn ask(&self, name: &str, lost: Factors<bool>, proof: Option<Factor>) -> IssueReference {
        let portal = self.home.begin(name);
        self.lost(&portal, lost);
        if let Some(factor) = proof {
            assert_eq!(self.prove(&portal, &self.proof(factor)), RestoreProof::Passed, "{factor:?}");
        }
        self.finish(&portal, lost).expect("sent")
    }

    fn issues(&self) -> Vec<UserIssueView> {
        self.home.service.user_issues(&admin(), Page::first(50)).expect("listed").items
    }

    fn open(&self) -> Vec<UserIssueView> {
        self.issues().into_iter().filter(|view| view.issue.is_open()).collect()
    }

    fn verify(&self, by: u64, issue: &UserIssueView) -> Result<IssueVerdict, ServiceError> {
        self.home.hire(by);
        let reference = issue.issue.reference.to_string();
        self.home.service.verify_user_issue(&operator(by), issue.issue.id, &reference, "saw the passport")
    }

    fn second(&self, password: &str) -> SecondPage {
        let first = self.home.begin("anna");
        self.home.service.portal_second(&first, &typed(password), &visit()).expect("answered")
    }

    fn disabled(&self) -> Option<DisabledBy> {
        self.home.service.token(&admin(), &self.token.serial).expect("there").token.disabled
    }

    fn email(&self) -> Option<String> {
        let user = self.home.service.user(&admin(), &login("anna")).expect("there").user;
        user.email.map(|email| email.as_str().to_owned())
    }

    /// Nothing of the user has changed.
    #[track_caller]
    fn untouched(&self, has: Factors<bool>, what: &str) {
        assert_eq!(self.disabled(), None, "{what}");
        assert_eq!(self.email(), has.email.then(|| "anna@example.org".to_owned()), "{what}");
        let new = self.second(NEW);
        assert!(matches!(new, SecondPage::Refused | SecondPage::Blocked { .. }), "{what}: {new:?}");
    }

    /// What an approved issue of these states has done.
    #[track_caller]
    fn took_effect(&self, lost: Factors<bool>, has: Factors<bool>, what: &str) {
        assert_eq!(self.disabled(), lost.token.then_some(DisabledBy::Issue), "{what}");
        if lost.password {
            let asks_code = has.token && !lost.token;
            match self.second(NEW) {
                SecondPage::Passed { owes_code, .. } => assert_eq!(owes_code, asks_code, "{what}"),
                other => panic!("{what}: {other:?}"),
            }
        } else if has.password {
            assert!(matches!(self.second(PASSWORD), SecondPage::Passed { .. }), "{what}");
        }
        if lost.email {
            assert_eq!(self.email().as_deref(), Some("anna@example.org"), "{what}: until the link is opened");
            let link = self.link_to(NEW_ADDRESS);
            let used = self.home.service.use_restore_link(&alias(), &link, &visit()).expect("works");
            assert!(matches!(used, RestoreLink::Email { .. }), "{what}");
            assert_eq!(self.email().as_deref(), Some(NEW_ADDRESS), "{what}");
        }
    }

    /// The key of the newest link that went to an address.
    fn link_to(&self, to: &str) -> String {
        let notices = self.home.notices();
        let text =
            notices.iter().find(|(who, text)| who == to && text.contains("?k=")).expect("a link").1.clone();
        let (_, rest) = text.split_once("?k=").expect("a link");
        rest.split_whitespace().next().expect("a key").to_owned()
    }
}

#[track_caller]
fn code_of<T: std::fmt::Debug>(answer: Result<T, ServiceError>) -> &'static str {
    match answer {
        Err(
            ServiceError::State { code, .. }
            | ServiceError::Forbidden { code, .. }
            | ServiceError::Invalid { code, .. },
        ) => code,
        Err(ServiceError::NotFound { what }) => what,
        other => panic!("{other:?}"),
    }
}

/// P41: the same counter, waits and answers as at the sign-in, for a login that nobody has, too.
#[test]
fn service_p41_failures_are_counted_as_at_the_sign_in() {
    let case = Case::new(factors(true, true, true));
    case.home.add_mail_user("carl");
    let names = ["anna", "carl", "nobody"];
    let portals = names.map(|name| case.home.begin(name));
    for portal in &portals {
        case.lost(portal, factors(true, false, false));
    }
    let mut told = Vec::new();
    for round in 0..7 {
        let answers: Vec<String> = portals
            .iter()
            .map(|portal| {
                let guess = RestoreTyped { password: Some(typed("a wrong one")), ..RestoreTyped::default() };
                format!("{:?}", case.prove(portal, &guess))
            })
            .collect();
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "round {round}: {answers:?}");
        told.push(answers[0].clone());
    }
    assert!(told[4].contains("Refused") && told[5].contains("Blocked"), "{told:?}");
    // Page 2 knows of it, also for the right password; and the right proof is not looked at.
    for name in names {
        let first = case.home.begin(name);
        let answer = case.home.service.portal_second(&first, &typed(PASSWORD), &visit()).expect("answered");
        assert!(matches!(answer, SecondPage::Blocked { .. }), "{name}: {answer:?}");
    }
    let right = case.prove(&portals[0], &case.proof(Factor::Password));
    assert!(matches!(right, RestoreProof::Blocked { .. }), "{right:?}");
    // The failures of page 2 count here.
    case.home.wait(3_601);
    let portal = case.home.begin("anna");
    case.lost(&portal, factors(true, false, false));
    assert_eq!(case.prove(&portal, &case.proof(Factor::Password)), RestoreProof::Passed);
}

/// P41: a stranger's wrong code does not count with the token, a right one is spent.
#[test]
fn service_p41_codes_of_the_token_keep_their_laws() {
    let case = Case::new(factors(true, true, false));
    let portal = case.home.begin("anna");
    case.lost(&portal, factors(false, true, false));
    let wrong = || RestoreTyped { otp: Some(case.token.wrong(case.home.step())), ..RestoreTyped::default() };
    assert_eq!(case.prove(&portal, &wrong()), RestoreProof::Refused);
    let state = case.home.service.token(&admin(), &case.token.serial).expect("there").state;
    assert_eq!(state.budget.failures, 0, "or whoever knows a login could block its token");
    let code = case.token.at(case.home.step());
    let right = RestoreTyped { otp: Some(case.token.at(case.home.step())), ..RestoreTyped::default() };
    assert_eq!(case.prove(&portal, &right), RestoreProof::Passed);
    let used = case.home.service.check(&operator(1), &case.token.serial, &code).expect("answered");
    assert_eq!(used.name(), "replayed");
    // A right code beside a wrong password is no proof, and spent all the same.
    case.home.wait(30);
    let portal = case.home.begin("anna");
    case.lost(&portal, factors(false, false, true));
    let mixed = RestoreTyped {
        password: Some(typed("a wrong one")),
        otp: Some(case.token.at(case.home.step())),
        code: None,
    };
    assert_eq!(case.prove(&portal, &mixed), RestoreProof::Refused);
    let nothing = case.home.service.portal_restore_prove(&portal, &RestoreTyped::default(), &visit());
    assert_eq!(code_of(nothing), "proof_missing");
}

/// P41, decision 28: three wait at most of those that proved nothing, and three of the others.
#[test]
fn service_p41_three_requests_wait_at_most() {
    let has = factors(true, true, true);
    let case = Case::new(has);
    let everything = factors(true, true, true);
    let first: Vec<_> = (0..4).map(|_| case.ask("anna", everything, None)).collect();
    let kept = || case.open().iter().map(|view| view.issue.reference).collect::<Vec<_>>();
    assert_eq!(kept(), first[1..], "the fourth takes the place of the oldest");
    assert_eq!(case.open()[2].issue.displaced, 1);
    assert_eq!(case.issues().len(), 3, "what gave way is in the log, not kept for a year");

    // Those that proved something have three places, too, and there who proves more is heard.
    let token = factors(true, false, false);
    let by_password: Vec<_> = (0..4).map(|_| case.ask("anna", token, Some(Factor::Password))).collect();
    assert_eq!(kept(), [&first[1..], &by_password[..3]].concat(), "the fourth got a number and was not kept");
    // Codes are mailed for a while no more.
    case.home.wait(900);
    let portal = case.home.begin("anna");
    case.lost(&portal, token);
    let both = RestoreTyped { code: case.proof(Factor::Email).code, ..case.proof(Factor::Password) };
    assert_eq!(case.prove(&portal, &both), RestoreProof::Passed);
    let proved = case.finish(&portal, token).expect("sent");
    assert_eq!(kept(), [&first[1..], &by_password[1..3], &[proved]].concat());
    let gone = case.issues().into_iter().find(|view| view.issue.reference == by_password[0]);
    let gone = gone.expect("kept for looking");
    assert!(matches!(gone.issue.state, IssueState::ClosedWithAnother { .. }));
    assert_eq!(gone.earlier.len(), 6);

    // Approving one closes the others.
    let issue = case.open().into_iter().find(|view| view.issue.reference == proved).expect("there");
    assert_eq!(case.verify(1, &issue).expect("verified"), IssueVerdict::Approved);
    assert!(case.open().is_empty());
    case.took_effect(factors(true, false, false), has, "approved");
    assert_eq!(code_of(case.verify(2, &issue)), "issue_ended");
    let deleted = case.home.service.delete_user_issue(&operator(1), issue.issue.id);
    assert_eq!(code_of(deleted), "issue_ended");
}

/// P41: after 30 days they expire, a year later they go; an operator deletes before.
#[test]
fn service_p41_requests_expire_and_go() {
    let case = Case::new(factors(true, true, false));
    case.ask("anna", factors(true, true, true), None);
    case.home.wait(30 * 86_400 - 1);
    case.home.service.sweep().expect("swept");
    assert_eq!(case.open().len(), 1);
    case.home.wait(1);
    case.home.service.sweep().expect("swept");
    assert!(matches!(case.issues()[0].issue.state, IssueState::Expired { .. }));
    assert!(case.issues()[0].issue.new_password.is_none(), "what was typed is forgotten");
    case.ask("anna", factors(true, false, false), Some(Factor::Password));
    let open = &case.open()[0];
    case.home.service.delete_user_issue(&operator(1), open.issue.id).expect("deleted");
    assert!(matches!(case.issues()[0].issue.state, IssueState::DeletedByOperator { .. }));
    case.home.wait(366 * 86_400);
    case.home.service.sweep().expect("swept");
    assert!(case.issues().is_empty());
}

/// P41: one address makes twenty requests an hour, for whomever.
#[test]
fn service_p41_an_address_makes_twenty_requests_an_hour() {
    let case = Case::new(factors(true, true, false));
    let everything = factors(true, true, true);
    for n in 0..20 {
        case.ask(if n % 2 == 0 { "nobody" } else { "anna" }, everything, None);
    }
    for name in ["anna", "nobody"] {
        let portal = case.home.begin(name);
        case.lost(&portal, everything);
        case.home.service.portal_restore_password(&portal, &typed(NEW)).expect("typed");
        let to = EmailAddress::parse(NEW_ADDRESS).expect("an address");
        case.home.service.portal_restore_email(&portal, &to).expect("typed");
        let answer = case.home.service.portal_restore_send(&portal, &visit()).expect("answered");
        assert!(matches!(answer, RestoreResult::Blocked { .. }), "{name}: {answer:?}");
    }
    case.home.wait(3_600);
    case.ask("nobody", everything, None);
}

/// P42, P43: the number and a note are asked; what belongs to others is not there.
#[test]
fn service_p43_verifying_asks_for_number_and_note() {
    let case = Case::new(factors(true, true, true));
    let reference = case.ask("anna", factors(true, false, false), Some(Factor::Password));
    let id = case.open()[0].issue.id;
    let try_with =
        |reference: &str, note: &str| case.home.service.verify_user_issue(&operator(1), id, reference, note);
    assert_eq!(code_of(try_with("000-000-000", "saw the passport")), "reference_wrong");
    assert_eq!(code_of(try_with("", "saw the passport")), "reference_wrong");
    assert_eq!(code_of(try_with(&reference.to_string(), "  ")), "note_needed");
    case.untouched(factors(true, true, true), "nothing was verified");
    let spaced = reference.to_string().replace('-', " ");
    assert_eq!(try_with(&spaced, "saw the passport").expect("verified"), IssueVerdict::Approved);
    assert_eq!(case.issues()[0].issue.approvals[0].note, "saw the passport");
}

/// P43, scope: who sees the resource sees the request; who does not rule the user does not approve.
#[test]
fn service_p43_scope_of_the_operator() {
    let case = Case::new(factors(true, true, true));
    case.home.service.add_resource(&admin(), &resource("Mail")).expect("made");
    let id_of = |name| case.home.service.resource(&admin(), &resource(name)).expect("there").resource.id;
    let scoped = |name| mintmark::model::Actor {
        scope: mintmark::model::Scope::Resources(vec![id_of(name)]),
        ..operator(1)
    };
    let (here, there) = (scoped("VPN"), scoped("Mail"));
    let reference = case.ask("anna", factors(false, true, false), Some(Factor::Email)).to_string();
    let id = case.open()[0].issue.id;
    let seen = |actor| case.home.service.user_issues(actor, Page::first(9)).expect("listed").items.len();
    assert_eq!((seen(&here), seen(&there)), (1, 0));
    assert_eq!(case.home.service.open_user_issues(&here, 99).expect("counted"), 1);
    assert_eq!(case.home.service.open_user_issues(&there, 99).expect("counted"), 0);
    assert_eq!(code_of(case.home.service.user_issue(&there, id)), "user issue");
    assert_eq!(code_of(case.home.service.delete_user_issue(&there, id)), "user issue");
    let elsewhere = case.home.service.verify_user_issue(&there, id, &reference, "saw the passport");
    assert_eq!(code_of(elsewhere), "user issue");
    // The password opens *Mail*, too.
    let also = AssignRequest { kind: AssignmentKind::User, user: Some(login("anna")), token: None };
    case.home.service.assign(&admin(), &resource("Mail"), &also).expect("assigned");
    let shared = case.home.service.verify_user_issue(&here, id, &reference, "saw the passport");
    assert_eq!(code_of(shared), "scope");
    case.untouched(factors(true, true, true), "shared");
}

/// P43: everything lost; whoever reads the old mails cancels it, before and after approval.
#[test]
fn service_p43_an_old_channel_cancels() {
    let has = factors(true, true, true);
    for approved in [false, true] {
        let case = Case::new(has);
        case.ask("anna", has, None);
        let early = case.link_to("anna@example.org");
        if approved {
            let issue = &case.open()[0];
            case.verify(1, issue).expect("noted");
            case.verify(2, issue).expect("noted");
            assert_eq!(case.link_to("anna@example.org"), early, "each mail has the same link");
            assert!(case.home.notices()[0].1.contains("approved by two operators"));
        }
        let look = || case.home.service.restore_link(&alias(), &early);
        assert!(matches!(look().expect("works"), RestoreLink::Cancel { .. }));
        assert_eq!(case.open().len(), 1, "looking changes nothing");
        for wrong in ["", "1", "1-", "x-y", &early[..early.len() - 1], &format!("9{early}")] {
            assert_eq!(code_of(case.home.service.restore_link(&alias(), wrong)), "link", "{wrong}");
            let used = case.home.service.use_restore_link(&alias(), wrong, &visit());
            assert_eq!(code_of(used), "link", "{wrong}");
        }
        case.home.service.use_restore_link(&alias(), &early, &visit()).expect("cancelled");
        assert!(matches!(case.issues()[0].issue.state, IssueState::Cancelled { .. }));
        assert_eq!(code_of(case.home.service.use_restore_link(&alias(), &early, &visit())), "link");
        case.home.wait(86_401);
        case.home.service.sweep().expect("swept");
        case.untouched(has, "cancelled");
    }
}

/// P43: what is due at the start waits until the service knows what its links begin with.
#[test]
fn service_p43_a_start_takes_nothing_into_effect() {
    let has = factors(true, true, true);
    let case = Case::new(has);
    case.ask("anna", has, None);
    let issue = &case.open()[0];
    case.verify(1, issue).expect("noted");
    case.verify(2, issue).expect("noted");
    case.home.wait(86_401);
    let again = case.home.open(std::sync::Arc::clone(&case.home.store)).expect("opens");
    assert_eq!(case.open().len(), 1);
    again.set_public_url("https://token.example.org");
    again.sweep().expect("swept");
    assert!(case.open().is_empty());
    let mail = case.home.notices().into_iter().find(|(to, text)| to == NEW_ADDRESS && text.contains("?k="));
    assert!(mail.expect("mailed").1.contains("https://token.example.org/selfservice/vpn/restore/link?k="));
}

/// P43: the wait is the resource's, also none.
#[test]
fn service_p43_the_wait_can_be_none() {
    let case = Case::new(factors(false, true, false));
    let settings = PortalSettings { restore_wait_hours: Some(0), ..PortalSettings::default() };
    case.home.service.set_portal(&admin(), &resource("VPN"), &settings).expect("set");
    let long = PortalSettings { restore_wait_hours: Some(337), ..PortalSettings::default() };
    assert_eq!(
        code_of(case.home.service.set_portal(&admin(), &resource("VPN"), &long)),
        "restore_wait_range"
    );
    case.ask("anna", factors(true, true, true), None);
    let issue = &case.open()[0];
    assert_eq!(case.verify(1, issue).expect("noted"), IssueVerdict::FirstOfTwo);
    assert_eq!(case.verify(2, issue).expect("verified"), IssueVerdict::Approved);
    case.took_effect(factors(false, true, false), factors(false, true, false), "at once");
}

/// P44: the token is disabled and stays; the user signs in without it and confirms another, then it leaves.
#[test]
fn service_p44_a_lost_token_leaves_when_another_is_confirmed() {
    let case = Case::new(factors(true, true, true));
    let owed = case.home.sign_in("anna");
    assert_eq!(owed.state(), PortalState::OtpOwed);
    // From the page that asks for the code: the password is proved already.
    case.lost(&owed, factors(true, true, false));
    case.finish(&owed, factors(true, false, false)).expect("sent");
    let claims = case.open()[0].issue.claims;
    assert_eq!(claims, Factors { token: Claim::Lost, password: Claim::Proved, email: Claim::Unproved });
    case.verify(1, &case.open()[0]).expect("verified");
    assert_eq!(case.disabled(), Some(DisabledBy::Issue));
    let held = case.home.service.token(&admin(), &case.token.serial).expect("there");
    assert_eq!(held.assignments.len(), 1, "token and user stay assigned");
    assert!(
        case.home
            .service
            .portal_session(&alias(), &mintmark::secret::BearerToken::new(vec![1]))
            .expect("read")
            .is_none()
    );
    let full = case.home.sign_in("anna");
    assert_eq!(full.state(), PortalState::Full, "without the token");
    let free =
        AssignRequest { kind: AssignmentKind::Token, user: None, token: Some(case.spare.serial.clone()) };
    case.home.service.assign(&admin(), &resource("VPN"), &free).expect("assigned");
    let codes = case.spare.from(case.home.step() - 1, 2);
    let answer =
        case.home.service.portal_confirm(&full, &case.spare.serial, &codes, &visit()).expect("answered");
    assert!(matches!(answer, ConfirmResult::Confirmed { .. }), "{answer:?}");
    assert_eq!(case.disabled(), Some(DisabledBy::Replaced));
    let left = case.home.service.token(&admin(), &case.token.serial).expect("there");
    assert!(left.assignments.is_empty(), "the old one left");
    assert_eq!(case.home.sign_in("anna").state(), PortalState::OtpOwed, "the new one is asked for");
}

/// Decision 27: a token that an operator disabled is not lost, proves nothing, and keeps people out until an
/// issue is approved.
#[test]
fn service_decision27_a_disabled_token_is_not_lost() {
    let case = Case::new(factors(true, true, false));
    case.home.service.set_token_enabled(&admin(), &case.token.serial, false).expect("disabled");
    let portal = case.home.begin("anna");
    case.lost(&portal, factors(false, true, true));
    assert_eq!(case.prove(&portal, &case.proof(Factor::Token)), RestoreProof::Refused);
    assert_eq!(case.home.sign_in("anna").state(), PortalState::OtpOwed);
    case.ask("anna", factors(true, false, true), Some(Factor::Password));
    let issue = &case.open()[0];
    assert_eq!(issue.token.as_ref().map(|(_, by)| *by), Some(Some(DisabledBy::Operator)), "the card says so");
    case.verify(1, issue).expect("verified");
    assert_eq!(case.disabled(), Some(DisabledBy::Issue));
    assert_eq!(case.home.sign_in("anna").state(), PortalState::Full);
}

/// P40, P45: hashed from the first moment; the link works once and for a day; old and new are told.
#[test]
fn service_p40_p45_password_and_address() {
    let has = factors(true, true, true);
    let case = Case::new(has);
    let portal = case.home.begin("anna");
    let lost = factors(false, true, true);
    case.lost(&portal, lost);
    assert_eq!(case.prove(&portal, &case.proof(Factor::Token)), RestoreProof::Passed);
    let short = case.home.service.portal_restore_password(&portal, &typed("too short"));
    assert_eq!(code_of(short), "password_rule");
    case.finish(&portal, lost).expect("sent");
    let issue = &case.open()[0];
    assert!(issue.issue.new_password.is_none(), "views never hold it");
    let to_new = |case: &Case| case.home.notices().iter().filter(|(to, _)| to == NEW_ADDRESS).count();
    assert_eq!(to_new(&case), 0, "nothing is written to the new address before approval");
    let before = case.home.sign_in_full("anna", &case.token);
    assert!(case.open().is_empty(), "signing in refuted it");
    case.ask("anna", lost, Some(Factor::Token));
    case.verify(1, &case.open()[0]).expect("verified");
    let ended = case.home.service.portal_home(&before);
    drop(ended);
    assert_eq!(to_new(&case), 1);
    let told = case.home.notices();
    let done = told.iter().find(|(to, text)| to == "anna@example.org" && text.contains("was approved"));
    assert!(done.expect("the old address is told").1.contains("a…@example.net"));
    let link = case.link_to(NEW_ADDRESS);
    // Too late.
    case.home.wait(86_400);
    assert_eq!(code_of(case.home.service.use_restore_link(&alias(), &link, &visit())), "link");
    assert_eq!(case.email().as_deref(), Some("anna@example.org"));

    let case = Case::new(has);
    case.ask("anna", lost, Some(Factor::Token));
    case.verify(1, &case.open()[0]).expect("verified");
    let link = case.link_to(NEW_ADDRESS);
    let seen = case.home.service.restore_link(&alias(), &link).expect("works");
    assert_eq!(seen, RestoreLink::Email { to: EmailAddress::parse(NEW_ADDRESS).expect("an address") });
    case.took_effect(lost, has, "approved");
    assert_eq!(code_of(case.home.service.use_restore_link(&alias(), &link, &visit())), "link", "once");
    let told: Vec<String> = case.home.notices().into_iter().take(2).map(|(to, _)| to).collect();
    assert!(told.contains(&"anna@example.org".to_owned()) && told.contains(&NEW_ADDRESS.to_owned()));
}

/// P45: who waits after too many tries with the forgotten password need not when the new one is in force.
#[test]
fn service_p45_failures_are_forgotten() {
    let case = Case::new(factors(false, true, true));
    case.ask("anna", factors(false, true, false), Some(Factor::Email));
    for _ in 0..6 {
        case.second("a wrong password");
    }
    assert!(matches!(case.second(PASSWORD), SecondPage::Blocked { .. }));
    case.verify(1, &case.open()[0]).expect("verified");
    assert!(matches!(case.second(NEW), SecondPage::Passed { .. }));
}

/// P46: all factors delete the request and the page says so; half a sign-in does not.
#[test]
fn service_p46_a_full_sign_in_deletes_the_request() {
    let case = Case::new(factors(true, true, true));
    let reference = case.ask("anna", factors(true, true, true), None);
    let owed = case.home.sign_in("anna");
    assert_eq!(owed.state(), PortalState::OtpOwed);
    assert_eq!(case.open().len(), 1, "half a sign-in deletes nothing");
    let wrong = case.token.wrong(case.home.step());
    case.home.service.portal_third(&owed, &wrong, &visit()).expect("answered");
    assert_eq!(case.open().len(), 1);
    let full = case.home.sign_in_full("anna", &case.token);
    assert!(matches!(case.issues()[0].issue.state, IssueState::DeletedBySignIn { .. }));
    let told = case.home.service.portal_deleted_issues(&full).expect("read");
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].reference, told[0].address.as_str()), (reference, super::fixture::ADDRESS));
    assert!(!told[0].only_email);
    // A waiting one, too; and the next sign-in says nothing any more.
    case.ask("anna", factors(true, true, true), None);
    let issue = &case.open()[0];
    case.verify(1, issue).expect("noted");
    case.verify(2, issue).expect("noted");
    case.home.sign_in_full("anna", &case.token);
    assert!(case.open().is_empty());
    case.home.wait(86_401);
    case.home.service.sweep().expect("swept");
    case.untouched(factors(true, true, true), "deleted");
    let later = case.home.sign_in_full("anna", &case.token);
    assert!(case.home.service.portal_deleted_issues(&later).expect("read").is_empty());
}

/// P46: who lost the mail address alone is offered to change it, or asks again from there.
#[test]
fn service_p46_only_the_mail_address() {
    let case = Case::new(factors(true, true, true));
    case.home.offer(&[PortalAction::ChangeEmail]);
    let lost = factors(false, false, true);
    case.ask("anna", lost, Some(Factor::Password));
    let full = case.home.sign_in_full("anna", &case.token);
    let told = case.home.service.portal_deleted_issues(&full).expect("read");
    assert!(told[0].only_email && told[0].can_change_email);
    case.lost(&full, lost);
    case.finish(&full, lost).expect("sent");
    let claims = case.open()[0].issue.claims;
    assert_eq!(claims, Factors { token: Claim::Proved, password: Claim::Proved, email: Claim::Lost });
    case.verify(1, &case.open()[0]).expect("verified");
    case.took_effect(lost, factors(true, true, true), "asked again");
}

/// P46: elsewhere a sign-in deletes what calls lost what was just used; an integration's sign-in counts.
#[test]
fn service_p46_elsewhere_and_by_an_integration() {
    for (lost, stays) in [(factors(true, false, false), true), (factors(false, true, false), false)] {
        let case = Case::new(factors(true, true, true));
        case.home.service.add_resource(&admin(), &resource("Mail")).expect("made");
        let also = AssignRequest { kind: AssignmentKind::User, user: Some(login("anna")), token: None };
        case.home.service.assign(&admin(), &resource("Mail"), &also).expect("assigned");
        let proof = if lost.token { Factor::Password } else { Factor::Token };
        case.ask("anna", lost, Some(proof));
        let (anna, password): (Login, _) = (login("anna"), typed(PASSWORD));
        let ask = AuthRequest { user: &anna, password: Some(&password), otp: None, address: None };
        let answer = case.home.service.authenticate(&admin(), &resource("Mail"), &ask).expect("answered");
        assert_eq!(answer, AuthResult::Accepted);
        assert_eq!(case.open().len(), usize::from(stays), "{lost:?}");
        case.home.wait(30);
        let otp = case.token.at(case.home.step());
        let ask = AuthRequest { user: &anna, password: Some(&password), otp: Some(&otp), address: None };
        let answer = case.home.service.authenticate(&admin(), &resource("VPN"), &ask).expect("answered");
        assert_eq!(answer, AuthResult::Accepted);
        assert!(case.open().is_empty(), "{lost:?}");
    }
}

/// What became of the user meanwhile: gone from the resource, deleted, another token.
#[test]
fn service_restore_when_something_changed_meanwhile() {
    let case = Case::new(factors(true, true, true));
    case.ask("anna", factors(true, false, false), Some(Factor::Password));
    // Taken back by now: it is nobody's here, and nothing is switched off.
    case.home.service.unassign_token(&admin(), &case.token.serial, None).expect("taken");
    let issue = &case.open()[0];
    assert_eq!(case.verify(1, issue).expect("verified"), IssueVerdict::Approved);
    assert_eq!(case.disabled(), None);
    assert_eq!(case.home.sign_in("anna").state(), PortalState::Full);

    // Off the resource: nothing to restore.
    let case = Case::new(factors(false, true, true));
    case.ask("anna", factors(false, true, false), Some(Factor::Email));
    let places =
        case.home.service.assignments(&admin(), &resource("VPN"), None, Page::first(9)).expect("listed");
    let place = places.items.iter().find(|place| place.user.is_some()).expect("anna's").assignment.id;
    case.home.service.unassign(&admin(), &resource("VPN"), place).expect("taken off");
    assert_eq!(code_of(case.verify(1, &case.open()[0])), "user_not_assigned");

    let case = Case::new(factors(false, true, false));
    case.ask("anna", factors(true, true, true), None);
    case.home.service.delete_user(&admin(), &login("anna")).expect("deleted");
    assert!(case.issues().is_empty(), "requests go with their user");
    case.home.wait(31 * 86_400);
    case.home.service.sweep().expect("swept");
}
