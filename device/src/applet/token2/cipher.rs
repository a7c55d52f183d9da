//! SM4 (GB/T 32907-2016) as Token2's programmable tokens use it: padding, blocks one by one, and the MAC of commands.

use sm4::Sm4;
use sm4::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use zeroize::Zeroizing;

const BLOCK: usize = 16;
const MAC: usize = 4;

/// SM4 under one device key.
pub(crate) struct Cipher(Sm4);

impl Cipher {
    pub(crate) fn new(key: [u8; BLOCK]) -> Self {
        Self(Sm4::new(&Array(key)))
    }

    /// Encrypts whole blocks in place, each for itself (ECB).
    pub(crate) fn encrypt(&self, blocks: &mut [u8]) {
        for block in blocks.chunks_exact_mut(BLOCK) {
            self.0.encrypt_block(block.try_into().expect("a chunk has the length of a block"));
        }
    }

    /// The opposite of [`Self::encrypt`].
    pub(crate) fn decrypt(&self, blocks: &mut [u8]) {
        for block in blocks.chunks_exact_mut(BLOCK) {
            self.0.decrypt_block(block.try_into().expect("a chunk has the length of a block"));
        }
    }

    /// What the token expects for a challenge: it and eight zeros, encrypted.
    pub(crate) fn answer(&self, challenge: [u8; 8]) -> [u8; BLOCK] {
        let mut answer = [0; BLOCK];
        answer[..8].copy_from_slice(&challenge);
        self.encrypt(&mut answer);
        answer
    }

    /// The four bytes behind a command: the start of the last block of SM4-CBC, IV zero, over header, length and body.
    /// The class is 80 here although the command is sent with 84, and the length is that of the body alone.
    pub(crate) fn mac(&self, instruction: u8, p1: u8, p2: u8, body: &[u8]) -> [u8; MAC] {
        let length = body.len().to_be_bytes()[size_of::<usize>() - 1];
        let mut signed = [&[0x80, instruction, p1, p2, length], body].concat();
        if !signed.len().is_multiple_of(BLOCK) {
            signed.push(0x80);
            signed.resize(signed.len().next_multiple_of(BLOCK), 0);
        }
        let mut chained = [0; BLOCK];
        for block in signed.chunks_exact(BLOCK) {
            chained.iter_mut().zip(block).for_each(|(chained, byte)| *chained ^= byte);
            self.encrypt(&mut chained);
        }
        [chained[0], chained[1], chained[2], chained[3]]
    }
}

/// With 80 and zeros to whole blocks behind it. What fills its blocks already gets one more: the token takes off
/// everything from the last 80 on. A MAC can follow without a copy that nobody wipes.
pub(crate) fn padded(secret: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = (secret.len() + 1).next_multiple_of(BLOCK);
    let mut padded = Zeroizing::new(Vec::with_capacity(length + MAC));
    padded.extend(secret);
    padded.push(0x80);
    padded.resize(length, 0);
    padded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::scripted::{bytes, hex};

    #[test]
    fn the_standards_own_example() {
        let block = bytes("0123456789ABCDEFFEDCBA9876543210");
        let cipher = Cipher::new(block.clone().try_into().expect("16 bytes"));
        let mut text = block.clone();
        cipher.encrypt(&mut text);
        assert_eq!(hex(&text), "681EDF34D206965E86B3E94F536E4246");
        cipher.decrypt(&mut text);
        assert_eq!(text, block);
    }

    #[test]
    fn a_full_block_gets_one_more() {
        let lengths = [1, 15, 16, 31, 32, 63].map(|len| padded(&vec![1; len]).len());
        assert_eq!(lengths, [16, 16, 32, 32, 48, 64]);
    }
}
