//! How the portal of a resource looks: what an admin sets shows on its pages, and nothing else can come in.

use axum::http::{StatusCode, header};
use mintmark::model::{Accent, Colour, Logo, Look, Role};
use mintmark::service::{LookPatch, PortalSettings, ServiceError};

use crate::desk::{ADMIN, Desk, resource};
use crate::service::fixture::Home;
use crate::service::notification::hired;

/// A picture of 200 by 60 points, as far as its head tells.
fn png() -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\xc8\x00\x00\x00\x3c".to_vec();
    bytes.extend(b"\x08\x06\x00\x00\x00----\x00\x00\x00\x00IEND\xae\x42\x60\x82");
    bytes
}

fn patch() -> LookPatch {
    LookPatch {
        shown_name: Some("Remote access".into()),
        accent: Some(Accent::new(Colour::parse("#7a1f5c").expect("a colour")).ok()),
        logo: Some(Some(Logo::new(png()).expect("a logo"))),
        help_text: Some("Extension 4711".into()),
    }
}

/// The pages carry name, logo and colours; both are files of their own with headers that allow nothing else.
#[tokio::test]
async fn the_portal_shows_what_was_set() {
    let desk = Desk::open();
    desk.service.set_look(&ADMIN, &resource("VPN"), patch()).expect("set");
    let mut otto = desk.browser();
    let page = otto.get("/selfservice/vpn/portal").await;
    page.says(StatusCode::OK, "Remote access");
    page.says(StatusCode::OK, "Extension 4711");
    page.says(StatusCode::OK, "/selfservice/vpn/look.css?v=");
    page.says(StatusCode::OK, "/selfservice/vpn/logo?v=");
    let css = otto.get("/selfservice/vpn/look.css?v=1").await;
    css.says(StatusCode::OK, "--accent: light-dark(#7a1f5c, #");
    assert_eq!(css.headers[header::CONTENT_TYPE], "text/css; charset=utf-8");
    let logo = otto.get("/selfservice/vpn/logo?v=1").await;
    assert_eq!(logo.status, StatusCode::OK);
    assert_eq!(logo.headers[header::CONTENT_TYPE], "image/png");
    assert_eq!(logo.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    let csp = logo.headers[header::CONTENT_SECURITY_POLICY].to_str().expect("text");
    assert!(csp.contains("default-src 'none'") && csp.contains("sandbox") && !csp.contains("self"), "{csp}");
    let other = otto.get("/selfservice/nowhere/logo").await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
    desk.close();
}

/// Without a look the pages are as before.
#[tokio::test]
async fn without_a_look_nothing_is_linked() {
    let desk = Desk::open();
    let mut otto = desk.browser();
    let page = otto.get("/selfservice/vpn/portal").await;
    page.says(StatusCode::OK, "VPN");
    assert!(!page.body.contains("look.css") && !page.body.contains("/logo"), "{}", page.body);
    assert_eq!(otto.get("/selfservice/vpn/logo").await.status, StatusCode::NOT_FOUND);
    desk.close();
}

/// Text of users and admins is text: no markup comes in by a name or the words of whom to ask.
#[tokio::test]
async fn a_name_is_no_markup() {
    let desk = Desk::open();
    let name = "<script>alert(1)</script>";
    let set =
        LookPatch { shown_name: Some(name.into()), help_text: Some(name.into()), ..LookPatch::default() };
    desk.service.set_look(&ADMIN, &resource("VPN"), set).expect("set");
    let page = desk.browser().get("/selfservice/vpn/portal").await;
    assert!(!page.body.contains("<script>alert"), "{}", page.body);
    desk.close();
}

/// What does not fit is refused, and nothing is changed; a resource of others is not there.
#[test]
fn only_admins_of_the_resource_change_it() {
    let home = Home::new();
    home.add_vpn();
    let vpn = resource("VPN");
    let long = |text: String| LookPatch { shown_name: Some(text), ..LookPatch::default() };
    for bad in [
        long("x".repeat(61)),
        long("a\nb".into()),
        LookPatch { help_text: Some("x".repeat(501)), ..LookPatch::default() },
    ] {
        let refused = home.service.set_look(&ADMIN, &vpn, bad);
        assert!(matches!(refused, Err(ServiceError::Invalid { .. })), "{refused:?}");
    }
    assert_eq!(home.service.look(&ADMIN, &vpn).expect("read"), (Look::default(), String::new()));
    home.service.add_resource(&ADMIN, &resource("Mail")).expect("made");
    let mia = hired(&home, "mia", Role::Admin, Some(&["Mail"]));
    let foreign = home.service.set_look(&mia, &vpn, patch());
    assert!(matches!(foreign, Err(ServiceError::NotFound { .. })), "{foreign:?}");
    let without = home.service.set_look(&mia, &resource("Mail"), patch());
    assert!(matches!(without, Err(ServiceError::State { code: "portal_missing", .. })), "{without:?}");
}

/// The words of whom to ask have one rule, wherever they are set.
#[test]
fn whom_to_ask_has_one_rule() {
    let home = Home::new();
    home.add_vpn();
    let vpn = resource("VPN");
    let as_setting = |text: &str| {
        let settings = PortalSettings { help_text: Some(text.to_owned()), ..PortalSettings::default() };
        home.service.set_portal(&ADMIN, &vpn, &settings).map(drop)
    };
    let as_look = |text: &str| {
        let patch = LookPatch { help_text: Some(text.to_owned()), ..LookPatch::default() };
        home.service.set_look(&ADMIN, &vpn, patch)
    };
    let kept = || home.service.look(&ADMIN, &vpn).expect("read").1;
    for bad in ["x".repeat(501), "bell \u{7} rings".to_owned()] {
        for refused in [as_setting(&bad), as_look(&bad)] {
            let code = "help_text_invalid";
            assert!(
                matches!(&refused, Err(ServiceError::Invalid { code: c, .. }) if *c == code),
                "{refused:?}"
            );
        }
    }
    as_setting(" Extension 4711\r\nor room 3 ").expect("set");
    assert_eq!(kept(), "Extension 4711\nor room 3");
    as_look("").expect("set");
    as_look(" Extension 4711\r\nor room 3 ").expect("set");
    assert_eq!(kept(), "Extension 4711\nor room 3");
}
