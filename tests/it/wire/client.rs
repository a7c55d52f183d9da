//! A small HTTP/1.1 client over one kept connection: it shows the bytes as they came.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer as it came over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Status line and headers, without the empty line.
    pub(crate) head: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// Names (in small letters) and values of the headers, in their order.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let head = String::from_utf8(self.head.clone()).expect("headers are text");
        let pair =
            |line: &str| line.split_once(':').map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned()));
        head.lines().skip(1).filter_map(pair).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers().into_iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// One connection. A server that closes it is connected to again.
#[derive(Debug)]
pub(crate) struct Wire {
    address: SocketAddr,
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Heads and bodies of all answers, when they are to be searched.
    pub(crate) seen: Option<Vec<u8>>,
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_nodelay(true).expect("a socket");
    stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a socket");
    stream
}

impl Wire {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self { address, stream: connect(address), buffer: Vec::with_capacity(4 << 10), seen: None }
    }

    /// Head and body of a request as they go over the wire.
    pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let mut lines = vec![format!("{method} {path} HTTP/1.1")];
        lines.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
        if !body.is_empty() || method != "GET" {
            lines.push(format!("content-length: {}", body.len()));
        }
        [lines.join("\r\n").as_bytes(), b"\r\n\r\n", body].concat()
    }

    /// Sends a whole request and reads its answer. A server may answer before it has read everything.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> Reply {
        let sent = self.stream.write_all(request);
        let Some(reply) = self.read() else {
            panic!("no answer, the connection was dropped (sent: {sent:?})");
        };
        let closes = reply.head.windows(17).any(|part| part.eq_ignore_ascii_case(b"connection: close"));
        if let Some(seen) = &mut self.seen {
            seen.extend([&reply.head, &b"\n"[..], &reply.body, b"\n"].concat());
        }
        // Who answers before everything is read must still take the rest: other clients would lose the
        // answer with the connection.
        sent.expect("the server takes the whole request");
        if closes {
            self.stream = connect(self.address);
            self.buffer.clear();
        }
        reply
    }

    fn more(&mut self) -> Option<()> {
        let mut part = [0; 4 << 10];
        let count = self.stream.read(&mut part).ok().filter(|count| *count > 0)?;
        self.buffer.extend_from_slice(&part[..count]);
        Some(())
    }

    fn read(&mut self) -> Option<Reply> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|part| part == b"\r\n\r\n") {
                break at;
            }
            self.more()?;
        };
        let head: Vec<u8> = self.buffer.drain(..end + 4).take(end).collect();
        let status = std::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()?;
        let mut reply = Reply { status, head, body: Vec::new() };
        if matches!(status, 100..=199 | 204 | 304) {
            return Some(reply);
        }
        let chunked = reply.headers().iter().any(|(n, v)| n == "transfer-encoding" && v == "chunked");
        if chunked {
            self.read_chunks(&mut reply.body)?;
        } else {
            let length = reply.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
            self.take(length, &mut reply.body)?;
        }
        Some(reply)
    }

    fn take(&mut self, length: usize, into: &mut Vec<u8>) -> Option<()> {
        while self.buffer.len() < length {
            self.more()?;
        }
        into.extend(self.buffer.drain(..length));
        Some(())
    }

    fn read_chunks(&mut self, body: &mut Vec<u8>) -> Option<()> {
        loop {
            let end = loop {
                if let Some(at) = self.buffer.windows(2).position(|part| part == b"\r\n") {
                    break at;
                }
                self.more()?;
            };
            let line: Vec<u8> = self.buffer.drain(..end + 2).take(end).collect();
            let size = std::str::from_utf8(&line).ok()?.split(';').next()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            self.take(size, body)?;
            self.take(2, &mut Vec::new())?;
            if size == 0 {
                return Some(());
            }
        }
    }
}
