//! *I cannot read the number* as a browser sees it: the codes alone, and why not.

use axum::http::StatusCode;
use mintmark::service::PortalSettings;

use super::desk::{ADMIN, Answer, Desk, PASSWORD, resource, serial};

const CONFIRM: &str = "/selfservice/vpn/tokens/confirm";
const UNFIT: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;
const UNREAD: &str = "/selfservice/vpn/tokens/confirm?unread";

/// Code fields of a page.
fn fields(page: &Answer) -> usize {
    page.body.matches("name=\"otp").count()
}

#[tokio::test]
async fn p16_a_person_confirms_a_token_whose_number_is_worn_off() {
    let desk = Desk::open();
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/home");
    anna.get(CONFIRM).await.says(StatusCode::OK, "I cannot read the number");
    let page = anna.get(UNREAD).await;
    page.says(StatusCode::OK, "I can read the number");
    page.says(StatusCode::OK, "cannot be found this way. Extension 4455.");
    assert!(!page.body.contains("name=\"serial\""), "{}", page.body);
    assert_eq!(fields(&page), 2);
    // Eight hours slow.
    let codes = desk.codes(2, -28_800, 2);
    let typed = [("unread", "1"), ("otp1", codes[0].as_str()), ("otp2", &codes[1])];
    anna.post(CONFIRM, &typed).await.leads_to("/selfservice/vpn/tokens/confirm?done");
    anna.get("/selfservice/vpn/tokens/confirm?done").await.says(StatusCode::OK, &serial(2));
}

#[tokio::test]
async fn p17_what_does_not_fit_is_said_beside_the_codes_alone() {
    let desk = Desk::open();
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/home");
    let page = anna.get(UNREAD).await;
    page.says(StatusCode::OK, "Make this token mine");
    let elsewhere = desk.codes(4, 0, 2);
    let own = desk.codes(1, 0, 2);
    let mut told = Vec::new();
    for (one, two, says) in [
        ("123456", "654321", "We could not find this token by its codes."),
        (
            elsewhere[0].as_str(),
            elsewhere[1].as_str(),
            "If it fails again, others can look for it. Extension 4455.",
        ),
        ("1234", "4321", "We could not find this token by its codes."),
        (&own[0], "", "aria-invalid"),
        (&own[0], &own[0], "wait until the display changes"),
        ("12345x", "654321", "aria-invalid"),
    ] {
        let again = anna.post(CONFIRM, &[("unread", "1"), ("otp1", one), ("otp2", two)]).await;
        again.says(UNFIT, says);
        again.says(UNFIT, "name=\"unread\" value=\"1\"");
        assert!(!again.body.contains("name=\"serial\""), "{}", again.body);
        assert_eq!(fields(&again), 2);
        told.push(again.body.replace(&anna.form_token, ""));
    }
    let without_clock = |body: &str| body.split("data-server-now").next().map(str::to_owned);
    assert_eq!(without_clock(&told[0]), without_clock(&told[1]));
    // One code of a token that lies on the resource did not confirm it, nor count.
    let typed = [("unread", "1"), ("otp1", own[0].as_str()), ("otp2", &own[1])];
    anna.post(CONFIRM, &typed).await.leads_to("/selfservice/vpn/tokens/confirm?done");
}

#[tokio::test]
async fn p17_where_too_many_tokens_lie_the_page_sends_people_to_the_desk() {
    let desk = Desk::open();
    let lines: Vec<String> =
        (0..12).map(|n| format!("X-{n:03},{:040x},totp\n", 0x1234_5678_9abc_u64 + n)).collect();
    let request = mintmark::service::ImportRequest {
        commit: true,
        batch: Some(mintmark::model::BatchName::parse("more").expect("a name")),
        ..mintmark::service::ImportRequest::new(
            "more.csv",
            mintmark::secret::Seed::new(lines.concat().into_bytes()),
        )
    };
    let task = desk.service.begin_import(&ADMIN, request).expect("a task");
    desk.service.run_import(&task);
    let batch = mintmark::model::BatchName::parse("more").expect("a name");
    let whole = mintmark::model::BatchPart::Whole;
    desk.service.assign_batch(&ADMIN, &batch, &resource("VPN"), whole).expect("assigned");
    let wide = PortalSettings { window_secs: Some(31_557_600), ..PortalSettings::default() };
    desk.service.set_portal(&ADMIN, &resource("VPN"), &wide).expect("set");
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/home");
    let page = anna.get(UNREAD).await;
    page.says(StatusCode::OK, "Too many tokens lie here to find yours by its codes.");
    page.says(StatusCode::OK, "Extension 4455.");
    assert_eq!(fields(&page), 0);
    let sent = anna.post(CONFIRM, &[("unread", "1"), ("otp1", "123456"), ("otp2", "654321")]).await;
    sent.says(StatusCode::OK, "Too many tokens lie here");
}
