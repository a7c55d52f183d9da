//! Whatever a card answers, everything ends.

use proptest::prelude::*;

use super::*;
use crate::transport::scripted::bytes;

/// A card that answers whatever somebody made up, over and over.
struct Hostile {
    answers: Vec<Vec<u8>>,
    next: usize,
}

impl Transport for Hostile {
    fn transmit(&mut self, _: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        let answer = self.answers.get(self.next % self.answers.len()).cloned().unwrap_or_default();
        self.next += 1;
        Ok(Zeroizing::new(answer))
    }

    fn lengths(&self) -> Lengths {
        Lengths::Short
    }
}

/// Answers that get past the first questions, and such as nobody foresees.
fn answer() -> impl Strategy<Value = Vec<u8>> {
    let likely = [
        "FW version 5.7.49000",
        "0B020400BC614E05030507049000",
        "7903050704710801020304050607089000",
        "0507040105009000",
        "0000000E383635393632323030303030303100006553F1009000",
        "9000",
        "6A82",
        "6100",
    ];
    let of_text = |text: &&str| {
        data_encoding::HEXUPPER.decode(text.as_bytes()).unwrap_or_else(|_| {
            let (said, status) = text.split_at(text.len() - 4);
            [said.as_bytes(), &bytes(status)].concat()
        })
    };
    let likely: Vec<_> = likely.iter().map(of_text).collect();
    prop_oneof![prop::sample::select(likely), prop::collection::vec(any::<u8>(), 0..40)]
}

proptest! {
    #[test]
    fn any_answers_end(answers in prop::collection::vec(answer(), 1..12)) {
        let card = || Hostile { answers: answers.clone(), next: 0 };
        let known = Known { models: models(), expects_token2: true };
        for atr in ["3B80800101", "3BFD1300008131FE158073C021C057597562694B657940"] {
            let _ = look(&mut card(), &bytes(atr), &known);
        }
        let orders = [
            oath_order(totp(), OathTarget { current: password("a"), new: password("b"), ..oath_target() }),
            oath_order(hotp(1), oath_target()),
            slot_order(Slot::One, access_code(1), access_code(2)),
            token2_order(P2),
        ];
        for order in &orders {
            let _ = written(&mut card(), order);
            let _ = take_code(&mut card(), order, AT);
            let _ = state_of(&mut card(), order, AT);
            let _ = erase(&mut card(), order, clock().as_ref(), &seed());
        }
    }
}
