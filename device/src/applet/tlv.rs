//! Tag, length, value (ISO 7816-4 §5.2.2), with tags of one byte and lengths up to 65,535.

/// Takes the first one off; `None` when `rest` does not hold a whole one, and then it is left as it is.
pub(crate) fn take<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&tag, behind) = rest.split_first()?;
    let (len, behind) = match behind {
        [short @ ..=0x7f, behind @ ..] => (usize::from(*short), behind),
        [0x81, len, behind @ ..] => (usize::from(*len), behind),
        [0x82, high, low, behind @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), behind),
        _ => return None,
    };
    let (value, behind) = behind.split_at_checked(len)?;
    *rest = behind;
    Some((tag, value))
}

/// Writes tag and length of a value that the caller appends.
///
/// The buffer of a secret must have room for all of it: a buffer that grows leaves copies behind.
pub(crate) fn head(out: &mut Vec<u8>, tag: u8, len: usize) {
    let [.., high, low] = len.to_be_bytes();
    out.push(tag);
    match len {
        ..=0x7f => out.push(low),
        0x80..=0xff => out.extend([0x81, low]),
        _ => out.extend([0x82, high, low]),
    }
}

/// Writes a whole one.
pub(crate) fn push(out: &mut Vec<u8>, tag: u8, value: &[u8]) {
    head(out, tag, value.len());
    out.extend(value);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_have_three_forms() {
        for (len, head_len) in [(0, 2), (127, 2), (128, 3), (255, 3), (256, 4), (65_535, 4)] {
            let mut out = Vec::new();
            push(&mut out, 0x71, &vec![7; len]);
            assert_eq!(out.len(), head_len + len);
            let mut rest = out.as_slice();
            assert_eq!(take(&mut rest).map(|(tag, value)| (tag, value.len())), Some((0x71, len)));
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn what_is_cut_off_is_left() {
        for cut in [
            &[0x71][..],
            &[0x71, 2, 0],
            &[0x71, 0x81],
            &[0x71, 0x82, 1],
            &[0x71, 0x80, 0],
            &[0x71, 0x83, 0, 0, 0],
        ] {
            let mut rest = cut;
            assert_eq!(take(&mut rest), None);
            assert_eq!(rest, cut);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut rest = bytes.as_slice();
            while take(&mut rest).is_some() {}
        }
    }
}
