//! Whether a key on a reader is genuine.

use super::*;

#[tokio::test]
async fn a_key_says_whether_it_is_genuine() {
    let desk = Desk::new();
    desk.quiet().await;
    let ask = "/devices/attest";
    for (body, status, code) in [
        (json!({ "reader": "Lectern" }), 422, "reader_unknown"),
        (json!({ "reader": READERS[0], "slot": "82" }), 422, "generate_needed"),
        (json!({ "reader": READERS[0], "management_key": "00" }), 422, "generate_needed"),
        (json!({ "reader": READERS[0], "generate": true, "slot": "9c" }), 422, "slot_unknown"),
        (
            json!({ "reader": READERS[0], "generate": true, "management_key": "0" }),
            422,
            "management_key_malformed",
        ),
        (
            json!({ "reader": READERS[0], "generate": true, "management_key": "00" }),
            409,
            "management_key_length",
        ),
        (json!({ "reader": DISPLAY }), 409, "not_a_yubikey"),
        // The one whose page it was asked from lies there no more: no key is generated on another one.
        (json!({ "reader": READERS[0], "device": "31000009", "generate": true }), 409, "other_device"),
    ] {
        let refused = desk.refused(ask, &body).await;
        assert_eq!((refused.0, refused.1.as_str()), (status, code), "{body}: {}", refused.2);
    }
    let read = desk.post(ask, &json!({ "reader": READERS[0] })).await;
    assert_eq!((&read["verdict"], &read["slot"]), (&json!("no_statement"), &Value::Null), "{read}");
    let its = json!({ "reader": READERS[0], "device": "31000001", "generate": true });
    let proved = desk.post(ask, &its).await;
    assert_eq!(
        (&proved["verdict"], &proved["serial"], &proved["version"], &proved["form"], &proved["slot"]),
        (&json!("proved_now"), &json!("31000001"), &json!("5.7.4"), &json!("usb_c_keychain"), &json!("95")),
        "{proved}"
    );
    assert!(proved["root"].as_str().is_some_and(|root| root.contains("Simulated")), "{proved}");
    // The reader is free again, and nothing is left to state.
    assert_eq!(desk.reader(READERS[0]).await["phase"], Value::Null);
    assert_eq!(desk.post(ask, &json!({ "reader": READERS[0] })).await["verdict"], json!("no_statement"));
    desk.drawer.put(READERS[0], None);
    desk.until(|readers| readers[0]["occupied"] == json!(false)).await;
    assert_eq!(desk.refused(ask, &json!({ "reader": READERS[0] })).await.1, "device_absent");
}
