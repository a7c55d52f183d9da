//! The table of `docs/restore-access.md`, row by row, and who could abuse it.

use mintmark::model::{Claim, Factor, Factors};
use mintmark::service::{FactorState, IssueVerdict, RestoreProof, RestoreTyped, judge};

use super::super::fixture::{admin, typed, visit};
use super::{Case, code_of, factors};

const TABLE: &str = include_str!("../../../../docs/restore-access.md");

/// A row of the document.
struct Row {
    number: u32,
    states: Factors<FactorState>,
    proofs: Vec<Factor>,
    who: String,
    effects: String,
    stranger: String,
}

fn state_of(word: &str) -> FactorState {
    FactorState::ALL.into_iter().find(|state| state.name() == word).expect("fine, lost or absent")
}

fn rows() -> Vec<Row> {
    let rows: Vec<Row> = TABLE
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .filter_map(|line| {
            let cells: Vec<&str> = line.split(" | ").map(str::trim).collect();
            let number = cells.first()?.parse().ok()?;
            assert_eq!(cells.len(), 8, "{line}");
            let factor = |word: &str| Factor::ALL.into_iter().find(|factor| factor.name() == word);
            Some(Row {
                number,
                states: Factors {
                    token: state_of(cells[1]),
                    password: state_of(cells[2]),
                    email: state_of(cells[3]),
                },
                proofs: cells[4].split(" or ").filter_map(factor).collect(),
                who: cells[5].to_owned(),
                effects: cells[6].to_owned(),
                stranger: cells[7].to_owned(),
            })
        })
        .collect();
    assert_eq!(rows.len(), 27);
    rows
}

/// One operator, or two and the wait; nothing before.
fn decided(case: &Case, row: &Row, lost: Factors<bool>, has: Factors<bool>) {
    let what = format!("row {}", row.number);
    let issue = &case.open()[0];
    case.untouched(has, &what);
    if row.who == "one operator" {
        assert_eq!(case.verify(1, issue).expect("verified"), IssueVerdict::Approved, "{what}");
    } else {
        assert_eq!(row.who, "two operators, then the wait");
        let reference = issue.issue.reference.to_string();
        let alone = case.home.service.verify_user_issue(&admin(), issue.issue.id, &reference, "it is me");
        assert_eq!(code_of(alone), "operator_needed", "{what}");
        assert_eq!(case.verify(1, issue).expect("noted"), IssueVerdict::FirstOfTwo, "{what}");
        assert_eq!(code_of(case.verify(1, issue)), "another_operator", "{what}");
        case.untouched(has, &what);
        let verdict = case.verify(2, issue).expect("noted");
        assert!(matches!(verdict, IssueVerdict::Waits { .. }), "{what}: {verdict:?}");
        assert_eq!(code_of(case.verify(3, issue)), "issue_waits", "{what}");
        case.home.wait(24 * 3_600 - 1);
        case.home.service.sweep().expect("swept");
        case.untouched(has, &what);
        case.home.wait(1);
        case.home.service.sweep().expect("swept");
    }
    assert_eq!(case.issues()[0].issue.state.name(), "approved", "{what}");
    case.took_effect(lost, has, &what);
    assert!(case.issues()[0].issue.new_password.is_none());
}

/// P39, P43 to P45: the table of `docs/restore-access.md`, row by row through the service.
#[test]
fn service_p39_the_table_row_by_row() {
    for row in rows() {
        let what = format!("row {}", row.number);
        let has = row.states.map(|_, state| state != FactorState::Absent);
        let lost = row.states.map(|_, state| state == FactorState::Lost);
        let absent = has.map(|_, has| !has);
        let everything = factors(true, true, true);
        let judged = judge(row.states);
        assert_eq!(judged.may_request, row.who != "–", "{what}");
        let words = [(lost.token, "token off"), (lost.password, "new password"), (lost.email, "link to the")];
        assert!(words.iter().all(|(is, words)| row.effects.contains(words) == *is), "{what}");

        for proof in &row.proofs {
            let case = Case::new(has);
            case.ask("anna", lost, Some(*proof));
            let claims = case.open()[0].issue.claims;
            for factor in Factor::ALL {
                let claim = match row.states.of(factor) {
                    FactorState::Absent => Claim::Absent,
                    FactorState::Lost => Claim::Lost,
                    FactorState::Fine if factor == *proof => Claim::Proved,
                    FactorState::Fine => Claim::Unproved,
                };
                assert_eq!(claims.of(factor), claim, "{what}: {factor:?}");
            }
            decided(&case, &row, lost, has);
        }
        if row.who.starts_with("two") {
            let case = Case::new(has);
            case.ask("anna", everything, None);
            assert!(case.open()[0].issue.needs_two(), "{what}");
            decided(&case, &row, lost, has);
        }
        if !judged.may_request {
            // What is not on record cannot be lost: a number, and nothing behind it.
            let case = Case::new(has);
            let fine = Factor::ALL.into_iter().find(|factor| has.of(*factor));
            let portal = case.home.begin("anna");
            let nothing =
                case.home.service.portal_restore_lost(&portal, factors(false, false, false), &visit());
            assert_eq!(code_of(nothing), "nothing_lost", "{what}");
            if absent != factors(false, false, false) {
                case.ask("anna", absent, fine);
            }
            assert!(case.issues().is_empty(), "{what}");
            case.untouched(has, &what);
        }

        // A stranger who says the same.
        let case = Case::new(has);
        let ticked = lost.map(|factor, is| is || absent.of(factor));
        let portal = case.home.begin("anna");
        if ticked != factors(false, false, false) {
            case.lost(&portal, ticked);
            if ticked == everything {
                case.finish(&portal, ticked).expect("sent");
            } else {
                let guess = RestoreTyped {
                    password: (!ticked.password).then(|| typed("a wrong password")),
                    code: (!ticked.email).then(|| typed("00000000")),
                    otp: (!ticked.token).then(|| case.token.wrong(case.home.step())),
                };
                assert_eq!(case.prove(&portal, &guess), RestoreProof::Refused, "{what}");
                assert_eq!(code_of(case.finish(&portal, ticked)), "restore_order", "{what}");
            }
        }
        let reached = case.open();
        match row.stranger.as_str() {
            "nothing" => assert!(reached.is_empty(), "{what}"),
            "an unproved request" => {
                assert!(reached[0].issue.needs_two(), "{what}");
                let told = case.home.notices().iter().filter(|(to, _)| to == "anna@example.org").count();
                assert_eq!(told, usize::from(has.email), "{what}: the old channel is told");
            }
            other => panic!("{other}"),
        }
        case.untouched(has, &what);
    }
}

fn all_of(n: u32) -> Factors<bool> {
    factors(n & 1 != 0, n & 2 != 0, n & 4 != 0)
}

/// P39: nobody gets in without an operator, who knows the login only.
#[test]
fn service_p39_fraud_with_the_login_alone() {
    for has in (1..8).map(all_of) {
        let case = Case::new(has);
        for ticked in (1..8).map(all_of) {
            let what = format!("{has:?} {ticked:?}");
            let portal = case.home.begin("anna");
            case.lost(&portal, ticked);
            if ticked == factors(true, true, true) {
                case.finish(&portal, ticked).expect("sent");
            } else {
                for guess in [
                    RestoreTyped { password: Some(typed("a wrong password")), ..RestoreTyped::default() },
                    RestoreTyped { code: Some(typed("00000000")), ..RestoreTyped::default() },
                    RestoreTyped { otp: Some(case.token.wrong(case.home.step())), ..RestoreTyped::default() },
                ] {
                    let answer = case.prove(&portal, &guess);
                    assert_ne!(answer, RestoreProof::Passed, "{what}");
                }
                assert_eq!(code_of(case.finish(&portal, ticked)), "restore_order", "{what}");
            }
            case.untouched(has, &what);
        }
        assert!(case.open().iter().all(|view| view.issue.needs_two()), "{has:?}");
        // Left alone, they come to nothing.
        case.home.wait(31 * 86_400);
        case.home.service.sweep().expect("swept");
        assert!(case.open().is_empty());
        case.untouched(has, "expired");
    }
}

/// P39: nor who reads the old mails as well. Where the mail is all there is, it is the way to sign in (P8).
#[test]
fn service_p39_fraud_with_the_login_and_the_mails() {
    for has in [
        factors(false, false, true),
        factors(true, false, true),
        factors(false, true, true),
        factors(true, true, true),
    ] {
        for ticked in [factors(true, false, false), factors(false, true, false), factors(true, true, false)] {
            let what = format!("{has:?} {ticked:?}");
            let case = Case::new(has);
            let portal = case.home.begin("anna");
            case.lost(&portal, ticked);
            assert_eq!(case.prove(&portal, &case.proof(Factor::Email)), RestoreProof::Passed, "{what}");
            case.finish(&portal, ticked).expect("sent");
            let is_lost = ticked.map(|factor, is| is && has.of(factor));
            let open = case.open();
            if is_lost == factors(false, false, false) {
                assert!(open.is_empty(), "{what}");
            } else {
                assert_eq!(open[0].issue.claims.email, Claim::Proved, "{what}");
                assert!(
                    Factor::ALL
                        .iter()
                        .all(|one| *one == Factor::Email || open[0].issue.claims.of(*one) != Claim::Proved)
                );
            }
            case.home.wait(8 * 86_400);
            case.home.service.sweep().expect("swept");
            case.untouched(has, &what);
            // The link of an unproved request cannot be made out of a proved one.
            let cancel = case.home.notices().iter().any(|(_, text)| text.contains("?k="));
            assert!(!cancel, "{what}: who reads the mails cannot cancel what somebody proved");
        }
    }
}
