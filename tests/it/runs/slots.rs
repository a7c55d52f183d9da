//! Keys that type codes out of a slot.

use mintmark::device::applet::otp::Slot;

use super::*;

#[tokio::test]
async fn a_key_that_types_a_counter_is_programmed_on_one_reader() {
    let desk = Desk::new();
    desk.quiet().await;
    let body = json!({ "profile": "yubico-yubikey", "application": "otp_slot", "slot": 2, "batch": "slots",
        "count": 2, "readers": [READERS[0]] });
    let run = desk.start(&body).await;
    assert_eq!(
        (&run["kind"], &run["slot"], &run["step"]),
        (&json!("hotp"), &json!(2), &json!(null)),
        "{run}"
    );
    assert_eq!(
        (&run["protect"], &run["replace"], &run["readers"]),
        (&json!(true), &json!(false), &json!([READERS[0]]))
    );
    let item = desk.ended(READERS[0]).await["end"]["item"].clone();
    assert_eq!((&item["state"], &item["serial"]), (&json!("code_wanted"), &json!("31000001.2")), "{item}");
    let typed = desk.drawer.pressed(READERS[0], Some(Slot::Two)).expect("typed").to_string();
    let proved = desk.post(&resolve(&item), &json!({ "action": "code", "otp": typed })).await;
    assert_eq!(proved["state"], json!("programmed"), "{proved}");
    // Another reader joins.
    assert_eq!(desk.reader(READERS[2]).await["run"], Value::Null);
    desk.post(&format!("/runs/{}/readers", run["id"]), &json!({ "readers": [READERS[2]] })).await;
    assert_eq!(desk.ended(READERS[2]).await["end"]["item"]["serial"], json!("31000002.2"));
}

#[tokio::test]
async fn a_key_that_types_blocks_is_programmed_and_signs_for_itself() {
    let desk = Desk::new();
    desk.quiet().await;
    let body = json!({ "profile": "yubico-yubikey", "application": "otp_slot", "slot": 1, "batch": "blocks",
        "count": 1, "readers": [READERS[0]], "settings": { "kind": "yubico_otp" } });
    let run = desk.start(&body).await;
    assert_eq!(
        (&run["kind"], &run["hash"], &run["digits"]),
        (&json!("yubico_otp"), &json!(null), &json!(null))
    );
    let item = desk.ended(READERS[0]).await["end"]["item"].clone();
    assert_eq!((&item["state"], &item["serial"]), (&json!("code_wanted"), &json!("31000001.1")), "{item}");
    let digits = json!({ "action": "code", "otp": "123456" });
    assert_eq!(desk.refused(&resolve(&item), &digits).await.1, "otp_length");
    let press = || desk.drawer.pressed(READERS[0], Some(Slot::One)).expect("typed").to_string();
    let proof = press();
    let proved = desk.post(&resolve(&item), &json!({ "action": "code", "otp": proof })).await;
    assert_eq!(proved["state"], json!("programmed"), "{proved}");
    let token = desk.get("/tokens/31000001.1").await;
    // Of the number on it, as its maker's own tool would.
    assert_eq!(
        (&token["kind"], &token["public_id"]),
        (&json!("yubico_otp"), &json!("vvcccbtkcgrb")),
        "{token}"
    );
    let check = |otp: String| json!({ "otp": otp });
    let answer = desk.post("/tokens/31000001.1/check", &check(proof)).await;
    assert_eq!(answer["result"], json!("replayed"), "{answer}");
    let answer = desk.post("/tokens/31000001.1/check", &check(press())).await;
    assert_eq!(answer["result"], json!("accepted"), "{answer}");
    // A touch says whose key it is.
    let found = desk.post("/tokens/identify", &json!({ "otps": [press()] })).await;
    assert!(found.to_string().contains("31000001.1"), "{found}");
    // Taken back it is wiped, and types nothing any more.
    assert_eq!(desk.refused(&resolve(&item), &json!({ "action": "take_back" })).await.1, "token_in_use");
}
