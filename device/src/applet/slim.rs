//! Protectimus SLIM NFC: what it says of itself.
//!
//! It is spoken to over ISO 14443-4, but not with APDUs: a payload is 86 (or AA from the token), a length, that many
//! bytes, and the last of these is the XOR of those before it. A PC/SC reader passes such payloads only inside a
//! command of its own; here that of the ACR122U, which has a PN532 inside. Sources: RfidResearchGroup/proxmark3,
//! `client/luascripts/hf_14a_protectimus_nfc.lua`; nfcpy/nfcpy, `src/nfc/clf/acr122.py`.
//!
//! How seeds are written is not published. Codes can be read and the clock be set by everybody (CVE-2021-32033); neither
//! is done here.

use mintmark_engine::secret::Seed;

use crate::apdu::{self, Command, Rest, Status};
use crate::transport::{Transport, TransportError};

/// What asks for a description.
pub(crate) const INFO: &[u8] = &[0x86, 0x02, 0x10, 0x10];

/// The PN532's `InDataExchange` with its first target.
const EXCHANGE: [u8; 3] = [0xd4, 0x40, 0x01];
/// Its answer, without an error.
const EXCHANGED: [u8; 3] = [0xd5, 0x41, 0x00];

/// What a token says of itself. It does not say its serial number: that is printed on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlimInfo {
    /// Shown in hexadecimal digits, as 70.
    pub hardware: u8,
    /// Major and minor, shown in hexadecimal digits, as 10.01. Where the minor one stands was concluded, not published.
    pub software: (u8, u8),
    /// It has a clock that can be set.
    pub settable_clock: bool,
    /// Length of a step: 30 or 60 s.
    pub period_secs: u8,
}

/// What went wrong, and what to do.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SlimError {
    /// No bytes came back.
    #[error("{0}")]
    Transport(#[from] TransportError),
    /// The reader does not pass what is no APDU.
    #[error(
        "no Protectimus SLIM NFC answered (status {0}); press its button and lay it on an ACR122U: other readers do not \
         pass on what it understands"
    )]
    NotPassed(Status),
    /// What came is no description.
    #[error("the token sent {0}; take it off, press its button and lay it on again")]
    Unreadable(&'static str),
    /// Not possible here.
    #[error(
        "the seed of a Protectimus SLIM NFC cannot be written here: its vendor has not published how; write it with the \
         vendor's program (Protectimus TOTP Burner) and import the seed file"
    )]
    SeedNotWritable,
}

/// Asks for a description, through an ACR122U. Changes nothing.
pub fn info() -> Command {
    Command::new(0xff, 0x00, 0x00, 0x00).with_data(&[&EXCHANGE, INFO].concat())
}

/// What [`info`] was answered.
pub fn parse_info(data: &[u8]) -> Result<SlimInfo, SlimError> {
    let payload = data.strip_prefix(&EXCHANGED).ok_or(SlimError::Unreadable("nothing"))?;
    let body = match payload {
        [0xaa, length, body @ ..] if body.len() == usize::from(*length) => body,
        _ => return Err(SlimError::Unreadable("what is no answer")),
    };
    if body.iter().fold(0, |sum, byte| sum ^ byte) != 0 {
        return Err(SlimError::Unreadable("an answer with a wrong checksum"));
    }
    let &[0x10, _, hardware, major, minor, _, clock, _, step, _, _] = body else {
        return Err(SlimError::Unreadable("another description than is known"));
    };
    let period_secs = match step {
        0x00 => 30,
        0x10 => 60,
        _ => return Err(SlimError::Unreadable("a step that is neither 30 nor 60 seconds")),
    };
    Ok(SlimInfo { hardware, software: (major, minor), settable_clock: clock == 1, period_secs })
}

/// Reads a description.
pub fn read(transport: &mut dyn Transport) -> Result<SlimInfo, SlimError> {
    let response = apdu::send(transport, &info(), Rest::GetResponse)?;
    match response.status {
        Status::OK => parse_info(&response.data),
        status => Err(SlimError::NotPassed(status)),
    }
}

/// Says why not.
pub const fn write_seed(_: &Seed) -> Result<Command, SlimError> {
    Err(SlimError::SeedNotWritable)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exchanges::Exchanges;
    use crate::simulated::Card;
    use crate::simulated::slim::VirtualSlim;
    use crate::transport::Lengths;
    use crate::transport::scripted::{Scripted, bytes, hex};

    const EXCHANGES: &str = include_str!("../../tests/exchanges/protectimus_slim_nfc.json");

    #[test]
    fn the_driver_and_the_simulated_token_keep_to_what_is_on_record() {
        let golden = Exchanges::read(EXCHANGES);
        for (name, period_secs) in [("info", 30), ("info60", 60)] {
            let info = read(&mut golden.card(Lengths::Short, &[name])).expect("described");
            let expected =
                SlimInfo { hardware: 0x70, software: (0x10, 0x01), settable_clock: true, period_secs };
            assert_eq!(info, expected);
            let mut token = VirtualSlim::new(info);
            for (request, response) in golden.steps(name) {
                assert_eq!(hex(&token.transmit(&bytes(request)).expect("it lies there")), response, "{name}");
            }
        }
    }

    #[test]
    fn readers_that_pass_nothing_are_named() {
        let error = read(&mut Scripted::new(Lengths::Short, &[("FF00000007D4400186021010", "6A81")]));
        assert_eq!(error, Err(SlimError::NotPassed(Status::NO_FUNCTION)));
        let silent = read(&mut Scripted::new(Lengths::Short, &[("FF00000007D4400186021010", "D541019000")]));
        assert_eq!(silent, Err(SlimError::Unreadable("nothing")));
    }

    #[test]
    fn a_seed_is_refused_with_the_reason() {
        let refused = write_seed(&Seed::new(vec![1; 20])).expect_err("not published").to_string();
        assert!(
            refused.contains("has not published how") && refused.contains("import the seed file"),
            "{refused}"
        );
    }

    proptest! {
        #[test]
        fn any_description_is_read_or_refused(data in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse_info(&data);
            let _ = parse_info(&[&EXCHANGED[..], &[0xaa, 11], &data].concat());
        }

        #[test]
        fn any_command_is_answered(command in prop::collection::vec(any::<u8>(), 0..40)) {
            let info = SlimInfo { hardware: 0x70, software: (0x10, 1), settable_clock: true, period_secs: 30 };
            prop_assert!(VirtualSlim::new(info).transmit(&command).is_some_and(|answer| answer.len() >= 2));
        }
    }
}
