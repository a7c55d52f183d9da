//! Parts of a form that may hold secrets: read into memory that is wiped.

use axum::extract::multipart::{Field, MultipartError};
use zeroize::Zeroizing;

/// Why a part was not read.
#[derive(Debug)]
pub(super) enum PartFault {
    /// It is larger than allowed.
    TooLarge,
    /// It did not arrive whole.
    Broken(MultipartError),
}

/// Reads a part into memory that is wiped, also where it had to grow.
pub(super) async fn read(field: &mut Field<'_>, most: usize) -> Result<Zeroizing<Vec<u8>>, PartFault> {
    let mut all = Zeroizing::new(Vec::with_capacity(64 << 10));
    while let Some(chunk) = field.chunk().await.map_err(PartFault::Broken)? {
        if all.len() + chunk.len() > most {
            return Err(PartFault::TooLarge);
        }
        append(&mut all, &chunk);
    }
    Ok(all)
}

/// Appends; what was outgrown is wiped.
pub(crate) fn append(all: &mut Zeroizing<Vec<u8>>, more: &[u8]) {
    let needed = all.len() + more.len();
    if needed > all.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(all.capacity() * 2)));
        larger.extend_from_slice(all);
        *all = larger;
    }
    all.extend_from_slice(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_appended_is_there_in_order() {
        let mut all = Zeroizing::new(Vec::with_capacity(4));
        for n in 0..200_u8 {
            append(&mut all, &[n; 3]);
        }
        let expected: Vec<u8> = (0..200_u8).flat_map(|n| [n; 3]).collect();
        assert_eq!(*all, expected);
    }
}
