//! HOTP (RFC 4226): from an HMAC to a code.
//!
//! The HMAC itself is computed in [`kernel`](super::kernel); the counter belongs to the caller.

/// Dynamic truncation (RFC 4226 §5.3): a 31-bit number out of an HMAC of any length.
///
/// `head` holds the first 20 bytes of the HMAC as big-endian words, `last` is its **last** byte,
/// whose low four bits are the offset. RFC 4226 writes "String[19]" because it knows SHA-1 only;
/// errata 6756 says what is meant for longer HMACs.
#[inline]
pub(super) fn truncate(head: [u32; 5], last: u8) -> u32 {
    let offset = usize::from(last & 0xf);
    // At most byte 15 + 4 = 19, so the word after `offset / 4` exists.
    let pair = u64::from(head[offset / 4]) << 32 | u64::from(head[offset / 4 + 1]);
    let shifted = (pair >> (32 - 8 * (offset % 4))) & 0x7fff_ffff;
    u32::try_from(shifted).expect("31 bits are left after the mask")
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use serde::Deserialize;
    use subtle::ConstantTimeEq;

    use super::*;
    use crate::oath::{Digits, Generator, HashAlg, MovingFactor, Otp};
    use crate::secret::Seed;

    #[derive(Deserialize)]
    struct Vectors {
        rows: Vec<Row>,
    }

    #[derive(Deserialize)]
    struct Row {
        source: String,
        hash: String,
        seed_ascii: String,
        counter: u64,
        hmac_hex: String,
        truncated: u32,
        digits: u32,
        code: String,
    }

    fn rows() -> Vec<Row> {
        let text = include_str!("../../../tests/data/vectors/hotp.json");
        serde_json::from_str::<Vectors>(text).expect("the vector file is well formed").rows
    }

    fn reference_hmac(alg: HashAlg, seed: &[u8], counter: u64) -> Vec<u8> {
        macro_rules! compute {
            ($hash:ty) => {{
                let mut mac = Hmac::<$hash>::new_from_slice(seed).expect("HMAC takes keys of any length");
                mac.update(&counter.to_be_bytes());
                mac.finalize().into_bytes().to_vec()
            }};
        }
        match alg {
            HashAlg::Sha1 => compute!(sha1::Sha1),
            HashAlg::Sha256 => compute!(sha2::Sha256),
            HashAlg::Sha512 => compute!(sha2::Sha512),
        }
    }

    fn truncate_bytes(hmac: &[u8]) -> u32 {
        let word = |i: usize| u32::from_be_bytes(hmac[4 * i..4 * i + 4].try_into().expect("four bytes"));
        truncate(std::array::from_fn(word), hmac[hmac.len() - 1])
    }

    #[test]
    fn all_vectors_give_their_code() {
        let rows = rows();
        assert_eq!(rows.iter().filter(|r| r.source == "RFC 4226 Appendix D").count(), 10);
        assert_eq!(rows.len(), 27);
        for row in rows {
            let what = format!("{} {} counter {} digits {}", row.source, row.hash, row.counter, row.digits);
            let alg = HashAlg::from_name(&row.hash).expect("a known hash");
            let hmac = reference_hmac(alg, row.seed_ascii.as_bytes(), row.counter);
            assert_eq!(data_encoding::HEXLOWER.encode(&hmac), row.hmac_hex, "{what}");
            assert_eq!(truncate_bytes(&hmac), row.truncated, "{what}");
            let generator = Generator::new(&Seed::new(row.seed_ascii.into_bytes()), alg);
            let factor = MovingFactor(row.counter);
            assert_eq!(generator.truncated(factor), row.truncated, "{what}");
            if let Ok(digits) = Digits::new(row.digits) {
                let expected = Otp::parse(&row.code).expect("a code");
                assert!(bool::from(generator.code(factor, digits).ct_eq(&expected)), "{what}");
            } else {
                let width = usize::try_from(row.digits).expect("small");
                let modulus = 10u64.pow(row.digits);
                assert_eq!(format!("{:0width$}", u64::from(row.truncated) % modulus), row.code, "{what}");
            }
        }
    }

    #[test]
    fn offset_is_taken_from_the_last_byte_at_each_of_its_values() {
        let hmac: Vec<u8> = (0..20).map(|i| 0xe0 + i).collect();
        for offset in 0..16u8 {
            let mut hmac = hmac.clone();
            hmac[19] = 0xf0 | offset;
            let at = usize::from(offset);
            let expected = u32::from_be_bytes(hmac[at..at + 4].try_into().expect("four bytes")) & 0x7fff_ffff;
            assert_eq!(truncate_bytes(&hmac), expected, "offset {offset}");
        }
    }
}
