//! What may be asked for and what comes of it, for each of the 27 ways in which token, password and mail
//! address can be fine, lost or absent. Pure; the table is in `docs/restore-access.md`, and a test keeps the
//! two equal.
//!
//! One rule makes the table: whoever proves one of the factors that are left needs one operator. Whoever can
//! prove nothing needs two of them, and a wait in which the owner of an old channel can cancel.

use crate::model::{Claim, Factors, RestoreDraft};

/// How it is with one factor, by what is on record and what the requester says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FactorState {
    /// The user has it, and it is not said to be lost.
    Fine,
    /// The user has it, and it is said to be lost.
    Lost,
    /// The user has none.
    Absent,
}

impl FactorState {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 3] = [Self::Fine, Self::Lost, Self::Absent];

    /// The word in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Lost => "lost",
            Self::Absent => "absent",
        }
    }

    /// From what is on record and what was ticked. What nobody has cannot be lost.
    pub const fn of(has: bool, ticked: bool) -> Self {
        match (has, ticked) {
            (true, false) => Self::Fine,
            (true, true) => Self::Lost,
            (false, _) => Self::Absent,
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// There is something to ask for.
    pub may_request: bool,
    /// Each of these proves who asks; one is enough.
    pub proofs: Factors<bool>,
    /// Nothing can be proved: two operators, and the wait.
    pub two_operators: bool,
    /// What approval does: the token is switched off, the password replaced, a link mailed to the new address.
    pub effects: Factors<bool>,
}

/// The row of these three states.
pub fn judge(states: Factors<FactorState>) -> Judgement {
    let fine = states.map(|_, state| state == FactorState::Fine);
    let lost = states.map(|_, state| state == FactorState::Lost);
    let may_request = any(lost);
    let none = Factors::default();
    Judgement {
        may_request,
        proofs: if may_request { fine } else { none },
        two_operators: may_request && !any(fine),
        effects: lost,
    }
}

impl Judgement {
    /// Whether a request with these proofs becomes an issue.
    pub fn is_kept(&self, proved: Factors<bool>) -> bool {
        let is_proved = any(self.proofs.map(|factor, counts| counts && proved.of(factor)));
        self.may_request && (self.two_operators || is_proved)
    }
}

/// What an issue says of each factor.
pub(super) fn claims(states: Factors<FactorState>, proved: Factors<bool>) -> Factors<Claim> {
    states.map(|factor, state| match state {
        FactorState::Absent => Claim::Absent,
        FactorState::Lost => Claim::Lost,
        FactorState::Fine if proved.of(factor) => Claim::Proved,
        FactorState::Fine => Claim::Unproved,
    })
}

/// What the requester is asked next. It follows from what was ticked, typed and proved, never from what is on
/// record, so it is the same for a login that nobody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreStep {
    /// What cannot be used?
    Lost,
    /// Something that can be.
    Proof,
    /// The new password.
    Password,
    /// The new address.
    Email,
    /// Whether all that is to be sent.
    Send,
    /// Nothing: it was sent.
    Sent,
}

impl RestoreStep {
    /// The step at which a request stands.
    pub fn of(draft: Option<&RestoreDraft>) -> Self {
        let Some(draft) = draft else { return Self::Lost };
        if draft.reference.is_some() {
            return Self::Sent;
        }
        let is_all_lost = draft.lost == Factors { token: true, password: true, email: true };
        if !is_all_lost && draft.proved == Factors::default() {
            Self::Proof
        } else if draft.lost.password && draft.new_password.is_none() {
            Self::Password
        } else if draft.lost.email && draft.new_email.is_none() {
            Self::Email
        } else {
            Self::Send
        }
    }
}

pub(super) fn any(of: Factors<bool>) -> bool {
    of.token || of.password || of.email
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Factor, FactorMark, PasswordHash};

    fn all() -> Vec<Factors<FactorState>> {
        let mut rows = Vec::new();
        for token in FactorState::ALL {
            for password in FactorState::ALL {
                for email in FactorState::ALL {
                    rows.push(Factors { token, password, email });
                }
            }
        }
        rows
    }

    #[test]
    fn p39_twenty_seven_rows_by_one_rule() {
        let rows = all();
        assert_eq!(rows.len(), 27);
        for states in rows {
            let judged = judge(states);
            let lost = states.where_it(|state| state == FactorState::Lost);
            let fine = states.where_it(|state| state == FactorState::Fine);
            assert_eq!(judged.may_request, !lost.is_empty(), "{states:?}");
            assert_eq!(judged.two_operators, !lost.is_empty() && fine.is_empty(), "{states:?}");
            assert_eq!(judged.effects.where_it(|is| is), lost, "{states:?}");
            // Without a proof only who can prove nothing is heard; with one the others are.
            assert_eq!(judged.is_kept(Factors::default()), judged.two_operators, "{states:?}");
            for factor in Factor::ALL {
                let proved = Factors::default().map(|one, _: bool| one == factor);
                let counts = judged.two_operators || (judged.may_request && fine.contains(&factor));
                assert_eq!(judged.is_kept(proved), counts, "{states:?} {factor:?}");
            }
        }
        let count = |fits: fn(&Judgement) -> bool| all().into_iter().filter(|row| fits(&judge(*row))).count();
        assert_eq!(count(|row| row.may_request), 19);
        assert_eq!(count(|row| row.two_operators), 7);
    }

    #[test]
    fn the_document_has_this_table() {
        let document = include_str!("../../../docs/restore-access.md");
        let rows: Vec<Vec<&str>> = document
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
            .map(|line| line.split(" | ").map(str::trim).collect::<Vec<_>>())
            .filter(|cells| cells.len() == 8 && cells[0].parse::<u32>().is_ok())
            .collect();
        assert_eq!(rows.len(), 27);
        for (cells, states) in rows.iter().zip(all()) {
            let judged = judge(states);
            let written = [states.token, states.password, states.email].map(FactorState::name);
            assert_eq!(cells[1..4], written, "row {}", cells[0]);
            let proofs: Vec<_> = judged.proofs.where_it(|is| is).into_iter().map(Factor::name).collect();
            let proof = match (judged.may_request, proofs.is_empty()) {
                (false, _) => "–".to_owned(),
                (true, true) => "nothing".to_owned(),
                (true, false) => proofs.join(" or "),
            };
            assert_eq!(cells[4], proof, "row {}", cells[0]);
            let who = match (judged.may_request, judged.two_operators) {
                (false, _) => "–",
                (true, false) => "one operator",
                (true, true) => "two operators, then the wait",
            };
            assert_eq!(cells[5], who, "row {}", cells[0]);
            let effects: Vec<_> = judged
                .effects
                .where_it(|is| is)
                .into_iter()
                .map(|factor| match factor {
                    Factor::Token => "token off",
                    Factor::Password => "new password",
                    Factor::Email => "link to the new address",
                })
                .collect();
            let effects = if effects.is_empty() { "–".to_owned() } else { effects.join(", ") };
            assert_eq!(cells[6], effects, "row {}", cells[0]);
            let stranger = if judged.two_operators { "an unproved request" } else { "nothing" };
            assert_eq!(cells[7], stranger, "row {}", cells[0]);
        }
    }

    #[test]
    fn steps_follow_from_what_was_ticked_and_typed() {
        let step = |draft: &RestoreDraft| RestoreStep::of(Some(draft));
        assert_eq!(RestoreStep::of(None), RestoreStep::Lost);
        let mut draft = RestoreDraft {
            lost: Factors { token: true, password: true, email: true },
            proved: Factors::default(),
            code: None,
            new_password: None,
            new_email: None,
            reference: None,
        };
        assert_eq!(step(&draft), RestoreStep::Password);
        draft.lost.token = false;
        assert_eq!(step(&draft), RestoreStep::Proof);
        draft.proved.token = Some(FactorMark([1; 32]));
        assert_eq!(step(&draft), RestoreStep::Password);
        draft.new_password = Some(PasswordHash("p".into()));
        assert_eq!(step(&draft), RestoreStep::Email);
        draft.lost.email = false;
        assert_eq!(step(&draft), RestoreStep::Send);
        draft.reference = Some(crate::model::IssueReference::from_random(1));
        assert_eq!(step(&draft), RestoreStep::Sent);
    }
}
