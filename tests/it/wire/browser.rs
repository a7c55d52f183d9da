//! A browser over the wire: keeps cookies and sends back the form token of the last page.

use std::net::SocketAddr;

use super::client::{Reply, Wire};
use super::{FORM, form};

/// A browser.
pub(crate) struct Browser {
    pub(crate) wire: Wire,
    host: String,
    cookies: Vec<(String, String)>,
    pub(crate) form_token: String,
}

impl Browser {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            wire: Wire::connect(address),
            host: address.to_string(),
            cookies: Vec::new(),
            form_token: String::new(),
        }
    }

    fn send(&mut self, method: &str, path: &str, kind: &str, body: &[u8]) -> Reply {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let (cookies, origin) = (cookies.join("; "), format!("http://{}", self.host));
        let mut headers = vec![("host", self.host.as_str()), ("accept", "text/html"), ("cookie", &cookies)];
        if method == "POST" {
            headers.extend([("origin", origin.as_str()), ("content-type", kind)]);
        }
        let request = Wire::request(method, path, &headers, body);
        let reply = self.wire.exchange(&request);
        for (_, set) in reply.headers().iter().filter(|(name, _)| name == "set-cookie") {
            let pair = set.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("name and value");
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        if let Some((_, rest)) = reply.text().split_once("name=\"form_token\" value=\"") {
            rest.split('"').next().unwrap_or_default().clone_into(&mut self.form_token);
        }
        reply
    }

    pub(crate) fn get(&mut self, path: &str) -> Reply {
        self.send("GET", path, "", &[])
    }

    pub(crate) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let encode = mintmark::http::page::segment;
        let mut pairs = vec![format!("form_token={}", self.form_token)];
        pairs.extend(fields.iter().map(|(name, value)| format!("{name}={}", encode(value))));
        self.send("POST", path, "application/x-www-form-urlencoded", pairs.join("&").as_bytes())
    }

    pub(crate) fn upload(&mut self, path: &str, fields: &[(&str, &str)], name: &str, file: &[u8]) -> Reply {
        let token = self.form_token.clone();
        let mut all = vec![("form_token", token.as_str())];
        all.extend_from_slice(fields);
        self.send("POST", path, FORM, &form(&all, name, file))
    }
}
