//! P47: requests to webhooks over real sockets. What a receiver can do wrong costs only itself.

#![expect(clippy::disallowed_methods, reason = "real sockets: real time passes")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use mintmark::clock::SystemClock;
use mintmark::jobs::Jobs;
use mintmark::mail::webhook::{WebhookError, WebhookRequest, WebhookSender};
use mintmark::model::{NewsKind, Role, WebhookUrl};
use mintmark::service::{NewChannel, NewSubscription};

use crate::service::fixture::Home;
use crate::service::notification::hired;

/// A receiver that gives each request this answer and hands on what it was sent.
fn receiver(answer: &'static str) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let text = read(&mut stream);
            let _ = stream.write_all(answer.as_bytes());
            if tell.send(text).is_err() {
                return;
            }
        }
    });
    (port, told)
}

fn read(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&all).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let wanted =
                head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).expect("a length");
            if body.len() >= wanted.parse().expect("a number") {
                return text;
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return text,
            Ok(n) => all.extend_from_slice(&buffer[..n]),
        }
    }
}

fn sender() -> WebhookSender {
    WebhookSender::new(Arc::new(SystemClock::new()), None).expect("settings")
}

fn url(text: &str) -> WebhookUrl {
    WebhookUrl::parse(text).expect("usable")
}

fn request(url: &WebhookUrl) -> WebhookRequest<'_> {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    WebhookRequest { url, message_id: "msg_1", timestamp: 1_800_000_000, body: r#"{"type":"trial"}"#, secret }
}

fn header<'t>(text: &'t str, name: &str) -> &'t str {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
}

/// From the button to the receiver: the headers of Standard Webhooks, a body without secrets, and the page
/// knows how it went.
#[test]
fn a_trial_reaches_the_receiver_signed() {
    let (port, told) = receiver("HTTP/1.1 204 No Content\r\n\r\n");
    let home = Home::new();
    let jobs = Jobs::start(&home.service, None).expect("workers");
    jobs.tell_news(&home.service, sender()).expect("a worker");
    let ada = hired(&home, "ada", Role::Admin, None);
    let channel = NewChannel::Webhook(url(&format!("http://127.0.0.1:{port}/hook?x=1")));
    let new = NewSubscription { kind: NewsKind::LockedUser, channel, stock: None };
    let made = home.service.subscribe(&ada, new).expect("subscribed");
    let secret = String::from_utf8(made.secret.expect("shown once").expose().to_vec()).expect("text");
    home.service.try_notification(&ada, made.view.id).expect("sent");
    let text = told.recv_timeout(Duration::from_secs(20)).expect("arrived");
    assert!(text.starts_with("POST /hook?x=1 HTTP/1.1\r\n"), "{text}");
    let body = text.split_once("\r\n\r\n").expect("a body").1;
    let again = WebhookRequest {
        url: &url("https://example.org/"),
        message_id: header(&text, "webhook-id"),
        timestamp: header(&text, "webhook-timestamp").parse().expect("seconds"),
        body,
        secret: &secret,
    };
    assert_eq!(header(&text, "webhook-signature"), again.signature().expect("signed"));
    assert!(!text.contains("whsec_"));
    let start = Instant::now();
    let last = loop {
        let last = home.service.notifications(&ada).expect("read")[0].last.clone();
        if let Some(last) = last {
            break last;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "noted");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(last.problem, None);
    jobs.stop(&home.service);
}

/// Redirects are not followed, other answers and no answers are failures, bodies are not read.
#[test]
fn answers_other_than_yes_are_failures() {
    let target = receiver("HTTP/1.1 200 OK\r\n\r\n");
    let location: &'static str = Box::leak(
        format!("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{}/\r\n\r\n", target.0).into_boxed_str(),
    );
    for (answer, status) in [(location, 302), ("HTTP/1.1 500 No\r\n\r\nbody", 500)] {
        let (port, _told) = receiver(answer);
        let url = url(&format!("http://127.0.0.1:{port}/"));
        let refused = sender().send(&request(&url));
        assert!(matches!(refused, Err(WebhookError::Refused(code)) if code == status), "{refused:?}");
    }
    assert!(target.1.try_recv().is_err(), "nobody followed");
    let (port, _told) = receiver("SSH-2.0-OpenSSH\r\n");
    let not_http = sender().send(&request(&url(&format!("http://127.0.0.1:{port}/"))));
    assert!(matches!(not_http, Err(WebhookError::NotHttp)), "{not_http:?}");
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let nobody = sender().send(&request(&url(&format!("http://127.0.0.1:{closed}/"))));
    assert!(matches!(nobody, Err(WebhookError::Connection(_))), "{nobody:?}");
}

/// A receiver that sends a byte now and then is given up within the time limit, not byte by byte.
#[test]
fn a_receiver_that_drips_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        while stream.write_all(b"H").is_ok() {
            std::thread::sleep(Duration::from_millis(900));
        }
    });
    let start = Instant::now();
    let refused = sender().send(&request(&url(&format!("http://127.0.0.1:{port}/"))));
    assert!(matches!(refused, Err(WebhookError::Connection(_))), "{refused:?}");
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

/// A name that leads to this machine although it does not say so is not called (DNS rebinding).
#[test]
fn a_foreign_name_that_leads_here_is_refused() {
    // The resolver knows short forms of addresses; as a name this one is nobody's loopback.
    let refused = sender().send(&request(&url("https://127.1:9/")));
    assert!(matches!(refused, Err(WebhookError::Address(_) | WebhookError::Unknown)), "{refused:?}");
    let refused = sender().send(&request(&url("https://169.254.43518/")));
    assert!(matches!(refused, Err(WebhookError::Address(_) | WebhookError::Unknown)), "{refused:?}");
}
