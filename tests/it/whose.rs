//! A token without a legible number at the station: found by its codes, or said why not.

use axum::http::StatusCode;

use crate::desk::Desk;

const WHOSE: &str = "/station/whose";

#[tokio::test]
async fn the_station_finds_a_token_by_its_codes() {
    let desk = Desk::open();
    let mut staff = desk.staff();
    staff.get("/station").await.says(StatusCode::OK, "A token without a legible number?");
    staff.get(WHOSE).await.says(StatusCode::OK, "Whose token is this?");
    // Two hours slow: within the day that is looked at.
    let codes = desk.codes(3, -7_200, 3);
    let fields = [("otp1", codes[0].as_str()), ("otp2", &codes[1]), ("otp3", &codes[2]), ("batch", "")];
    let found = staff.post(WHOSE, &fields).await;
    found.says(StatusCode::OK, "87-1234563");
    found.says(StatusCode::OK, "The clock is 2 h slow");
    // Nothing was used up.
    let found = staff.post(WHOSE, &fields).await;
    found.says(StatusCode::OK, "87-1234563");
}

#[tokio::test]
async fn the_station_says_why_it_found_none() {
    let desk = Desk::open();
    let mut staff = desk.staff();
    staff.get(WHOSE).await.says(StatusCode::OK, "Whose token is this?");
    let codes = desk.codes(3, 0, 3);
    let fields = |one: &str, two: &str, batch: &str| {
        [("otp1", one.to_owned()), ("otp2", two.to_owned()), ("batch", batch.to_owned())]
    };
    for (one, two, batch, status, says) in [
        ("123456", "654321", "", StatusCode::OK, "No token here shows these codes"),
        (&codes[0], &codes[0], "", StatusCode::UNPROCESSABLE_ENTITY, "wait until the display changes"),
        ("12345x", "654321", "", StatusCode::UNPROCESSABLE_ENTITY, "aria-invalid"),
        ("12345", "54321", "", StatusCode::UNPROCESSABLE_ENTITY, "odes of 6 to 8 digits"),
        ("123456", "", "", StatusCode::UNPROCESSABLE_ENTITY, "aria-invalid"),
        (
            "123456",
            "654321",
            "nosuch",
            StatusCode::UNPROCESSABLE_ENTITY,
            "There is no batch of this name here.",
        ),
    ] {
        let typed = fields(one, two, batch);
        let typed: Vec<(&str, &str)> = typed.iter().map(|(name, value)| (*name, value.as_str())).collect();
        staff.post(WHOSE, &typed).await.says(status, says);
    }
}
