//! A multipart form as commands send it.

use anyhow::{Context, Result};
use zeroize::Zeroizing;

use crate::http::part::append;
use crate::vault::random_bytes;

/// A multipart form; it holds the file and its passphrase, so it is wiped.
pub(super) struct Form {
    boundary: String,
    bytes: Zeroizing<Vec<u8>>,
}

impl Form {
    /// An empty one.
    pub(super) fn new() -> Result<Self> {
        let random = random_bytes::<16>().context("random numbers")?;
        Ok(Self { boundary: data_encoding::HEXLOWER.encode(&random), bytes: Zeroizing::new(Vec::new()) })
    }

    /// Adds a field, or a file by its name.
    pub(super) fn part(&mut self, name: &str, file_name: Option<&str>, content: &[u8]) {
        let mut head = format!("--{}\r\nContent-Disposition: form-data; name=\"{name}\"", self.boundary);
        if let Some(file_name) = file_name {
            // Quotes and line ends would end the header.
            let safe: String = file_name
                .chars()
                .map(|c| if c == '"' || c == '\\' || c.is_control() { '_' } else { c })
                .collect();
            head.push_str("; filename=\"");
            head.push_str(&safe);
            head.push_str("\"\r\nContent-Type: application/octet-stream");
        }
        append(&mut self.bytes, head.as_bytes());
        append(&mut self.bytes, b"\r\n\r\n");
        append(&mut self.bytes, content);
        append(&mut self.bytes, b"\r\n");
    }

    /// The content type and the body.
    pub(super) fn finish(mut self) -> (String, Zeroizing<Vec<u8>>) {
        append(&mut self.bytes, format!("--{}--\r\n", self.boundary).as_bytes());
        (format!("multipart/form-data; boundary={}", self.boundary), self.bytes)
    }
}
