//! Commands and responses of ISO 7816-4: lengths, chains in both directions, status words.

use std::fmt;

use zeroize::Zeroizing;

use crate::transport::{Lengths, Transport, TransportError};

/// Most bytes of a response that are collected; the longest real one (all credentials of a YubiKey) has some 8 KiB.
const MOST_BYTES: usize = 64 << 10;
/// Most parts of a response: a card that sends empty parts would never end.
const MOST_PARTS: usize = 64;

/// A command APDU. Its data is wiped when it is dropped, and shown by `Debug` unless it is secret.
pub struct Command {
    class: u8,
    instruction: u8,
    p1: u8,
    p2: u8,
    data: Zeroizing<Vec<u8>>,
    secret: bool,
    expects_data: bool,
    widest: bool,
}

impl Command {
    /// A command without data that expects none.
    pub fn new(class: u8, instruction: u8, p1: u8, p2: u8) -> Self {
        let data = Zeroizing::new(Vec::new());
        Self { class, instruction, p1, p2, data, secret: false, expects_data: false, widest: false }
    }

    /// SELECT by application identifier (ISO 7816-4 §11.2.2).
    pub fn select(aid: &[u8]) -> Self {
        Self::new(0x00, 0xa4, 0x04, 0x00).with_data(aid)
    }

    /// With this data.
    #[must_use]
    pub fn with_data(mut self, data: &[u8]) -> Self {
        self.data = Zeroizing::new(data.to_vec());
        self
    }

    /// With this data, which is a seed, a key, a PIN or an access code.
    #[must_use]
    pub fn with_secret(mut self, data: Zeroizing<Vec<u8>>) -> Self {
        self.data = data;
        self.secret = true;
        self
    }

    /// Says in the APDU that data is expected (Le, as much as there is). Cards over T=1 and contactless ones send it
    /// either way.
    #[must_use]
    pub const fn expecting_data(mut self) -> Self {
        self.expects_data = true;
        self
    }

    /// Lengths in the widest form that gets through, needed or not: an extended Lc for any data; where lengths are
    /// short, Le in a command without data. It is what the vendor's client of YubiKey tokens sends (yubikey-manager,
    /// `yubikit/core/smartcard`).
    #[must_use]
    pub const fn in_widest_form(mut self) -> Self {
        self.widest = true;
        self
    }

    fn has_le(&self, lengths: Lengths) -> bool {
        self.expects_data || (self.widest && self.data.is_empty() && lengths == Lengths::Short)
    }

    fn has_extended_lc(&self, lengths: Lengths) -> bool {
        lengths == Lengths::Extended && (self.data.len() > 255 || (self.widest && !self.data.is_empty()))
    }

    /// The APDUs of this command in their order: one, or a chain (ISO 7816-4 §5.3.3).
    fn encoded(&self, lengths: Lengths) -> Vec<Zeroizing<Vec<u8>>> {
        let apdu = |class: u8, data: &[u8], last: bool| {
            let mut apdu = Zeroizing::new(Vec::with_capacity(data.len() + 9));
            apdu.extend([class, self.instruction, self.p1, self.p2]);
            let extended = self.has_extended_lc(lengths);
            if extended {
                let [.., high, low] = data.len().to_be_bytes();
                apdu.extend([0, high, low]);
            } else if !data.is_empty() {
                apdu.push(data.len().to_be_bytes()[size_of::<usize>() - 1]);
            }
            apdu.extend(data);
            if last && self.has_le(lengths) {
                apdu.extend(if extended { &[0, 0][..] } else { &[0] });
            }
            apdu
        };
        if self.data.len() <= 255 || lengths == Lengths::Extended {
            return vec![apdu(self.class, &self.data, true)];
        }
        let parts = self.data.chunks(255);
        let last = parts.len() - 1;
        parts
            .enumerate()
            .map(|(number, part)| {
                let class = if number == last { self.class } else { self.class | 0x10 };
                apdu(class, part, number == last)
            })
            .collect()
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { class, instruction, p1, p2, .. } = self;
        write!(f, "{class:02X}{instruction:02X}{p1:02X}{p2:02X}")?;
        if self.secret {
            return write!(f, " ({} secret bytes)", self.data.len());
        }
        if !self.data.is_empty() {
            f.write_str(" ")?;
        }
        self.data.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// The two bytes behind every response (ISO 7816-4 §5.6).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub u16);

impl Status {
    /// Done.
    pub const OK: Self = Self(0x9000);
    /// The length of the data is wrong.
    pub const WRONG_LENGTH: Self = Self(0x6700);
    /// Something has to come first: a PIN, a key, a touch.
    pub const SECURITY: Self = Self(0x6982);
    /// What the command refers to is not there, or does not fit what is.
    pub const INVALID: Self = Self(0x6984);
    /// The conditions of use are not met.
    pub const CONDITIONS: Self = Self(0x6985);
    /// The data is wrong.
    pub const WRONG_DATA: Self = Self(0x6a80);
    /// There is no such function.
    pub const NO_FUNCTION: Self = Self(0x6a81);
    /// There is no such application, file or entry.
    pub const NOT_FOUND: Self = Self(0x6a82);
    /// There is no more room.
    pub const NO_SPACE: Self = Self(0x6a84);
    /// P1 or P2 is wrong.
    pub const WRONG_PARAMETERS: Self = Self(0x6b00);
    /// There is no such instruction.
    pub const NO_INSTRUCTION: Self = Self(0x6d00);

    /// Bytes that are still to be fetched; 0 means 256 or more.
    const fn more(self) -> Option<u8> {
        if self.0 >> 8 == 0x61 { Some(self.low()) } else { None }
    }

    /// The length that has to be asked for.
    const fn right_length(self) -> Option<u8> {
        if self.0 >> 8 == 0x6c { Some(self.low()) } else { None }
    }

    const fn low(self) -> u8 {
        self.0.to_be_bytes()[1]
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

/// What came back: all parts in one piece.
pub struct Response {
    /// Without the status; wiped when dropped.
    pub data: Zeroizing<Vec<u8>>,
    /// Of the last part.
    pub status: Status,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, {}", self.data.len(), self.status)
    }
}

/// How the rest of a long response is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// GET RESPONSE (ISO 7816-4 §11.7.1): `00 C0 00 00 Le`.
    GetResponse,
    /// SEND REMAINING of YKOATH: `00 A5 00 00`, and Le where lengths are short.
    SendRemaining,
}

/// Sends a command, in parts where it must be, and collects its response.
///
/// Whatever the card sends, this ends: after 64 KiB or 64 parts with [`TransportError::Garbled`].
pub fn send(
    transport: &mut dyn Transport,
    command: &Command,
    rest: Rest,
) -> Result<Response, TransportError> {
    let apdus = command.encoded(transport.lengths());
    let last = apdus.len() - 1;
    let mut answer = (Zeroizing::new(Vec::new()), Status::OK);
    for (number, apdu) in apdus.iter().enumerate() {
        answer = split(transport.transmit(apdu)?)?;
        if let Some(length) = answer.1.right_length() {
            let mut again = apdu.clone();
            if number == last && command.has_le(transport.lengths()) {
                again.pop();
            } else if command.has_extended_lc(transport.lengths()) {
                again.push(0);
            }
            again.push(length);
            answer = split(transport.transmit(&again)?)?;
        }
        if number < last && answer.1 != Status::OK {
            // A part of a chain was refused: the card knows nothing of the rest.
            return Ok(Response { data: answer.0, status: answer.1 });
        }
    }
    let (mut data, mut status) = answer;
    let mut parts = 1;
    while let Some(more) = status.more() {
        if parts == MOST_PARTS || data.len() > MOST_BYTES {
            return Err(TransportError::Garbled("a response without end"));
        }
        let (part, next) = match rest {
            Rest::GetResponse => split(transport.transmit(&[0x00, 0xc0, 0x00, 0x00, more])?)?,
            Rest::SendRemaining => {
                let lengths = transport.lengths();
                split(transport.transmit(if lengths == Lengths::Short {
                    &[0, 0xa5, 0, 0, 0]
                } else {
                    &[0, 0xa5, 0, 0]
                })?)?
            }
        };
        data.reserve(part.len());
        data.extend_from_slice(&part);
        status = next;
        parts += 1;
    }
    Ok(Response { data, status })
}

/// The data and the status word behind it.
fn split(mut response: Zeroizing<Vec<u8>>) -> Result<(Zeroizing<Vec<u8>>, Status), TransportError> {
    if response.len() > MOST_BYTES + 2 {
        return Err(TransportError::Garbled("a response that is too long"));
    }
    // pcscd reports a card that was torn out as a success without a byte.
    let (Some(low), Some(high)) = (response.pop(), response.pop()) else {
        return Err(TransportError::Lost);
    };
    Ok((response, Status(u16::from_be_bytes([high, low]))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transport::scripted::{Scripted, hex};

    #[test]
    fn commands_have_the_lengths_that_get_through() {
        let encoded = |len: usize, lengths| {
            let command = Command::new(0x00, 0x01, 0x02, 0x03).with_data(&vec![0xaa; len]).expecting_data();
            command.encoded(lengths).iter().map(|apdu| hex(&apdu[..apdu.len().min(8)])).collect::<Vec<_>>()
        };
        assert_eq!(encoded(0, Lengths::Short), ["0001020300"]);
        assert_eq!(encoded(2, Lengths::Short), ["0001020302AAAA00"]);
        assert_eq!(encoded(255, Lengths::Extended), ["00010203FFAAAAAA"]);
        assert_eq!(encoded(256, Lengths::Extended), ["00010203000100AA"]);
        assert_eq!(encoded(300, Lengths::Short), ["10010203FFAAAAAA", "000102032DAAAAAA"]);
        let widest = |data: &[u8], lengths| {
            let command = Command::new(0x00, 0x01, 0x02, 0x03).with_data(data).in_widest_form();
            command.encoded(lengths).iter().map(|apdu| hex(apdu)).collect::<Vec<_>>()
        };
        assert_eq!(widest(&[0xaa], Lengths::Extended), ["00010203000001AA"]);
        assert_eq!(widest(&[0xaa], Lengths::Short), ["0001020301AA"]);
        assert_eq!(widest(&[], Lengths::Extended), ["00010203"]);
        assert_eq!(widest(&[], Lengths::Short), ["0001020300"]);
    }

    #[test]
    fn long_responses_are_collected() {
        let select = Command::select(&[0xa0, 0x00]);
        let mut card = Scripted::new(
            Lengths::Short,
            &[("00A4040002A000", "01026103"), ("00C0000003", "0304056101"), ("00C0000001", "069000")],
        );
        let response = send(&mut card, &select, Rest::GetResponse).expect("answered");
        assert_eq!((hex(&response.data).as_str(), response.status), ("010203040506", Status::OK));
        let mut card = Scripted::new(Lengths::Short, &[("00A10000", "016100"), ("00A5000000", "029000")]);
        let list = Command::new(0x00, 0xa1, 0x00, 0x00);
        assert_eq!(hex(&send(&mut card, &list, Rest::SendRemaining).expect("answered").data), "0102");
        let mut card = Scripted::new(Lengths::Short, &[("00A10000", "6C05"), ("00A1000005", "01029000")]);
        assert_eq!(hex(&send(&mut card, &list, Rest::GetResponse).expect("answered").data), "0102");
        let script = [("00A10000000001AA", "6C05"), ("00A10000000001AA0005", "01029000")];
        let mut card = Scripted::new(Lengths::Extended, &script);
        let widest = Command::new(0x00, 0xa1, 0x00, 0x00).with_data(&[0xaa]).in_widest_form();
        assert_eq!(hex(&send(&mut card, &widest, Rest::GetResponse).expect("answered").data), "0102");
        let mut card = Scripted::new(Lengths::Extended, &[("00A10000", "016100"), ("00A50000", "029000")]);
        assert_eq!(hex(&send(&mut card, &list, Rest::SendRemaining).expect("answered").data), "0102");
    }

    #[test]
    fn a_refused_part_ends_the_chain() {
        let long = Command::new(0x00, 0x01, 0x00, 0x00).with_data(&[0; 300]);
        let first = format!("10010000FF{}", "00".repeat(255));
        let mut card = Scripted::new(Lengths::Short, &[(&first, "6700")]);
        let response = send(&mut card, &long, Rest::GetResponse).expect("answered");
        assert_eq!(response.status, Status::WRONG_LENGTH);
    }

    struct Endless(Vec<u8>);

    impl Transport for Endless {
        fn transmit(&mut self, _: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
            Ok(Zeroizing::new(self.0.clone()))
        }

        fn lengths(&self) -> Lengths {
            Lengths::Short
        }
    }

    #[test]
    fn a_card_cannot_keep_us() {
        let list = Command::new(0x00, 0xa1, 0x00, 0x00);
        for answer in [vec![0x61, 0xff], [vec![7; 255], vec![0x61, 0xff]].concat(), vec![7; 70_000]] {
            let ended = send(&mut Endless(answer), &list, Rest::GetResponse);
            assert!(matches!(ended, Err(TransportError::Garbled(_))), "{ended:?}");
        }
        let torn = send(&mut Endless(Vec::new()), &list, Rest::GetResponse);
        assert_eq!(torn.err(), Some(TransportError::Lost));
    }

    #[test]
    fn a_card_that_goes_is_told_as_it_was() {
        let list = Command::new(0x00, 0xa1, 0x00, 0x00);
        let mut card = Scripted::new(Lengths::Short, &[]).then_fails("00A10000", TransportError::Lost);
        let error = send(&mut card, &list, Rest::GetResponse).err();
        assert_eq!(error, Some(TransportError::Lost));
        assert!(error.is_some_and(|error| error.outcome_is_unknown()));
    }

    #[test]
    fn secret_commands_show_their_header_only() {
        let secret = Command::new(0x00, 0x01, 0x00, 0x00).with_secret(Zeroizing::new(vec![0x5e; 20]));
        assert_eq!(format!("{secret:?}"), "00010000 (20 secret bytes)");
        assert_eq!(format!("{:?}", Command::select(&[0xa0])), "00A40400 A0");
    }

    proptest! {
        #[test]
        fn any_answer_ends(answer in prop::collection::vec(any::<u8>(), 0..600)) {
            let list = Command::new(0x00, 0xa1, 0x00, 0x00);
            let _ = send(&mut Endless(answer), &list, Rest::GetResponse);
        }
    }
}
