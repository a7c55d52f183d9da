//! Whatever a card answers, everything ends.

use proptest::prelude::*;

use super::cuts::{Said, Subject};
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

/// How a token goes on from some command on, having executed it.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// Another part is promised, for ever.
    Endless,
    /// And the parts are empty.
    EndlessNothing,
    /// 64 KiB.
    Long,
    /// More than an answer can have.
    TooLong,
    /// It is there, and says nothing.
    Silent,
}

/// Goes on like this after so many commands.
struct Turns<'a, C> {
    inner: &'a mut Inserted<C>,
    turn: Turn,
    after: usize,
    sent: usize,
}

impl<C: Card> Transport for Turns<'_, C> {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        self.sent += 1;
        let answer = self.inner.transmit(command);
        if self.sent <= self.after {
            return answer;
        }
        Ok(Zeroizing::new(match self.turn {
            Turn::Endless => vec![0x00, 0x61, 0x00],
            Turn::EndlessNothing => vec![0x61, 0xff],
            Turn::Long => [vec![0x7f; 64 << 10], vec![0x90, 0x00]].concat(),
            Turn::TooLong => [vec![0x7f; 70_000], vec![0x90, 0x00]].concat(),
            Turn::Silent => return Err(TransportError::Silent),
        }))
    }

    fn lengths(&self) -> Lengths {
        self.inner.lengths()
    }
}

/// Lets a token turn at each command of a write: that ends soon, and says the truth about the token.
fn turns_anywhere<C: Subject>(name: &str, make: &dyn Fn() -> Inserted<C>, order: &dyn Fn() -> Order) {
    let mut whole = make();
    let mut counted = Turns { inner: &mut whole, turn: Turn::Silent, after: usize::MAX, sent: 0 };
    written(&mut counted, &order()).expect("without a turn");
    for after in 0..counted.sent {
        for turn in [Turn::Endless, Turn::EndlessNothing, Turn::Long, Turn::TooLong, Turn::Silent] {
            let mut reader = make();
            let before = reader.card.memory();
            let mut hostile = Turns { inner: &mut reader, turn, after, sent: 0 };
            let done = written(&mut hostile, &order()).map(drop);
            // At most 512 parts of an answer, and a look at what became of it.
            let most = after + 4 * 512;
            assert!(hostile.sent <= most, "{name}: {} commands, {turn:?} after {after}", hostile.sent);
            let has_changed = before != reader.card.memory();
            let said = Said::of(&done);
            assert!(
                said.is_true(has_changed),
                "{name}: {done:?}, changed: {has_changed}, {turn:?} after {after}"
            );
        }
    }
}

#[test]
fn a_token_that_turns_hostile_keeps_nobody_and_is_told_as_it_is() {
    let looked_at = || {
        let mut key = key(V5, Reach::Usb);
        found(&mut key);
        key
    };
    turns_anywhere("OATH", &looked_at, &|| oath_order(totp(), oath_target()));
    turns_anywhere("a slot", &looked_at, &|| slot_order(Slot::One, access_code(1), access_code(2)));
    turns_anywhere("Token2", &|| token2(P2), &|| token2_order(P2));
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
