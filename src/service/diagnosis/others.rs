//! Other tokens that show the codes: those that came with the token, the nearest first.

use std::sync::atomic::AtomicBool;

use super::readings::Typed;
use super::{Case, Cause, Finding, Told};
use crate::model::{Actor, Token};
use crate::oath::{CodeSequence, HashAlg, MovingFactor};
use crate::service::code::Examined;
use crate::service::identify::{Lot, Tried, try_lots};
use crate::service::resync::WindowSteps;
use crate::service::scope::seen_tokens;
use crate::service::search_gate::Admitted;
use crate::service::sequence::start_window;
use crate::service::{Service, ServiceError};
use crate::store::{Page, TokenFilter, View};

/// Tokens to either side of the one that was named.
const BESIDE: usize = 500;
/// How far a clock is looked at to either side, when there is room for it: a day; and at least: half an hour.
const DAY_SECS: u64 = 86_400;
const LEAST_SECS: u64 = 1_800;
/// The same of counters ahead.
const COUNTERS: u64 = 1_000;
const LEAST_COUNTERS: u64 = 100;
/// Tokens named when several show the codes.
const MOST_NAMED: usize = 3;

impl Service {
    /// The tokens beside one in its batch that the actor sees, the nearest first, without the token itself.
    pub(super) fn beside(
        &self,
        actor: &Actor,
        examined: &Examined,
        most: usize,
        mut fits: impl FnMut(&Examined) -> bool,
    ) -> Result<Vec<Examined>, ServiceError> {
        let token = &examined.token;
        let read = |view: &dyn View| {
            let mut found = Vec::new();
            for other in nearest(view, actor, token)?.into_iter().take(most) {
                let other = Examined::read(view, other, None)?;
                if fits(&other) {
                    found.push(other);
                }
            }
            Ok::<_, ServiceError>(found)
        };
        self.store.read(read)
    }

    /// Tries codes with the tokens beside the one that was named.
    pub(super) fn other_tokens(
        &self,
        actor: &Actor,
        case: &Case<'_>,
        typed: &Typed,
        budget: u64,
        admitted: &Admitted<'_>,
        told: &mut Told,
    ) -> Result<(), ServiceError> {
        let Ok(codes) = CodeSequence::new(typed.digits, &typed.codes) else { return Ok(()) };
        let others = self.beside(actor, case.examined, 2 * BESIDE, |other| {
            let spec = &other.seed.spec;
            !spec.is_mailed() && spec.suite().is_none() && spec.digits() == Some(typed.digits)
        })?;
        let each = budget / (others.len() as u64).max(1);
        let mut left = budget;
        let mut lots: Vec<(HashAlg, Vec<Tried>)> = Vec::new();
        for other in others {
            let spec = &other.seed.spec;
            let Some(alg) = spec.hash() else { continue };
            let least = WindowSteps::for_token(spec, LEAST_SECS, LEAST_COUNTERS).positions();
            let steps = WindowSteps::for_token(spec, DAY_SECS, COUNTERS).cut_to(each.max(least));
            let window = start_window(&other, steps, codes.len(), case.now);
            let Some(rest) = left.checked_sub(codes.evaluated(window)) else { break };
            left = rest;
            let tried = Tried { generator: self.generator(&other)?, examined: other, window };
            match lots.iter_mut().find(|(hash, _)| *hash == alg) {
                Some((_, lot)) => lot.push(tried),
                None => lots.push((alg, vec![tried])),
            }
        }
        let lots = lots.into_iter().map(|(_, lot)| Ok(Lot(lot)));
        let mut looked = try_lots(admitted, lots, &codes, &AtomicBool::new(false))?;
        told.evaluated = told.evaluated.saturating_add(looked.evaluated);
        let own = case.examined.id().0;
        looked.matches.sort_by_key(|(other, _)| other.id().0.abs_diff(own));
        for (other, start) in looked.matches.into_iter().take(MOST_NAMED) {
            let last = MovingFactor(start.0.saturating_add(codes.len() as u64 - 1));
            let clock = other.seed.spec.clock();
            let seconds = clock.map(|(period, epoch_secs)| case.seconds(last, period, epoch_secs));
            let counter = seconds.is_none().then_some(start.0);
            told.findings.push(Finding { cause: other_token(&other.token), seconds, counter });
        }
        Ok(())
    }
}

/// The cause that names a token.
pub(super) fn other_token(token: &Token) -> Cause {
    Cause::OtherToken { serial: token.serial.clone(), custody: token.custody.name() }
}

/// The tokens of a token's batch that the actor sees and that came next to it, the nearest first.
fn nearest(view: &dyn View, actor: &Actor, token: &Token) -> Result<Vec<Token>, ServiceError> {
    let filter = TokenFilter { batch: Some(token.batch), ..TokenFilter::ALL };
    let after = token.id.0.checked_sub(BESIDE as u64 + 1);
    let slice = seen_tokens(view, actor, filter, Page { after, limit: 2 * BESIDE + 1 })?;
    let mut found: Vec<Token> = slice.items.into_iter().filter(|other| other.id != token.id).collect();
    found.sort_by_key(|other| other.id.0.abs_diff(token.id.0));
    Ok(found)
}
