//! Renders the sample of every page and looks for what a page must not hold.
//!
//! With `MINTMARK_PAGES=DIR` the pages are also written there, to be looked at in a browser.

use askama::Template;

use super::*;

fn samples() -> Vec<(&'static str, String)> {
    fn html(page: &impl Template) -> String {
        page.render().expect("a sample renders")
    }
    vec![
        ("sign_in", html(&SignIn::sample())),
        ("message", html(&Message::sample())),
        ("console_batches", html(&console::batch::Batches::sample())),
        ("console_batch", html(&console::batch::Batch::sample())),
        ("console_import_new", html(&console::import::ImportNew::sample())),
        ("console_import", html(&console::import::Import::sample())),
        ("console_import_parsing", html(&console::import::Import::sample_parsing())),
        ("console_import_done", html(&console::import::Import::sample_done())),
        ("console_import_ended", html(&console::import::Import::sample_ended())),
        ("console_tokens", html(&console::token::Tokens::sample())),
        ("console_token", html(&console::token::Token::sample())),
        ("console_token_check", html(&console::token::Token::sample_check())),
        ("console_token_resync", html(&console::token::Token::sample_resync())),
        ("console_token_history", html(&console::token::Token::sample_history())),
        ("console_drift", html(&console::drift::Drift::sample())),
        ("console_drift_empty", html(&console::drift::Drift::sample_empty())),
        ("console_resources", html(&console::resource::Resources::sample())),
        ("console_resource", html(&console::resource::Resource::sample())),
        ("console_selfservice", html(&console::resource::Resource::sample_selfservice())),
        ("console_selfservice_asking", html(&console::resource::Resource::sample_asking())),
        ("console_selfservice_off", html(&console::resource::Resource::sample_off())),
        ("console_resource_pairs", html(&console::resource::Resource::sample_pairs())),
        ("console_resource_unconfirmed", html(&console::resource::Resource::sample_unconfirmed())),
        ("console_look", html(&console::look::LookPage::sample())),
        ("console_resource_empty", html(&console::resource::Resource::sample_empty())),
        ("console_users", html(&console::user::Users::sample())),
        ("console_user", html(&console::user::User::sample())),
        ("console_user_code_issued", html(&console::user::User::sample_issued())),
        ("console_user_import", html(&console::user_import::UserImport::sample())),
        ("console_user_import_plan", html(&console::user_import::UserImport::sample_plan())),
        ("console_user_import_done", html(&console::user_import::UserImport::sample_done())),
        ("console_user_issues", html(&console::user_issue::UserIssues::sample())),
        ("console_user_issues_table", html(&console::user_issue::UserIssues::sample_table())),
        ("console_user_issues_empty", html(&console::user_issue::UserIssues::sample_empty())),
        ("console_user_issue", html(&console::user_issue::UserIssue::sample())),
        ("console_audit", html(&console::operation::Audit::sample())),
        ("console_operators", html(&console::operation::Operators::sample())),
        ("console_keys", html(&console::operation::Keys::sample())),
        ("console_notifications", html(&console::notification::Notifications::sample())),
        ("console_outbox", html(&console::operation::Outbox::sample())),
        ("station_home", html(&station::Home::sample())),
        ("station_wrong", html(&station::Home::sample_wrong())),
        ("station_matches", html(&station::Home::sample_matches())),
        ("station_box", html(&station::Home::sample_box())),
        ("station_person", html(&station::Person::sample())),
        ("station_token", html(&station::Token::sample())),
        ("station_hand_out", html(&station::Token::sample_hand_out())),
        ("station_whose", html(&station::Whose::sample())),
        ("station_devices", html(&tray::Devices::sample())),
        ("station_device", html(&device::Device::sample())),
        ("station_models", html(&models::Models::sample())),
        ("station_tray", html(&tray::Tray::sample())),
        ("portal_login", html(&portal::Login::sample())),
        ("portal_verify", html(&portal::Verify::sample())),
        ("portal_otp", html(&portal::Otp::sample())),
        ("portal_otp_mailed", html(&portal::Otp::sample_mailed())),
        ("portal_otp_enough", html(&portal::Otp::sample_enough())),
        ("portal_home", html(&portal::Home::sample())),
        ("portal_confirm", html(&portal::Confirm::sample())),
        ("portal_confirm_unread", html(&portal::Confirm::sample_unread())),
        ("portal_confirm_unread_many", html(&portal::Confirm::sample_unread_many())),
        ("portal_done", html(&portal::Done::sample())),
        ("portal_synchronize", html(&portal::Synchronize::sample())),
        ("portal_register", html(&setup::Register::sample())),
        ("portal_register_hardware", html(&setup::Register::sample_hardware())),
        ("portal_register_mail", html(&setup::Register::sample_mail())),
        ("portal_register_universal", html(&setup::Register::sample_universal())),
        ("portal_draft", html(&setup::Draft::sample())),
        ("portal_draft_mailed", html(&setup::Draft::sample_mailed())),
        ("portal_draft_enough", html(&setup::Draft::sample_enough())),
        ("portal_pin", html(&setup::Pin::sample())),
        ("portal_sure", html(&setup::Sure::sample())),
        ("portal_reassign", html(&portal::Confirm::sample_reassign())),
        ("portal_form", html(&portal::profile::Form::sample())),
        ("portal_unusual", html(&portal::Unusual::sample())),
        ("portal_unusual_waiting", html(&portal::Unusual::sample_waiting())),
        ("portal_environment", html(&portal::environment::Environments::sample())),
        ("portal_environment_empty", html(&portal::environment::Environments::sample_empty())),
        ("portal_email", html(&portal::profile::Email::sample())),
        ("portal_email_pending", html(&portal::profile::Email::sample_pending())),
        ("portal_prove", html(&portal::profile::Prove::sample())),
        ("portal_prove_mail", html(&portal::profile::Prove::sample_mail())),
        ("portal_prove_mailed", html(&portal::profile::Prove::sample_mailed())),
        ("portal_prove_elsewhere", html(&portal::profile::Prove::sample_elsewhere())),
        ("portal_prove_password", html(&portal::profile::Prove::sample_password())),
        ("portal_prove_nothing", html(&portal::profile::Prove::sample_nothing())),
        ("portal_restore", html(&portal::restore::Restore::sample())),
        ("portal_restore_proof", html(&portal::restore::Restore::sample_proof())),
        ("portal_restore_password", html(&portal::restore::Restore::sample_password())),
        ("portal_restore_email", html(&portal::restore::Restore::sample_email())),
        ("portal_restore_send", html(&portal::restore::Restore::sample_send())),
        ("portal_restore_sent", html(&portal::restore::Restore::sample_sent())),
        ("portal_restore_link", html(&portal::restore::RestoreLinkPage::sample())),
        ("portal_closed", html(&portal::Closed::sample())),
    ]
}

/// The forms of a page that post, from `<form` to `</form>`.
fn posting_forms(html: &str) -> impl Iterator<Item = &str> {
    html.split("<form").skip(1).filter_map(|rest| {
        let form = rest.split("</form>").next()?;
        form.split('>').next()?.contains(r#"method="post""#).then_some(form)
    })
}

#[test]
fn every_sample_renders_without_inline_code_or_style() {
    for (name, html) in samples() {
        assert!(html.starts_with("<!doctype html>"), "{name} is no whole page");
        for forbidden in
            ["{{", "{%", " style=", "<style", " onclick=", "javascript:", "data-missing", "http://"]
        {
            assert!(!html.contains(forbidden), "{name} holds {forbidden}");
        }
        for script in html.split("<script").skip(1) {
            assert!(script.starts_with(" type=\"module\" src=\"/assets/"), "{name} holds an inline script");
        }
        assert_eq!(html.matches("<h1").count(), 1, "{name} has one heading of the first rank");
        assert!(html.contains(r##"<a class="skip" href="#main">"##) && html.contains(r#"<main id="main""#));
        assert!(html.matches("btn-primary").count() <= 1, "{name} has more than one primary button");
    }
}

#[test]
fn every_posting_form_carries_the_form_token() {
    for (name, html) in samples() {
        for form in posting_forms(&html) {
            assert!(
                form.contains(r#"<input type="hidden" name="form_token" value="sample-form-token">"#),
                "{name} has a form without its token: {}",
                &form[..form.len().min(80)]
            );
        }
    }
}

#[test]
fn ids_are_unique_and_labels_point_at_them() {
    for (name, html) in samples() {
        let ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let mut once = ids.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), ids.len(), "{name} uses an id twice: {ids:?}");
        for target in html.split(" for=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(ids.contains(&target), "{name} has a label for {target}, which is not there");
        }
    }
}

#[test]
fn portal_speaks_of_codes_only() {
    for (name, html) in samples().into_iter().filter(|(name, _)| name.starts_with("portal_")) {
        let words = visible_words(&html);
        for forbidden in ["OTP", "TOTP", "HOTP", "drift", "window", "invalid", "Please", "please", "!"] {
            assert!(!words.contains(forbidden), "{name} says {forbidden}");
        }
    }
}

/// The text of a page outside tags, head and drawings.
fn visible_words(html: &str) -> String {
    let body = html.split("<body").nth(1).expect("a page has a body");
    body.split('<').filter_map(|piece| piece.split('>').nth(1)).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_linked_asset_is_there_and_asks_for_nothing_else() {
    for (name, html) in samples() {
        for address in html.split("\"/assets/").skip(1).filter_map(|rest| rest.split('"').next()) {
            let (path, version) = address.split_once('?').expect("an asset's address has a version");
            assert_eq!(version, "v=sample");
            let path = format!("/assets/{path}");
            assert!(asset::ASSETS.iter().any(|asset| asset.path == path), "{name} links to {path}");
        }
    }
    for asset in asset::ASSETS.iter().filter(|asset| asset.content_type.starts_with("text/css")) {
        for forbidden in ["url(", "@import", "data:"] {
            assert!(!asset.text.contains(forbidden), "{} holds {forbidden}", asset.path);
        }
    }
    assert_eq!(asset::version().len(), 12);
}

#[test]
fn writes_the_pages_when_asked() {
    let Some(folder) = std::env::var_os("MINTMARK_PAGES") else { return };
    for (name, html) in samples() {
        let path = std::path::Path::new(&folder).join(format!("{name}.html"));
        std::fs::write(path, html).expect("the folder can be written");
    }
}

#[test]
fn a_name_becomes_one_part_of_an_address() {
    assert_eq!(segment("87-1234567").to_string(), "87-1234567");
    assert_eq!(segment("a/b ü?#").to_string(), "a%2Fb%20%C3%BC%3F%23");
}
