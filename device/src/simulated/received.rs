//! A command APDU as a card reads it (ISO 7816-4 §5.1), and how it hands a long answer out.

/// A command APDU.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Received<'a> {
    pub(crate) class: u8,
    pub(crate) instruction: u8,
    pub(crate) p1: u8,
    pub(crate) p2: u8,
    pub(crate) data: &'a [u8],
    /// Not so in the short form, where an answer has 256 bytes at most. The form without data and Le is of neither.
    pub(crate) is_short: bool,
}

impl<'a> Received<'a> {
    /// Reads all forms: header alone, short or extended Lc, Le, both. `None`: the lengths do not fit.
    pub(crate) fn read(command: &'a [u8]) -> Option<Self> {
        let [class, instruction, p1, p2, body @ ..] = command else { return None };
        let (data, is_short): (&[u8], _) = match body {
            // Nothing or Le alone.
            [] | [0, _, _] => (&[], false),
            [_] => (&[], true),
            [0, high, low, data @ ..] => {
                let len = usize::from(u16::from_be_bytes([*high, *low]));
                let is_whole = len > 0 && (data.len() == len || data.len() == len + 2);
                (data.get(..len).filter(|_| is_whole)?, false)
            }
            [len, data @ ..] => {
                let len = usize::from(*len);
                let is_whole = len > 0 && (data.len() == len || data.len() == len + 1);
                (data.get(..len).filter(|_| is_whole)?, true)
            }
        };
        Some(Self { class: *class, instruction: *instruction, p1: *p1, p2: *p2, data, is_short })
    }
}

/// An answer: data and status word.
pub(crate) type Answer = Result<Vec<u8>, u16>;

/// The first `most` bytes of what is left, with the status word that says how much follows.
pub(crate) fn next_part(rest: &mut Vec<u8>, most: usize) -> Vec<u8> {
    let mut part: Vec<u8> = rest.drain(..rest.len().min(most)).collect();
    match u8::try_from(rest.len()) {
        Ok(0) => part.extend([0x90, 0x00]),
        Ok(left) => part.extend([0x61, left]),
        // More than one byte can say.
        Err(_) => part.extend([0x61, 0x00]),
    }
    part
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_forms_are_read() {
        let read = |body: &[u8]| {
            let command = [&[0x00, 0xa1, 0x02, 0x03], body].concat();
            Received::read(&command).map(|received| (received.data.to_vec(), received.is_short))
        };
        assert_eq!(read(&[]), Some((vec![], false)));
        assert_eq!(read(&[0]), Some((vec![], true)));
        assert_eq!(read(&[2, 7, 8]), Some((vec![7, 8], true)));
        assert_eq!(read(&[2, 7, 8, 0]), Some((vec![7, 8], true)));
        assert_eq!(read(&[0, 0, 0]), Some((vec![], false)));
        assert_eq!(read(&[0, 0, 2, 7, 8]), Some((vec![7, 8], false)));
        assert_eq!(read(&[0, 0, 2, 7, 8, 0, 0]), Some((vec![7, 8], false)));
        for wrong in [&[2, 7][..], &[2, 7, 8, 9, 9], &[0, 0], &[0, 0, 2, 7], &[0, 0, 1, 7, 0], &[0, 0, 0, 0]]
        {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
        assert_eq!(Received::read(&[0, 0xa1, 0]), None);
    }

    #[test]
    fn long_answers_come_in_parts() {
        let mut rest = vec![7; 600];
        let ends: Vec<_> = (0..3)
            .map(|_| next_part(&mut rest, 255))
            .map(|part| (part.len() - 2, part[part.len() - 2..].to_vec()))
            .collect();
        assert_eq!(ends, [(255, vec![0x61, 0x00]), (255, vec![0x61, 90]), (90, vec![0x90, 0x00])]);
    }

    proptest! {
        #[test]
        fn any_command_is_read_or_refused(command in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = Received::read(&command);
        }
    }
}
