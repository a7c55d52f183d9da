//! P52: those who have not confirmed are reminded on demand, once a day, with words that say what to do.

use mintmark::model::{AssignmentKind, MailKind, PortalAction, Role};
use mintmark::service::{AssignRequest, ServiceError};

use super::fixture::{Home, StandIn, admin, login, many, resource, serial};
use super::notification::hired;

const URL: &str = "https://otp.example.org";

fn reminders(home: &Home) -> Vec<(String, String)> {
    let mails = home.service.outbox(&admin(), 500).expect("a demonstration");
    let kind = |mail: &&mintmark::service::OpenMail| mail.mail.kind == MailKind::Reminder;
    mails.iter().filter(kind).map(|open| (open.mail.to.as_str().to_owned(), open.text.to_string())).collect()
}

/// Two free tokens on *VPN*; anna and otto may confirm one, paul has no address, vera has her pair.
fn filled() -> Home {
    let home = Home::new();
    home.add_vpn();
    home.import("B", &many("A", 2).iter().collect::<Vec<_>>());
    home.assign_batch("B");
    home.import("C", &[&StandIn::totp("V-1")]);
    for name in ["anna", "otto", "vera"] {
        home.add_mail_user(name);
    }
    home.add_user("paul");
    let pair = AssignRequest {
        kind: AssignmentKind::TokenWithUser,
        user: Some(login("vera")),
        token: Some(serial("V-1")),
    };
    home.service.assign(&admin(), &resource("VPN"), &pair).expect("assigned");
    home
}

#[test]
fn those_who_wait_are_reminded_once_a_day() {
    let home = filled();
    let seen = home.service.reminders(&admin(), &resource("VPN")).expect("read");
    assert_eq!((seen.people, seen.reminded_today, seen.unreachable), (2, 0, 1), "{seen:?}");
    assert_eq!(seen.without_address, ["paul"]);
    let sent = home.service.remind(&admin(), &resource("VPN"), URL).expect("reminded");
    assert_eq!((sent.people, sent.unreachable), (2, 1));
    let mails = reminders(&home);
    assert_eq!(mails.len(), 2);
    for (to, text) in &mails {
        assert!(["anna@example.org", "otto@example.org"].contains(&to.as_str()), "{to}");
        assert!(text.contains("https://otp.example.org/selfservice/vpn"), "{text}");
        assert!(text.contains("Existing Token Registration"), "{text}");
    }
    home.wait(86_000);
    let again = home.service.remind(&admin(), &resource("VPN"), URL).expect("answered");
    assert_eq!((again.people, again.reminded_today), (0, 2));
    assert_eq!(reminders(&home).len(), 2, "one a person and day");
    home.wait(401);
    assert_eq!(home.service.remind(&admin(), &resource("VPN"), URL).expect("reminded").people, 2);
}

/// A token that was handed to somebody by name reminds that person and no others.
#[test]
fn a_token_with_a_holder_reminds_its_holder() {
    let home = Home::new();
    home.add_vpn();
    home.import("B", &[&StandIn::totp("T-1")]);
    home.assign_batch("B");
    home.add_mail_user("anna");
    home.add_mail_user("otto");
    home.service
        .set_custody(&admin(), &serial("T-1"), "handed_out", Some(&login("anna")), "")
        .expect("handed out");
    home.service.remind(&admin(), &resource("VPN"), URL).expect("reminded");
    let to: Vec<_> = reminders(&home).into_iter().map(|(to, _)| to).collect();
    assert_eq!(to, ["anna@example.org"]);
}

/// Nobody is asked to do what cannot be done.
#[test]
fn a_portal_that_offers_no_confirmation_reminds_nobody() {
    let home = filled();
    home.offer(&[PortalAction::ChangePassword]);
    let refused = home.service.remind(&admin(), &resource("VPN"), URL);
    assert!(matches!(refused, Err(ServiceError::State { code: "confirm_not_offered", .. })), "{refused:?}");
    assert_eq!(reminders(&home).len(), 0);
    assert!(home.service.reminders(&admin(), &resource("VPN")).expect("read").obstacle.is_some());
}

/// What is not in scope is not there.
#[test]
fn a_resource_of_others_is_not_there() {
    let home = filled();
    home.service.add_resource(&admin(), &resource("Mail")).expect("made");
    let mia = hired(&home, "mia", Role::Station, Some(&["Mail"]));
    for answer in
        [home.service.remind(&mia, &resource("VPN"), URL), home.service.reminders(&mia, &resource("VPN"))]
    {
        assert!(matches!(answer, Err(ServiceError::NotFound { .. })), "{answer:?}");
    }
}
