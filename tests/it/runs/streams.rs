//! Streams that tell what moves.

use super::*;

#[tokio::test]
async fn streams_end_with_the_right_to_them() {
    let desk = Desk::new();
    let made = desk.post("/apikeys", &json!({ "name": "wall", "role": "station" })).await;
    let key = made["key"].as_str().expect("a key").to_owned();
    let mut bodies = Vec::new();
    for path in ["/api/v1/devices/events", "/api/v1/scanners/events"] {
        let answer = desk.router.clone().oneshot(with_key(path, &key)).await.expect("never fails");
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        bodies.push(answer.into_body());
    }
    let (status, answer) = desk.send("DELETE", "/apikeys/wall", &Value::Null).await;
    assert!((200..300).contains(&status), "{answer}");
    for mut body in bodies {
        let end = async { while body.frame().await.is_some() {} };
        tokio::time::timeout(Duration::from_secs(20), end).await.expect("it ends by itself");
    }
}

/// The next event: its name and data.
async fn event(body: &mut Body) -> (String, Value) {
    let frame = tokio::time::timeout(Duration::from_secs(20), body.frame()).await.expect("in time");
    let bytes = frame.expect("an event").expect("whole").into_data().expect("data");
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    (line("event:").to_owned(), serde_json::from_str(line("data:")).expect("JSON"))
}

#[tokio::test]
async fn streams_tell_what_moves() {
    let desk = Desk::new();
    desk.quiet().await;
    let mut devices = desk.ask("GET", "/devices/events", &Value::Null).await.into_body();
    let (name, first) = event(&mut devices).await;
    assert_eq!((name.as_str(), first["items"].as_array().map(Vec::len)), ("devices", Some(4)));
    assert_eq!(first["trouble"], Value::Null);
    let run = desk.start(&displays("displays", 1)).await;
    let mut told = desk.ask("GET", &format!("/runs/{}/events", run["id"]), &Value::Null).await.into_body();
    loop {
        let (_, now) = event(&mut devices).await;
        if now["items"][1]["end"]["result"] == json!("code_wanted") {
            break;
        }
    }
    let item = loop {
        let (name, now) = event(&mut told).await;
        assert_eq!(name, "run");
        if now["unsettled"][0]["state"] == json!("code_wanted") {
            break now["unsettled"][0].clone();
        }
    };
    let shown = desk.drawer.pressed(DISPLAY, None).expect("a code").to_string();
    desk.post(&resolve(&item), &json!({ "action": "code", "otp": shown })).await;
    loop {
        let (name, now) = event(&mut told).await;
        if name == "ended" {
            assert_eq!((&now["state"], &now["programmed"]), (&json!("ended"), &json!(1)));
            break;
        }
    }
    assert!(told.frame().await.is_none(), "it ends with the run");
    // And that of the readers with the service.
    desk.jobs.stop_readers();
    let rest = tokio::time::timeout(Duration::from_secs(20), devices.collect()).await;
    rest.expect("it ends").expect("whole");
}
