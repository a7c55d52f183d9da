//! What contactless tokens of other families say by standards: the record of an NFC tag, and the number of the chip.
//!
//! Sources: NFC Forum, Type 4 Tag and NFC Data Exchange Format; PC/SC part 3 §3.2.2.1.3 for the number of the chip.

use super::{management, otp, yubikey};
use crate::apdu::{self, Command, Rest, Status};
use crate::transport::{Transport, TransportError};

/// The application of a tag (NFC Forum Type 4 Tag §5.1).
const TAG: &[u8] = &[0xd2, 0x76, 0x00, 0x00, 0x85, 0x01, 0x01];
/// How URIs begin, by their first byte (NFC Forum URI Record Type Definition §3.2.2).
const URI_BEGINNINGS: [&str; 7] =
    ["", "http://www.", "https://www.", "http://", "https://", "tel:", "mailto:"];

/// The first record of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// An address.
    Uri(String),
    /// A text.
    Text(String),
}

/// What went wrong, and what to do.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NdefError {
    /// No bytes came back.
    #[error("{0}")]
    Transport(#[from] TransportError),
    /// Reading would change the token.
    #[error(
        "this is a YubiKey: reading its tag uses up a code; its serial number is read from its management applet"
    )]
    YubiKey,
    /// There is nothing to read.
    #[error("the token has no readable tag (status {0}); type or scan the number printed on it")]
    NoTag(Status),
    /// What is there is not read here.
    #[error("the tag of the token holds {0}; type or scan the number printed on it")]
    Unreadable(&'static str),
}

/// Asks the reader for the number of the chip.
pub fn uid() -> Command {
    Command::new(0xff, 0xca, 0x00, 0x00).expecting_data()
}

/// The number of the chip, when it is one: seven bytes. Those of four bytes are drawn anew each time the token is laid on
/// (ISO 14443-3 §6.4.4), or are given out twice.
pub fn parse_uid(data: &[u8]) -> Option<[u8; 7]> {
    data.try_into().ok()
}

/// Reads the number of the chip: a fact beside the serial number, never instead of it. `None` when there is none that
/// stays, or when the reader does not say it.
pub fn read_uid(transport: &mut dyn Transport) -> Result<Option<[u8; 7]>, TransportError> {
    let response = apdu::send(transport, &uid(), Rest::GetResponse)?;
    Ok(if response.status == Status::OK { parse_uid(&response.data) } else { None })
}

/// The first record of a file of NDEF: length in two bytes, then a short record.
pub fn parse_record(file: &[u8]) -> Result<Record, NdefError> {
    let message = file
        .split_first_chunk()
        .and_then(|(length, rest)| rest.get(..usize::from(u16::from_be_bytes(*length))));
    let message = message.ok_or(NdefError::Unreadable("less than it says"))?;
    // First and short, of the types that the NFC Forum names, not in parts and without an identifier.
    let (kind, payload) = match message {
        [flags, 1, length, kind, rest @ ..] if flags & 0xbf == 0x91 => {
            (kind, rest.get(..usize::from(*length)))
        }
        _ => return Err(NdefError::Unreadable("another record than an address or a text")),
    };
    let payload = payload.ok_or(NdefError::Unreadable("half a record"))?;
    let text = |bytes: &[u8]| {
        let text = str::from_utf8(bytes).map_err(|_| NdefError::Unreadable("a text that is no UTF-8"))?;
        if text.chars().any(char::is_control) {
            return Err(NdefError::Unreadable("a text with control characters"));
        }
        Ok(text.to_owned())
    };
    match (kind, payload) {
        (b'U', [beginning, rest @ ..]) => {
            let beginning = URI_BEGINNINGS.get(usize::from(*beginning));
            let beginning = beginning.ok_or(NdefError::Unreadable("an address of a rare kind"))?;
            Ok(Record::Uri([beginning, text(rest)?.as_str()].concat()))
        }
        // The length of the language's name, and the highest bit for UTF-16.
        (b'T', [status, rest @ ..]) if status & 0x80 == 0 => {
            let rest = rest.get(usize::from(status & 0x3f)..);
            Ok(Record::Text(text(rest.ok_or(NdefError::Unreadable("half a text"))?)?))
        }
        _ => Err(NdefError::Unreadable("another record than an address or a text in UTF-8")),
    }
}

/// Reads the first record of a tag. A YubiKey is told by what it says when it gets power and by its applets, and is not
/// read: each reading makes a code.
pub fn read(transport: &mut dyn Transport, atr: &[u8]) -> Result<Record, NdefError> {
    if yubikey::is_named_in(atr) {
        return Err(NdefError::YubiKey);
    }
    for applet in [&management::AID[..], &otp::AID] {
        if apdu::send(transport, &Command::select(applet), Rest::GetResponse)?.status == Status::OK {
            return Err(NdefError::YubiKey);
        }
    }
    read_tag(transport)
}

/// The same of what is known to be no YubiKey.
pub(crate) fn read_tag(transport: &mut dyn Transport) -> Result<Record, NdefError> {
    let tag = Command::select(TAG).expecting_data();
    let file = Command::new(0x00, 0xa4, 0x00, 0x0c).with_data(&[0xe1, 0x04]);
    let mut bytes = None;
    for command in [tag, file, Command::new(0x00, 0xb0, 0x00, 0x00).expecting_data()] {
        let response = apdu::send(transport, &command, Rest::GetResponse)?;
        if response.status != Status::OK {
            return Err(NdefError::NoTag(response.status));
        }
        bytes = Some(response.data);
    }
    parse_record(&bytes.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transport::Lengths;
    use crate::transport::scripted::{Scripted, bytes};

    const NOT_THERE: [(&str, &str); 2] =
        [("00A4040008A000000527471117", "6A82"), ("00A4040007A0000005272001", "6A82")];

    #[test]
    fn only_numbers_that_stay_are_read() {
        let uid = |answer| read_uid(&mut Scripted::new(Lengths::Short, &[("FFCA000000", answer)]));
        assert_eq!(uid("04A1B2C3D4E5F69000"), Ok(Some([0x04, 0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6])));
        for answer in
            ["08AABBCC9000", "11AABBCC9000", "049000", "00112233445566778899" /* ten bytes */, "6300"]
        {
            assert_eq!(uid(answer), Ok(None), "{answer}");
        }
    }

    #[test]
    fn a_tag_is_read() {
        let select = [("00A4040007D276000085010100", "9000"), ("00A4000C02E104", "9000")];
        let read_binary = [("00B0000000", "000AD101065402656E3132379000")];
        let mut card = Scripted::new(Lengths::Short, &[&NOT_THERE[..], &select, &read_binary].concat());
        assert_eq!(read(&mut card, &bytes("3B80800101")), Ok(Record::Text("127".to_owned())));
        assert_eq!(
            parse_record(&bytes("000ED1010B55046578616D706C652E6E65")),
            Err(NdefError::Unreadable("half a record")),
        );
        assert_eq!(
            parse_record(&bytes("000ED1010A5504612E6E65742F313237")),
            Ok(Record::Uri("https://a.net/127".to_owned())),
        );
        let mut card = Scripted::new(
            Lengths::Short,
            &[&NOT_THERE[..], &[("00A4040007D276000085010100", "6A82")]].concat(),
        );
        assert_eq!(read(&mut card, &[]), Err(NdefError::NoTag(Status::NOT_FOUND)));
    }

    #[test]
    fn no_code_of_a_yubikey_is_used_up() {
        let mut untouched = Scripted::new(Lengths::Short, &[]);
        let atr = bytes("3B8D80018073C021C057597562694B6579F9");
        assert_eq!(read(&mut untouched, &atr), Err(NdefError::YubiKey));
        let mut hidden = Scripted::new(Lengths::Short, &[NOT_THERE[0], (NOT_THERE[1].0, "0504030102039000")]);
        assert_eq!(read(&mut hidden, &bytes("3B80800101")), Err(NdefError::YubiKey));
    }

    proptest! {
        #[test]
        fn any_record_is_read_or_refused(data in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = parse_record(&data);
            let length = u16::try_from(data.len() + 4).expect("short").to_be_bytes();
            let _ = parse_record(&[&length[..], &[0xd1, 1, 10, b'T'], &data].concat());
        }
    }
}
