//! Where a token is, as console and station show it.

use super::page::{Badge, Tone};
use crate::words::Words;

/// A place of custody as icon and word.
pub(super) fn custody_badge(word: &str) -> Badge {
    let (tone, icon, id) = match word {
        "in_stock" => (Tone::Neutral, "package", "tokens-in-stock"),
        "assigned" => (Tone::Neutral, "network", "tokens-assigned"),
        "handed_out" => (Tone::Neutral, "hand-helping", "tokens-handed-out"),
        "confirmed" => (Tone::Good, "badge-check", "tokens-confirmed"),
        "returned" => (Tone::Neutral, "undo-2", "tokens-returned"),
        "lost" => (Tone::Bad, "circle-question-mark", "tokens-lost"),
        _ => (Tone::Neutral, "archive", "tokens-retired"),
    };
    Badge::with_icon(tone, icon, &Words::ENGLISH.text(id))
}
