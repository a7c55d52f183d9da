//! A card that knows one conversation by heart.

use std::collections::VecDeque;

use data_encoding::HEXUPPER;
use zeroize::Zeroizing;

use super::{Lengths, Transport, TransportError};

type Answer = Result<Vec<u8>, TransportError>;

/// Answers a list of requests in their order; panics when another one comes, or when some are left.
pub(crate) struct Scripted {
    lengths: Lengths,
    steps: VecDeque<(Vec<u8>, Answer)>,
}

impl Scripted {
    /// A conversation in hexadecimal digits: requests and their responses, status words included.
    pub(crate) fn new(lengths: Lengths, steps: &[(&str, &str)]) -> Self {
        let steps = steps.iter().map(|(request, response)| (bytes(request), Ok(bytes(response)))).collect();
        Self { lengths, steps }
    }

    /// And then this request ends badly.
    pub(crate) fn then_fails(mut self, request: &str, error: TransportError) -> Self {
        self.steps.push_back((bytes(request), Err(error)));
        self
    }
}

impl Transport for Scripted {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        let (request, response) = self.steps.pop_front().expect("no more requests are in the script");
        assert_eq!(hex(command), hex(&request), "the request of the script");
        response.map(Zeroizing::new)
    }

    fn lengths(&self) -> Lengths {
        self.lengths
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.steps.is_empty(), "{} steps of the script were not asked for", self.steps.len());
        }
    }
}

/// The bytes of hexadecimal digits.
pub(crate) fn bytes(digits: &str) -> Vec<u8> {
    HEXUPPER.decode(digits.as_bytes()).expect("hexadecimal digits")
}

/// Their digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    HEXUPPER.encode(bytes)
}
