//! Law 7: everything that changes is in the audit log.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use mintmark::model::{
    AssignmentKind, BatchPart, BrowserSays, ChallengePurpose, EmailAddress, EnvironmentPolicy, Factors,
    Language, NewsKind, PhoneNumber, PinPlacement, PortalAction, Role, Subject, TokenType, Visit,
};
use mintmark::secret::Pin;
use mintmark::service::{
    AssignRequest, Attested, AuthRequest, ConfirmRequest, EmailResult, EmergencyRequest, IdentifyRequest,
    ImportRequest, KeypadInputs, KeypadPage, LookPatch, NewToken, NewUser, PortalSession, PortalSettings,
    RestoreTyped, ResyncRequest, SecondPage, TokenPatch, UserImportRequest, UserPatch, Wanted,
};
use mintmark::store::Page;

use super::fixture::{
    Home, PASSWORD, StandIn, admin, alias, batch, login, many, operator, request, resource, serial, typed,
    verifier, visit,
};
use super::notification::{by_mail, by_webhook, hired};
use super::ocra::{Keypad, PLAIN};
use super::pin::glued;
use super::programming::{counters, holds, typed as by_hand};
use super::register::software;

/// Methods that only look.
const READING: &[&str] = &[
    "recent_work",
    "api_keys",
    "assignments",
    "audit",
    "batch",
    "batches",
    "clock_doubt",
    "clock_here",
    "clock_settable",
    "clock_fault",
    "devices_in_doubt",
    "is_still_allowed",
    "item_to_redo",
    "item_to_wipe",
    "journalled",
    "planned_item",
    "programming_run",
    "programming_runs",
    "run_item",
    "run_items",
    "custody_counts",
    "due_mails",
    "filler",
    "fleet_clocks",
    "has_no_operator",
    "import",
    "import_lines",
    "imports",
    "job",
    "key_actor",
    "look",
    "mail_mode",
    "notifications",
    "mail_token",
    "meta",
    "now",
    "open_portal",
    "operators",
    "open_user_issues",
    "outbox",
    "portal_deleted_issues",
    "portal_drafted",
    "portal_environments",
    "portal_home",
    "portal_look",
    "portal_sign_ins",
    "portal_password_chars",
    "portal_preview",
    "portal_proof",
    "portal_restore_proved",
    "portal_token_types",
    "portal_unread_codes",
    "reminders",
    "require_fresh",
    "resource",
    "resources",
    "restore_link",
    "search",
    "sees_readers",
    "tokens_in_range",
    "subject_named",
    "token",
    "token_history",
    "tokens",
    "tokens_of_user",
    "resource_counts",
    "unusual_code",
    "unconfirmed",
    "user",
    "user_issue",
    "user_issues",
    "user_list_text",
    "users",
];

/// Methods that change something that nobody needs to answer for, with the reason.
const EXEMPT: &[(&str, &str)] = &[
    ("begin_import", "an empty staged batch and a job; the file is audited by `run_import`"),
    ("close", "ends writing"),
    ("mail_tried", "how sending a mail went; what caused the mail is audited"),
    ("due_posts", "removes what waits for a notification that was removed, which is audited"),
    ("on_mail", "a callback in memory"),
    ("operator_session", "when a session was last seen"),
    ("portal_restore_again", "what was typed lies in the session until it is sent"),
    ("portal_restore_email", "what was typed lies in the session until it is sent"),
    ("portal_restore_password", "what was typed lies in the session until it is sent"),
    ("post_tried", "how sending went; giving up is audited, and what caused it, too"),
    ("watch", "notes that somebody was told of what lasts"),
    ("portal_session", "when a session was last seen"),
    ("set_public_url", "a text in memory"),
];

/// Public methods of the service that take `&self`, read from its source.
fn methods() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut dirs = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/service")];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                dirs.push(path);
                continue;
            }
            let source = syn::parse_file(&std::fs::read_to_string(&path).expect("readable")).expect("Rust");
            for item in source.items {
                let syn::Item::Impl(block) = item else { continue };
                let syn::Type::Path(of) = &*block.self_ty else { continue };
                if block.trait_.is_some() || !of.path.is_ident("Service") {
                    continue;
                }
                for item in block.items {
                    if let syn::ImplItem::Fn(method) = item
                        && matches!(method.vis, syn::Visibility::Public(_))
                        && method.sig.receiver().is_some()
                    {
                        found.insert(method.sig.ident.to_string());
                    }
                }
            }
        }
    }
    found
}

struct Table {
    home: Home,
    seen: BTreeSet<String>,
}

impl Table {
    fn newest(&self) -> u64 {
        self.home.service.audit(&admin(), None, Page::first(1)).expect("read").items[0].n
    }

    /// Runs a method and looks for its record.
    fn row<T>(&mut self, method: &str, action: &str, run: impl FnOnce(&Home) -> T) -> T {
        let before = self.newest();
        let value = run(&self.home);
        let records = self.home.service.audit(&admin(), None, Page::first(20)).expect("read").items;
        let new: Vec<_> = records.iter().filter(|r| r.n > before).map(|r| r.action).collect();
        assert!(new.contains(&action), "{method} should leave {action}, left {new:?}");
        self.seen.insert(method.to_owned());
        value
    }
}

/// Begins an app's token; gives a stand-in for the app.
fn begun(home: &Home, portal: &PortalSession, replace: bool) -> StandIn {
    home.service.portal_draft(portal, &software(), replace, &visit()).expect("begun");
    let view = home.service.portal_drafted(portal).expect("read").expect("there");
    let shown = view.shown.expect("made here");
    let secret = data_encoding::BASE32_NOPAD.decode(shown.base32.as_bytes()).expect("base32");
    StandIn::with_secret(view.draft.serial.display(), false, secret)
}

/// What operators choose to hear of.
fn notifications(table: &mut Table) {
    let nora = hired(&table.home, "nora", Role::Admin, None);
    let id = table.row("subscribe", "notifications_changed", |h| {
        h.service.subscribe(&nora, by_webhook(NewsKind::LockedUser)).expect("subscribed").view.id
    });
    table.row("try_notification", "notification_tried", |h| {
        h.service.try_notification(&nora, id).expect("sent");
    });
    table.row("unsubscribe", "notifications_changed", |h| h.service.unsubscribe(&nora, id).expect("removed"));
    table.row("set_notifications", "notifications_changed", |h| {
        let wanted = vec![Wanted::New(by_mail(NewsKind::ClockFault, "nora"))];
        h.service.set_notifications(&nora, wanted).expect("set");
    });
}

/// Those who have not confirmed are reminded.
fn reminding(table: &mut Table) {
    table.home.import("waiting", &[&StandIn::totp("WAIT-1")]);
    table.home.assign_batch("waiting");
    table.home.add_mail_user("wilma");
    table.home.offer(&[PortalAction::RegisterExistingToken]);
    table.row("remind", "users_reminded", |h| {
        h.service.remind(&admin(), &resource("VPN"), "https://otp.example.org").expect("reminded");
    });
}

/// What a user does with a token of one's own.
fn own_token(table: &mut Table) {
    table.home.add_user("nina");
    let nina = table.home.sign_in("nina");
    table.row("portal_draft", "registration", |h| drop(begun(h, &nina, false)));
    table.row("portal_drop_draft", "registration", |h| {
        h.service.portal_drop_draft(&nina, &visit()).expect("dropped");
    });
    let app = begun(&table.home, &nina, false);
    table.row("portal_finish", "registration", |h| {
        h.service.portal_finish(&nina, &[app.wrong(h.step())], &visit()).expect("answered")
    });
    table.row("portal_finish", "registration", |h| {
        h.service.portal_finish(&nina, &[app.at(h.step())], &visit()).expect("answered")
    });
    let set = |h: &Home, portal: &PortalSession| {
        let pin = mintmark::secret::Pin::new(b"2580".to_vec());
        h.service.portal_set_pin(portal, &pin, PinPlacement::After, &visit()).expect("set");
    };
    table.row("portal_set_pin", "pin_set", |h| set(h, &nina));
    table.home.wait(30);
    let nina = table.home.prove(&nina, &glued("", &app.at(table.home.step()), "2580"));
    table.row("portal_remove_pin", "pin_removed", |h| {
        h.service.portal_remove_pin(&nina, &visit()).expect("removed");
    });
    set(&table.home, &nina);
    table.row("remove_pin", "pin_removed", |h| {
        h.service.remove_pin(&admin(), &app.serial, "at the desk").expect("removed");
    });
    let next = begun(&table.home, &nina, true);
    table.row("portal_finish", "token_replaced", |h| {
        h.service.portal_finish(&nina, &[next.at(h.step())], &visit()).expect("answered")
    });
    table.home.wait(30);
    let nina = table.home.prove(&nina, &next.at(table.home.step()));
    table.row("portal_reassign", "confirmation", |h| {
        h.service.portal_reassign(&nina, &next.serial, &next.from(9, 2), &visit()).expect("answered")
    });
    table.row("portal_unassign", "unassigned", |h| {
        h.service.portal_unassign(&nina, &visit()).expect("given back");
    });
}

/// Devices on readers.
fn programming(table: &mut Table) {
    let run = table.row("start_run", "run_started", |h| h.start(counters("slots", 9)));
    let item = table.row("journal", "device_journalled", |h| h.put_in(&run, "31").expect("taken"));
    table.row("item_written", "device_written", |h| {
        h.service.item_written(&admin(), item.id, "").expect("noted");
    });
    let proof = by_hand(holds(&item).at(0));
    table.row("prove_item", "device_programmed", |h| {
        h.service.prove_item(&admin(), item.id, &proof).expect("proved");
    });
    table.row("take_back_item", "device_resolved", |h| {
        h.service.take_back_item(&admin(), item.id).expect("taken back");
    });
    table.row("wiped_item", "device_resolved", |h| {
        h.service.wiped_item(&admin(), item.id).expect("wiped");
    });
    let item = table.home.put_in(&run, "32").expect("taken");
    table.row("item_in_doubt", "device_in_doubt", |h| {
        h.service.item_in_doubt(&admin(), item.id, "no_answer", "").expect("noted");
    });
    table.row("item_wants_code", "device_in_doubt", |h| {
        h.service.item_wants_code(&admin(), item.id, "").expect("noted");
    });
    table.row("quarantine_item", "device_resolved", |h| {
        h.service.quarantine_item(&admin(), item.id).expect("set aside");
    });
    table.row("destroyed_item", "device_resolved", |h| {
        h.service.destroyed_item(&admin(), item.id).expect("noted");
    });
    table.home.import("clocked", &[&StandIn::totp("TC-1")]);
    let cleared = table.row("clear_clock", "token_clock_set", |h| {
        h.service.clear_clock(&admin(), "TC-1", 0, "").expect("may be set")
    });
    table.row("clock_not_set", "token_clock_set", |h| {
        h.service.clock_not_set(&admin(), &cleared, "clock_not_set", "taken away").expect("noted");
    });
    let left = table.home.put_in(&run, "34").expect("taken");
    table.row("abandon", "device_in_doubt", |h| {
        h.service.abandon(&left.device, "Reader 1").expect("noted");
    });
    let item = table.home.put_in(&run, "33").expect("taken");
    table.row("item_untouched", "device_untouched", |h| {
        h.service.item_untouched(&admin(), item.id, "refused", "").expect("noted");
    });
    let attested = Attested {
        device: "31".into(),
        verdict: "proved_now",
        is_genuine: true,
        generate_in: Some("95".into()),
    };
    table.row("device_attested", "device_attested", |h| {
        h.service.device_attested(&admin(), &attested).expect("noted");
    });
    table.row("end_run", "run_ended", |h| {
        h.service.end_run(&admin(), run.id).expect("ended");
    });
}

/// A token whose codes are mailed.
fn mail_tokens(table: &mut Table) {
    let types = Some(vec![TokenType::Mail]);
    let settings = PortalSettings { token_types: types, ..PortalSettings::default() };
    table.home.service.set_portal(&admin(), &resource("VPN"), &settings).expect("set");
    table.home.add_user("mona");
    table.home.give_address("mona");
    let mona = table.home.sign_in("mona");
    let new = NewToken { token_type: TokenType::Mail, ..software() };
    table.row("portal_draft", "code_mailed", |h| {
        h.service.portal_draft(&mona, &new, false, &visit()).expect("begun");
    });
    table.row("portal_mail_draft", "code_mailed", |h| {
        assert!(h.service.portal_mail_draft(&mona, &visit()).expect("mailed"));
    });
    let code = mintmark::oath::Otp::parse(&table.home.newest_code()).expect("digits");
    table.home.service.portal_finish(&mona, &[code], &visit()).expect("made");
    table.home.wait(901);
    let owed = table.home.sign_in("mona");
    table.row("issue_emergency_code", "emergency_code", |h| {
        let request = EmergencyRequest { note: "at the desk", hours: 1, once: true, token_lost: false };
        h.service.issue_emergency_code(&admin(), &login("mona"), &request).expect("issued");
    });
    table.row("revoke_emergency_code", "emergency_code", |h| {
        h.service.revoke_emergency_code(&admin(), &login("mona")).expect("taken back");
    });
    table.row("mail_token_code", "code_mailed", |h| {
        assert!(h.service.mail_token_code(&owed, &visit()).expect("mailed"));
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of all methods")]
fn service_law7_every_change_is_in_the_log() {
    let mut table = Table { home: Home::new(), seen: BTreeSet::new() };
    let vpn = || resource("VPN");
    let anna = || login("anna");
    table
        .row("add_resource", "resource_created", |h| h.service.add_resource(&admin(), &vpn()).expect("made"));
    table.row("set_portal", "portal_changed", |h| {
        let settings = PortalSettings {
            alias: Some(alias()),
            actions: Some(mintmark::service::OFFERED.to_vec()),
            token_types: Some(vec![TokenType::Hardware, TokenType::Software, TokenType::Universal]),
            ..PortalSettings::default()
        };
        h.service.set_portal(&admin(), &vpn(), &settings).expect("set")
    });
    table.row("change_resource", "resource_changed", |h| {
        h.service.change_resource(&admin(), &vpn(), None, Some(7)).expect("changed");
    });
    table.row("add_user", "user_created", |h| h.add_user("anna"));
    table.row("change_user", "user_changed", |h| {
        let patch = UserPatch { first_name: Some("Anna".into()), ..UserPatch::default() };
        h.service.change_user(&admin(), &anna(), patch).expect("changed");
    });

    table.row("import_users", "user_created", |h| {
        let request =
            UserImportRequest { bytes: b"listed".to_vec(), commit: true, ..UserImportRequest::default() };
        h.service.import_users(&admin(), &request).expect("committed")
    });

    let tokens = many("A", 6);
    let text: String = tokens.iter().map(StandIn::line).collect();
    let task = table.home.service.begin_import(&admin(), request(&text, "spring")).expect("begun");
    table.row("run_import", "import_planned", |h| h.service.run_import(&task));
    table.row("commit_import", "import_committed", |h| {
        h.service.commit_import(&admin(), task.import, None, None).expect("committed")
    });
    let extra = table.home.plan(ImportRequest { commit: true, ..request(&StandIn::totp("X").line(), "x") });
    table.row("drop_import", "import_undone", |h| {
        h.service.drop_import(&admin(), extra.import.id).expect("undone");
    });
    let plan = table.home.plan(request(&StandIn::totp("X").line(), "x"));
    table.row("drop_import", "import_dropped", |h| {
        h.service.drop_import(&admin(), plan.import.id).expect("dropped");
    });
    let broken = table.home.service.begin_import(&admin(), request("nothing of use", "y")).expect("begun");
    table.row("run_import", "import_dropped", |h| h.service.run_import(&broken));
    table.home.plan(request(&StandIn::totp("X").line(), "x"));
    table.home.wait(25 * 3_600);
    table.row("sweep", "import_dropped", |h| h.service.sweep().expect("swept"));

    let spring = batch("spring");
    table.row("assign_batch", "batch_assigned", |h| {
        h.service.assign_batch(&admin(), &spring, &vpn(), BatchPart::Whole).expect("assigned")
    });
    table.row("unassign_batch", "batch_unassigned", |h| {
        h.service.unassign_batch(&admin(), &spring, &vpn(), BatchPart::Whole).expect("taken off")
    });
    table.home.assign_batch("spring");
    table.row("set_custody", "custody_changed", |h| {
        h.service.set_custody(&admin(), &tokens[0].serial, "handed_out", Some(&anna()), "").expect("moved");
    });
    table.row("set_token_note", "token_changed", |h| {
        h.service.set_token_note(&admin(), &tokens[0].serial, "scratched").expect("noted");
    });
    table.row("edit_token", "token_changed", |h| {
        let patch = TokenPatch { enabled: Some(true), note: Some("found".into()), ..TokenPatch::default() };
        h.service.edit_token(&admin(), &tokens[0].serial, &patch).expect("edited");
    });
    table.row("set_token_enabled", "token_changed", |h| {
        h.service.set_token_enabled(&admin(), &tokens[5].serial, false).expect("disabled");
    });
    table.row("unassign_token", "unassigned", |h| {
        h.service.unassign_token(&admin(), &tokens[4].serial, None).expect("taken off");
    });
    let bert = NewUser { login: "bert".into(), ..NewUser::default() };
    table.home.service.add_user(&admin(), bert).expect("made");
    let single = AssignRequest { kind: AssignmentKind::User, user: Some(login("bert")), token: None };
    let id =
        table.row("assign", "assigned", |h| h.service.assign(&admin(), &vpn(), &single).expect("assigned"));
    table.row("unassign", "unassigned", |h| h.service.unassign(&admin(), &vpn(), id).expect("taken away"));

    // The portal.
    let cookie = table.home.service.portal_begin(&alias(), &anna(), &visit()).expect("begun");
    let first = table.home.session(&cookie);
    table.row("portal_second", "sign_in", |h| {
        h.service.portal_second(&first, &typed("wrong"), &visit()).expect("answered")
    });
    let passed = table.row("portal_second", "sign_in", |h| {
        h.service.portal_second(&first, &typed(PASSWORD), &visit()).expect("answered")
    });
    let SecondPage::Passed { cookie, .. } = passed else { panic!("{passed:?}") };
    let portal = table.home.session(&cookie);
    table.row("portal_name_environment", "environment_changed", |h| {
        h.service.portal_name_environment(&portal, 1, "here", &visit()).expect("named");
    });
    table.row("portal_trust_environment", "environment_changed", |h| {
        h.service.portal_trust_environment(&portal, 1, true, &visit()).expect("trusted");
    });
    table.row("portal_forget_environment", "environment_changed", |h| {
        h.service.portal_forget_environment(&portal, 1, &visit()).expect("forgotten");
    });
    let step = table.home.step();
    let wrong = [tokens[0].wrong(step), tokens[0].at(9)];
    table.row("portal_confirm", "confirmation", |h| {
        h.service.portal_confirm(&portal, &tokens[0].serial, &wrong, &visit()).expect("answered")
    });
    table.row("portal_confirm_unread", "confirmation", |h| {
        h.service.portal_confirm_unread(&portal, false, &wrong, &visit()).expect("answered")
    });
    table.row("portal_confirm", "confirmation", |h| {
        let codes = tokens[0].from(step - 1, 2);
        h.service.portal_confirm(&portal, &tokens[0].serial, &codes, &visit()).expect("answered")
    });
    table.row("confirm", "confirmation", |h| {
        let (vpn, user, codes) = (vpn(), login("carl"), tokens[1].from(step - 1, 2));
        h.add_user("carl");
        let request = ConfirmRequest { resource: &vpn, user: &user, serial: &tokens[1].serial, otps: &codes };
        h.service.confirm(&admin(), &request).expect("answered")
    });
    let carl = AssignRequest { kind: AssignmentKind::User, user: Some(login("dora")), token: None };
    table
        .home
        .service
        .add_user(&admin(), NewUser { login: "dora".into(), ..NewUser::default() })
        .expect("made");
    table.home.service.assign(&admin(), &vpn(), &carl).expect("assigned");
    table.row("portal_synchronize", "resynced", |h| {
        h.service.portal_synchronize(&portal, &wrong, &visit()).expect("answered")
    });
    table.row("portal_synchronize_advised", "diagnosed", |h| {
        h.service.portal_synchronize_advised(&portal, &wrong, &visit()).expect("answered")
    });
    table.home.wait(30);
    table.row("portal_prove_code", "proved", |h| {
        h.service.portal_prove_code(&portal, None, &tokens[0].wrong(h.step()), &visit()).expect("answered")
    });
    table.home.add_user("nell");
    let nell = table.home.sign_in("nell");
    table.row("portal_change_login", "user_changed", |h| {
        h.service.portal_change_login(&nell, &login("nelly"), &visit()).expect("changed");
    });
    table.row("portal_change_name", "user_changed", |h| {
        h.service.portal_change_name(&nell, "Nell", "Nye", &visit()).expect("changed");
    });
    table.row("portal_change_phone", "user_changed", |h| {
        let phone = PhoneNumber::parse("+4930123456").expect("a number");
        h.service.portal_change_phone(&nell, Some(&phone), &visit()).expect("changed");
    });
    table.row("portal_set_language", "user_changed", |h| {
        h.service.portal_set_language(&nell, Language::English, &visit()).expect("chosen");
    });
    table.row("portal_change_password", "user_changed", |h| {
        let new = typed("vier Quitten im Netz");
        h.service.portal_change_password(&nell, &typed(PASSWORD), &new, &visit()).expect("answered");
    });
    table.row("portal_change_email", "code_mailed", |h| {
        let to = EmailAddress::parse("nell@example.org").expect("an address");
        h.service.portal_change_email(&nell, &to, &visit()).expect("mailed");
    });
    table.row("portal_prove_email", "user_changed", |h| {
        let code = typed(&h.newest_code());
        let changed = h.service.portal_prove_email(&nell, &code, &visit()).expect("answered");
        assert_eq!(changed, EmailResult::Changed);
    });
    table.row("portal_prove_secret", "proved", |h| {
        h.service.portal_prove_secret(&nell, &typed("wrong"), &visit()).expect("answered")
    });
    table.row("sign_out", "sign_out", |h| h.service.sign_out(&cookie).expect("out"));
    let owed = table.home.sign_in("anna");
    table.row("portal_third", "sign_in", |h| {
        h.service.portal_third(&owed, &tokens[0].wrong(step), &visit()).expect("answered")
    });
    table.home.wait(60);
    let owed = table.home.sign_in("anna");
    table.row("portal_third_synchronize", "sign_in", |h| {
        let codes = tokens[0].from(h.step() - 1, 2);
        let (outcome, cookie) =
            h.service.portal_third_synchronize(&owed, &codes, &visit()).expect("answered");
        assert!(cookie.is_some(), "{outcome:?}");
    });
    own_token(&mut table);
    table.home.add_mail_user("mary");
    table.row("portal_begin", "code_mailed", |h| drop(h.begin("mary")));
    let mary = table.home.sign_in_by_mail("mary");
    table.row("mail_proof", "code_mailed", |h| h.service.mail_proof(&mary, &visit()).expect("mailed"));
    table.row("portal_create_password", "user_changed", |h| {
        h.service.portal_create_password(&mary, &typed("vier Quitten im Netz"), &visit()).expect("created");
    });

    ask_unusual(&mut table);
    restore_access(&mut table);

    // Codes.
    table.row("check", "otp_checked", |h| {
        h.service.check(&operator(1), &tokens[2].serial, &tokens[2].wrong(h.step())).expect("answered")
    });
    table.row("check_later", "otp_checked", |h| {
        let (tell, told) = std::sync::mpsc::channel();
        let wrong = tokens[2].wrong(h.step());
        h.service.check_later(&verifier(), &tokens[2].serial, &wrong, move |answer| {
            tell.send(answer).expect("waited for");
        });
        told.recv().expect("told").expect("answered")
    });
    let mut keypad = Keypad::new("KEYPAD", PLAIN);
    let format = Some("oath_csv".to_owned());
    table.home.plan(ImportRequest { commit: true, format, ..request(&keypad.line(), "keypads") });
    let mut ask = |table: &mut Table, purpose| {
        let asked = table.row("issue_challenge", "challenge_issued", |h| {
            h.service.issue_challenge(&operator(1), &keypad.serial, purpose).expect("made").text
        });
        let otp = keypad.answer(&table.home, &asked);
        (asked, otp)
    };
    let (asked, otp) = ask(&mut table, ChallengePurpose::Check);
    table.row("issue_challenge_for", "challenge_issued", |h| {
        h.service
            .issue_challenge_for(&operator(1), &keypad.serial, ChallengePurpose::Check, None)
            .expect("made")
    });
    table.row("issue_challenges", "challenge_issued", |h| {
        let keypad = serial("KEYPAD");
        h.service.issue_challenges(&operator(1), &keypad, ChallengePurpose::Desk, 2).expect("made");
    });
    let keypad = serial("KEYPAD");
    table.row("check_response", "otp_checked", |h| {
        h.service.check_response(&operator(1), &keypad, Some(&asked), &otp).expect("answered")
    });
    let asked =
        table.home.service.issue_challenges(&operator(1), &keypad, ChallengePurpose::Synchronization, 2);
    let asked: Vec<String> = asked.expect("made").into_iter().map(|one| one.text).collect();
    let otps = tokens[2].from(0, 2);
    table.row("resync_as", "resynced", |h| {
        let request = ResyncRequest { challenges: &asked, ..ResyncRequest::new(&keypad, &otps) };
        h.service.resync_as(&operator(1), &request).expect("answered")
    });
    table.row("resync_explained", "diagnosed", |h| {
        let strange = StandIn::totp("NOT-HERE").from(h.step(), 2);
        h.service
            .resync_explained(&operator(1), &ResyncRequest::new(&tokens[2].serial, &strange))
            .expect("answered")
    });
    let asked = table.home.service.issue_challenges(&operator(1), &keypad, ChallengePurpose::Confirmation, 2);
    let asked: Vec<String> = asked.expect("made").into_iter().map(|one| one.text).collect();
    table.row("confirm_responses", "confirmation", |h| {
        let (vpn, user) = (vpn(), login("keira"));
        h.add_user("keira");
        let request = ConfirmRequest { resource: &vpn, user: &user, serial: &keypad, otps: &otps };
        h.service.confirm_responses(&admin(), &request, &asked).expect("answered")
    });
    table.row("confirm_explained", "confirmation", |h| {
        let (vpn, user) = (vpn(), login("keira"));
        let request = ConfirmRequest { resource: &vpn, user: &user, serial: &keypad, otps: &otps };
        h.service.confirm_explained(&admin(), &request, &asked).expect("answered")
    });
    table.row("authenticate_response", "authenticated", |h| {
        let (nobody, password) = (login("nobody"), typed("wrong"));
        let request = AuthRequest { user: &nobody, password: Some(&password), otp: None, address: None };
        let keypad = KeypadInputs { challenge: Some("12345678"), session: None };
        h.service.authenticate_response(&admin(), &vpn(), &request, &keypad).expect("answered")
    });
    let mut with_pin = Keypad::new("KEYPAD-P", "OCRA-1:HOTP-SHA1-6:QN08-PSHA1");
    with_pin.pin = Some("1234");
    let format = Some("oath_csv".to_owned());
    table.home.plan(ImportRequest { commit: true, format, ..request(&with_pin.line(), "with a PIN") });
    table.row("set_response_pin", "pin_set", |h| {
        let pin = Pin::new(b"1234".to_vec());
        h.service.set_response_pin(&admin(), &with_pin.serial, &pin).expect("set");
    });
    table.row("portal_challenges", "challenge_issued", |h| {
        h.add_user("keith");
        let portal = h.sign_in("keith");
        h.service.portal_challenges(&portal, KeypadPage::Confirmation, 1).expect("shown")
    });
    table.row("authenticate", "authenticated", |h| {
        let (anna, password) = (login("nobody"), typed("wrong"));
        let request = AuthRequest { user: &anna, password: Some(&password), otp: None, address: None };
        h.service.authenticate(&admin(), &vpn(), &request).expect("answered")
    });
    table.row("resync", "resynced", |h| {
        h.service
            .resync(&operator(1), &tokens[2].serial, &tokens[2].from(h.step() - 1, 2), None, None)
            .expect("found")
    });
    table.row("identify", "identified", |h| {
        let otps = tokens[2].from(h.step() - 1, 2);
        let request = IdentifyRequest { otps, batch: None, resource: None, window: None };
        h.service.identify(&operator(1), &request, &AtomicBool::new(false)).expect("answered")
    });
    table.row("unblock_token", "token_unblocked", |h| {
        h.service.unblock_token(&operator(1), &tokens[2].serial).expect("unblocked");
    });
    table.row("unblock_user", "user_unblocked", |h| {
        h.service.unblock_user(&admin(), &anna()).expect("unblocked");
    });
    table.row("delete_token", "token_deleted", |h| {
        h.service.delete_token(&admin(), &tokens[5].serial).expect("deleted");
    });
    table.row("delete_user", "user_deleted", |h| {
        h.service.delete_user(&admin(), &login("bert")).expect("deleted");
    });

    // People and keys.
    let head = login("head");
    table.row("add_operator", "operator_created", |h| {
        h.service
            .add_operator(&admin(), &head, &typed("vier Pflaumen im Glas"), Role::Helpdesk, None)
            .expect("made");
    });
    table.row("set_operator_password", "operator_changed", |h| {
        h.service.set_operator_password(&admin(), &head, &typed("drei Nuesse im Sack")).expect("changed");
    });
    table.row("unblock_operator", "operator_changed", |h| {
        h.service.unblock_operator(&admin(), &head).expect("unblocked");
    });
    table.row("operator_sign_in", "sign_in", |h| {
        h.service
            .operator_sign_in(&head, &typed("drei Nuesse im Sack"), &visit())
            .expect("answered")
            .expect("in")
    });
    for _ in 0..2 {
        // A name is free again when its key was revoked.
        table.row("add_api_key", "api_key_created", |h| {
            h.service.add_api_key(&admin(), "gateway", Role::Verifier, None).expect("made")
        });
        table.row("revoke_api_key", "api_key_revoked", |h| {
            h.service.revoke_api_key(&admin(), "gateway").expect("revoked");
        });
    }
    table.row("verify_audit", "audit_verified", |h| {
        assert_eq!(h.service.verify_audit(&admin()).expect("read").fault, None);
    });
    table.home.service.add_resource(&admin(), &resource("Spare")).expect("made");
    table.row("delete_resource", "resource_deleted", |h| {
        h.service.delete_resource(&admin(), &resource("Spare")).expect("deleted");
    });
    notifications(&mut table);
    reminding(&mut table);
    table.row("set_look", "portal_changed", |h| {
        let patch = LookPatch { shown_name: Some("Remote access".into()), ..LookPatch::default() };
        h.service.set_look(&admin(), &resource("VPN"), patch).expect("changed");
    });
    table.home.service.look_at_clock().expect("looked");
    table.row("look_at_clock", "clock_doubted", |h| {
        h.clock.set(h.service.now().plus_secs(10));
        assert_eq!(h.service.look_at_clock().expect("looked"), Some(10));
    });
    let now = table.home.service.now();
    table.home.clock.set(now.plus_secs(-60));
    table.row("accept_clock", "clock_accepted", |h| h.service.accept_clock(&operator(1)).expect("first"));

    let known: BTreeSet<String> = READING
        .iter()
        .copied()
        .chain(EXEMPT.iter().map(|(name, _)| *name))
        .map(str::to_owned)
        .chain(table.seen.iter().cloned())
        .collect();
    let missing: Vec<_> = methods().difference(&known).cloned().collect();
    assert!(missing.is_empty(), "add a row for {missing:?}");
}

/// Somebody who lost everything, and somebody who lost a password.
fn restore_access(table: &mut Table) {
    table.home.add_user("vera");
    table.home.give_address("vera");
    let all = Factors { token: true, password: true, email: true };
    let sent = |h: &Home, portal: &PortalSession| {
        h.service.portal_restore_password(portal, &typed("fünf Pflaumen im Glas")).expect("typed");
        let to = EmailAddress::parse("vera@example.net").expect("an address");
        if portal.restore.is_none() {
            h.service.portal_restore_email(portal, &to).expect("typed");
        }
        h.service.portal_restore_send(portal, &visit()).expect("sent")
    };
    let nobody = table.home.begin("nobody");
    table.home.service.portal_restore_lost(&nobody, all, &visit()).expect("ticked");
    table.row("portal_restore_send", "user_issue_opened", |h| sent(h, &nobody));
    let vera = table.home.begin("vera");
    table.home.service.portal_restore_lost(&vera, all, &visit()).expect("ticked");
    table.row("portal_restore_send", "user_issue_opened", |h| sent(h, &vera));
    let link = {
        let text = table.home.notices().remove(0).1;
        text.split_once("?k=").and_then(|(_, rest)| rest.split_whitespace().next().map(str::to_owned))
    };
    table.row("use_restore_link", "user_issue_closed", |h| {
        h.service.use_restore_link(&alias(), &link.expect("a link"), &visit()).expect("cancelled")
    });
    let vera = table.home.begin("vera");
    let password = Factors { token: true, password: true, email: false };
    table.row("portal_restore_lost", "code_mailed", |h| {
        h.service.portal_restore_lost(&vera, password, &visit()).expect("ticked");
    });
    table.row("portal_restore_prove", "restore_tried", |h| {
        let code = RestoreTyped { code: Some(typed(&h.newest_code())), ..RestoreTyped::default() };
        h.service.portal_restore_prove(&vera, &code, &visit()).expect("answered")
    });
    table.home.service.portal_restore_password(&vera, &typed("fünf Pflaumen im Glas")).expect("typed");
    table.home.service.portal_restore_send(&vera, &visit()).expect("sent");
    let open =
        table.home.service.user_issues(&admin(), Page::first(1)).expect("listed").items.remove(0).issue;
    table.row("verify_user_issue", "user_issue_verified", |h| {
        let reference = open.reference.to_string();
        h.service.verify_user_issue(&operator(1), open.id, &reference, "saw the passport").expect("verified")
    });
    let vera = table.home.begin("vera");
    let email = Factors { token: false, password: false, email: true };
    table.home.service.portal_restore_lost(&vera, email, &visit()).expect("ticked");
    let proof = RestoreTyped { password: Some(typed("fünf Pflaumen im Glas")), ..RestoreTyped::default() };
    table.home.service.portal_restore_prove(&vera, &proof, &visit()).expect("answered");
    let to = EmailAddress::parse("vera@example.net").expect("an address");
    table.home.service.portal_restore_email(&vera, &to).expect("typed");
    table.home.service.portal_restore_send(&vera, &visit()).expect("sent");
    let open =
        table.home.service.user_issues(&admin(), Page::first(1)).expect("listed").items.remove(0).issue;
    let reference = open.reference.to_string();
    table.home.service.verify_user_issue(&operator(1), open.id, &reference, "saw the passport").expect("ok");
    table.home.wait(90);
    table.row("mail_issue_link", "user_issue_approved", |h| {
        h.service.mail_issue_link(&operator(1), open.id).expect("mailed")
    });
    let vera = table.home.begin("vera");
    table.home.service.portal_restore_lost(&vera, all, &visit()).expect("ticked");
    sent(&table.home, &vera);
    let open =
        table.home.service.user_issues(&admin(), Page::first(1)).expect("listed").items.remove(0).issue;
    table.row("delete_user_issue", "user_issue_closed", |h| {
        h.service.delete_user_issue(&operator(1), open.id).expect("deleted");
    });
}

/// Signing in from an unusual environment, and out everywhere.
fn ask_unusual(table: &mut Table) {
    let policy = Some(EnvironmentPolicy::AskOtp);
    let settings = PortalSettings { environment_policy: policy, ..PortalSettings::default() };
    table.home.service.set_portal(&admin(), &resource("VPN"), &settings).expect("set");
    table.home.add_user("olaf");
    table.home.give_address("olaf");
    table.home.sign_in("olaf");
    let elsewhere = Visit::from_address("203.0.113.9");
    let says = BrowserSays { user_agent: "Firefox/1 Linux".into(), ..BrowserSays::default() };
    let elsewhere = Visit { says, ..elsewhere };
    let cookie = table.home.service.portal_begin(&alias(), &login("olaf"), &elsewhere).expect("begun");
    let first = table.home.session(&cookie);
    let owed = match table.home.service.portal_second(&first, &typed(PASSWORD), &elsewhere).expect("answered")
    {
        SecondPage::CodeMailed { cookie } => table.home.session(&cookie),
        other => panic!("{other:?}"),
    };
    table.row("mail_unusual", "code_mailed", |h| h.service.mail_unusual(&owed, &elsewhere).expect("mailed"));
    let passed = table.row("portal_unusual", "sign_in", |h| {
        h.service.portal_unusual(&owed, &typed(&h.newest_code()), &elsewhere).expect("answered")
    });
    let SecondPage::Passed { cookie, .. } = passed else { panic!("{passed:?}") };
    let portal = table.home.session(&cookie);
    table.row("portal_sign_out_everywhere", "sign_out", |h| {
        h.service.portal_sign_out_everywhere(&portal, &elsewhere).expect("out");
    });
    mail_tokens(table);
    programming(table);
}

#[test]
fn service_law7_history_of_one_token() {
    let home = Home::new();
    let token = StandIn::totp("T-1");
    home.import("one", &[&token]);
    home.service.check(&operator(1), &token.serial, &token.at(home.step())).expect("answered");
    home.service.set_token_note(&operator(1), &token.serial, "fine").expect("noted");
    let history = home.service.token_history(&admin(), &serial("T1"), Page::first(10)).expect("read").items;
    assert_eq!(history.iter().map(|r| r.action).collect::<Vec<_>>(), ["token_changed", "otp_checked"]);
    assert!(history.iter().all(|r| r.actor == "operator operator1" && r.role == Some("helpdesk")));
    let id = home.service.token(&admin(), &token.serial).expect("there").token.id;
    let found = home.service.audit(&admin(), Some(Subject::Token(id)), Page::first(1)).expect("read");
    assert!(found.next.is_some());
}
