//! The clocks of all tokens.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::clock::UnixTime;
use crate::http::auth::{Acting, Caller};
use crate::http::custody::custody_badge;
use crate::http::drift::{clock_of, histogram, month, offset_bound, rate_bound, rate_cell};
use crate::http::error::ApiError;
use crate::http::page::console::drift as view;
use crate::http::page::{Notice, Tone};
use crate::http::state::AppState;
use crate::http::{frame, words};
use crate::service::TokenView;
use crate::words::Words;

fn row(token: &TokenView, leaves: UnixTime, now: UnixTime) -> view::LeavingRow {
    view::LeavingRow {
        serial: token.token.serial.display().to_owned(),
        custody: custody_badge(token.custody),
        user: token.user.clone(),
        clock: clock_of(token, now),
        rate: token.clock.as_ref().map(rate_cell).unwrap_or_default(),
        last_used: token.state.last_used.map(|at| words::moment(at, now).words).unwrap_or_default(),
        leaves: if leaves > now { month(leaves) } else { Words::ENGLISH.text("drift-by-now") },
    }
}

/// Why nothing is learned at present.
fn doubt(together: Option<i64>, set: Option<i64>) -> Option<Notice> {
    if let Some(secs) = together {
        let clock = ("clock", words::clock(secs).into());
        return Some(Notice::tell(Tone::Bad, Words::ENGLISH, "drift-doubt", &[clock]));
    }
    let by = ("by", words::duration(set?.unsigned_abs()).into());
    let id = if set? < 0 { "drift-set-back" } else { "drift-set-forward" };
    Some(Notice::tell(Tone::Attention, Words::ENGLISH, id, &[by]))
}

/// Histograms, and the tokens that will fail.
pub(super) async fn fleet(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
) -> Result<Response, ApiError> {
    let fleet = state.blocking(move |service| service.fleet_clocks(&actor)).await?;
    let now = state.service.now();
    let when = ("when", words::moment(fleet.at, now).words.into());
    let known = [("clocks", words::count(fleet.clocks).into()), ("rated", words::count(fleet.rated).into())];
    let more = fleet.leaving.saturating_sub(fleet.listed.len() as u64);
    let offsets = histogram("offsets", "drift-offsets-of", &fleet.offsets, offset_bound);
    let rates = histogram("rates", "drift-rates-of", &fleet.rates, rate_bound);
    let page = view::Drift {
        page: frame::page(&state, &caller, &Words::ENGLISH.text("drift-title"), "drift"),
        about: Words::ENGLISH.with("drift-about", &[when]),
        known: Words::ENGLISH.with("drift-known", &known),
        doubt: doubt(fleet.doubt, fleet.set),
        offsets: (fleet.clocks > 0).then_some(offsets),
        rates: (fleet.rated > 0).then_some(rates),
        rows: fleet.listed.iter().map(|(token, leaves)| row(token, *leaves, now)).collect(),
        more: match more {
            0 => String::new(),
            more => Words::ENGLISH.with("drift-leaving-more", &[("count", words::count(more).into())]),
        },
    };
    Ok(frame::html(StatusCode::OK, &page))
}
