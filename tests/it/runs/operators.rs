//! One operator after another.

use super::*;

#[tokio::test]
async fn another_operator_goes_on_with_a_run_whose_first_one_is_gone() {
    let desk = Desk::new();
    desk.quiet().await;
    let made = desk.post("/apikeys", &json!({ "name": "first", "role": "station" })).await;
    let key = made["key"].as_str().expect("a key").to_owned();
    let mut body = keys("keys", 3);
    body["readers"] = json!([READERS[0]]);
    let request = Request::builder()
        .method("POST")
        .uri("/api/v1/runs")
        .header(header::HOST, "localhost")
        .header(header::AUTHORIZATION, format!("Bearer {key}"))
        .header(header::CONTENT_TYPE, "application/json");
    let request = request.body(Body::from(body.to_string())).expect("a request");
    let answer = desk.router.clone().oneshot(request).await.expect("never fails");
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(desk.ended(READERS[0]).await["end"]["result"], json!("programmed"));

    // Whoever began may not any more: what is put in is not written, and says why.
    desk.send("DELETE", "/apikeys/first", &Value::Null).await;
    desk.drawer.put(READERS[0], None);
    desk.until(|readers| readers[0]["occupied"] == json!(false)).await;
    desk.put(READERS[0], "31000003");
    let refused = desk.ended(READERS[0]).await["end"].clone();
    assert_eq!(refused["code"], json!("operator_gone"), "{refused}");
    assert!(refused["detail"].as_str().is_some_and(|text| text.contains("another name")), "{refused}");

    // The next one takes the run over, and the device that lies there is written.
    desk.post("/runs/1/readers", &json!({ "readers": [READERS[0]] })).await;
    let is_done =
        |it: &Value| it["end"]["result"] == json!("programmed") && it["serial"] == json!("31000003");
    desk.until(|readers| is_done(&readers[0])).await;
    // Two runs want one reader: the second is told which one has it.
    let other = json!({ "profile": "yubico-yubikey", "application": "oath", "batch": "other", "count": 1,
        "readers": [READERS[0]] });
    let (status, code, detail) = desk.refused("/runs", &other).await;
    assert_eq!((status, code.as_str()), (409, "reader_taken"), "{detail}");
    assert!(detail.contains("run 1"), "{detail}");
}
