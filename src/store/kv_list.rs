//! Filtered lists of tokens and users, in the order of their numbers.
//!
//! The most selective index proposes numbers, several indexes are merged, and every proposal is
//! tested against the whole filter. One page looks at a bounded number of records.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::VecDeque;

use super::keys;
use super::kv::{Kv, Order, Span, Tab};
use super::kv_read::{CHUNK, KvView, LOOKED_AT};
use super::record;
use super::{CustodyFilter, Page, Slice, StoreError, TokenFilter, UserFilter, View as _};
use crate::model::{
    BatchId, BatchPart, Custody, Parties, ResourceId, Scope, SerialRange, Token, TokenId, User, UserId,
};

/// Resources whose tokens are merged at most.
const MOST_STREAMS: usize = 500;

/// Ascending numbers, possibly repeated.
enum Stream {
    /// Known numbers.
    Known(VecDeque<u64>),
    /// The numbers behind a prefix of an index, or the keys of a table.
    Index { table: Tab, prefix: Vec<u8>, after: Option<u64>, ready: VecDeque<u64>, ended: bool },
    /// The numbers of the first that the second has not; `head`: of the second, not passed yet.
    Except { all: Box<Stream>, without: Box<Stream>, head: Option<u64> },
}

impl Stream {
    fn known(mut numbers: Vec<u64>, after: Option<u64>) -> Self {
        numbers.retain(|n| after.is_none_or(|after| *n > after));
        numbers.sort_unstable();
        numbers.dedup();
        Self::Known(numbers.into())
    }

    const fn index(table: Tab, prefix: Vec<u8>, after: Option<u64>) -> Self {
        Self::Index { table, prefix, after, ready: VecDeque::new(), ended: false }
    }

    /// The tokens of a batch that follow it.
    fn following(batch: BatchId, after: Option<u64>) -> Self {
        let of = |table| Box::new(Self::index(table, keys::number(batch.0).to_vec(), after));
        Self::Except { all: of(Tab::BatchTokens), without: of(Tab::Detached), head: None }
    }

    fn next(&mut self, kv: &dyn Kv) -> Result<Option<u64>, StoreError> {
        match self {
            Self::Known(numbers) => Ok(numbers.pop_front()),
            Self::Except { all, without, head } => {
                while let Some(n) = all.next(kv)? {
                    while head.is_none_or(|other| other < n) {
                        *head = Some(without.next(kv)?.unwrap_or(u64::MAX));
                    }
                    if *head != Some(n) {
                        return Ok(Some(n));
                    }
                }
                Ok(None)
            }
            Self::Index { table, prefix, after, ready, ended } => {
                if ready.is_empty() && !*ended {
                    let mut span = Span::prefix(prefix);
                    match *after {
                        Some(u64::MAX) => *ended = true,
                        Some(n) => span.from = keys::joined(&[prefix, &keys::number(n + 1)]),
                        None => {}
                    }
                    if !*ended {
                        let chunk = kv.range(*table, &span, Order::Up, CHUNK)?;
                        *ended = chunk.len() < CHUNK;
                        ready.extend(chunk.iter().map(|(key, _)| keys::number_at(key, prefix.len())));
                        *after = ready.back().copied();
                    }
                }
                Ok(ready.pop_front())
            }
        }
    }
}

/// Several streams as one, each number once.
struct Merged {
    streams: Vec<Stream>,
    heads: BinaryHeap<Reverse<(u64, usize)>>,
    last: Option<u64>,
}

impl Merged {
    fn new(kv: &dyn Kv, mut streams: Vec<Stream>) -> Result<Self, StoreError> {
        let mut heads = BinaryHeap::new();
        for (at, stream) in streams.iter_mut().enumerate() {
            heads.extend(stream.next(kv)?.map(|n| Reverse((n, at))));
        }
        Ok(Self { streams, heads, last: None })
    }

    fn next(&mut self, kv: &dyn Kv) -> Result<Option<u64>, StoreError> {
        while let Some(Reverse((n, at))) = self.heads.pop() {
            if let Some(stream) = self.streams.get_mut(at) {
                self.heads.extend(stream.next(kv)?.map(|following| Reverse((following, at))));
            }
            if self.last != Some(n) {
                self.last = Some(n);
                return Ok(Some(n));
            }
        }
        Ok(None)
    }
}

impl KvView<'_> {
    /// Proposals tested one after another.
    fn collect<T>(
        &self,
        streams: Vec<Stream>,
        page: Page,
        mut test: impl FnMut(u64) -> Result<Option<T>, StoreError>,
    ) -> Result<Slice<T>, StoreError> {
        let mut merged = Merged::new(self.kv, streams)?;
        let mut items = Vec::new();
        let mut last = page.after;
        let mut looked_at = 0;
        while let Some(n) = merged.next(self.kv)? {
            if items.len() >= page.limit || looked_at >= LOOKED_AT {
                return Ok(Slice { items, next: last });
            }
            last = Some(n);
            looked_at += 1;
            items.extend(test(n)?);
        }
        Ok(Slice { items, next: None })
    }

    /// The numbers that end the keys of a span, unless there are too many to be worth it.
    fn few(&self, table: Tab, span: &Span, most: usize) -> Result<Option<Vec<u64>>, StoreError> {
        let found = self.kv.range(table, span, Order::Up, most.saturating_add(1))?;
        Ok((found.len() <= most).then(|| found.iter().map(|(key, _)| keys::last_number(key)).collect()))
    }

    pub(super) fn list_tokens(&self, filter: &TokenFilter, page: Page) -> Result<Slice<Token>, StoreError> {
        let filter = &mut Prepared::new(filter);
        if let Some(streams) = self.token_streams(filter, page.after)? {
            return self.collect(streams, page, |n| {
                let token = self.token(TokenId(n))?;
                Ok(if self.opt_matches(filter, token.as_ref())? { token } else { None })
            });
        }
        self.scan_tokens(filter, page)
    }

    /// How many tokens a list has at most. An index may name some that are in no list, because their batch is not live.
    pub(super) fn count_listed(&self, filter: &TokenFilter, most: u64) -> Result<u64, StoreError> {
        let places =
            TokenFilter { resource: filter.resource, scope: filter.scope.clone(), ..TokenFilter::ALL };
        let asks_for_places = *filter == places;
        let filter = &mut Prepared::new(filter);
        let mut count = 0u64;
        let Some(streams) = self.token_streams(filter, None)? else {
            let mut page = Page::first(CHUNK);
            loop {
                let slice = self.scan_tokens(filter, page)?;
                count = count.saturating_add(slice.items.len() as u64);
                page.after = slice.next;
                if count >= most || slice.next.is_none() {
                    return Ok(count.min(most));
                }
            }
        };
        let is_proved = filter.proposed.on && asks_for_places;
        let mut merged = Merged::new(self.kv, streams)?;
        while count < most
            && let Some(n) = merged.next(self.kv)?
        {
            let is_one = is_proved || self.opt_matches(filter, self.token(TokenId(n))?.as_ref())?;
            count += u64::from(is_one);
        }
        Ok(count)
    }

    /// All tokens, read in rows: no look-up for each.
    fn scan_tokens(&self, filter: &Prepared<'_>, page: Page) -> Result<Slice<Token>, StoreError> {
        let mut items = Vec::new();
        let mut last = page.after;
        let mut looked_at = 0;
        loop {
            let mut span = Span::ALL;
            match last {
                Some(u64::MAX) => return Ok(Slice { items, next: None }),
                Some(n) => span.from = keys::number(n + 1).to_vec(),
                None => {}
            }
            let chunk = self.kv.range(Tab::Tokens, &span, Order::Up, CHUNK)?;
            let full = chunk.len() == CHUNK;
            for (key, bytes) in chunk {
                if items.len() >= page.limit || looked_at >= LOOKED_AT {
                    return Ok(Slice { items, next: last });
                }
                last = Some(keys::last_number(&key));
                looked_at += 1;
                let token: Token = record::decode(&bytes)?;
                if self.is_live(token.batch)? && self.matches(filter, &token)? {
                    items.push(token);
                }
            }
            if !full {
                return Ok(Slice { items, next: None });
            }
        }
    }

    /// What proposes tokens; `None`: the whole table.
    fn token_streams(
        &self,
        filter: &mut Prepared<'_>,
        after: Option<u64>,
    ) -> Result<Option<Vec<Stream>>, StoreError> {
        let f = filter.filter;
        if let Some(user) = f.user {
            let own = self.assignments_of_user(user)?;
            let own = own.iter().filter_map(|a| a.parties.token()).map(|t| t.0).collect();
            let held = Stream::index(Tab::Holders, keys::number(user.0).to_vec(), after);
            return Ok(Some(vec![held, Stream::known(own, after)]));
        }
        if let Some(serial) = &f.serial {
            let begins = Span::prefix(serial.as_bytes());
            if let Some(mut numbers) = self.few(Tab::Serials, &begins, LOOKED_AT)? {
                let more = self.hints(Tab::SerialsReversed, filter.reversed.as_bytes(), LOOKED_AT + 1)?;
                if more.len() <= LOOKED_AT {
                    numbers.extend(more.iter().map(|key| keys::last_number(key)));
                    return Ok(Some(vec![Stream::known(numbers, after)]));
                }
            }
        }
        if f.enabled == Some(false) {
            return Ok(Some(vec![Stream::index(Tab::Disabled, Vec::new(), after)]));
        }
        if let Some(CustodyFilter::Place(place)) = f.custody
            && place != Custody::InStock.index()
        {
            return Ok(Some(vec![Stream::index(Tab::Places, vec![place], after)]));
        }
        if let Some(resource) = f.resource {
            let on = f.scope.covers(resource);
            return self.resource_streams(filter, &[resource], on, after).map(Some);
        }
        if let Some(batch) = f.batch {
            return Ok(Some(vec![Stream::index(Tab::BatchTokens, keys::number(batch.0).to_vec(), after)]));
        }
        match &f.scope {
            Scope::All if f.unconfirmed == Some(true) => {
                let all = self.resources(Page::first(MOST_STREAMS))?;
                if all.next.is_some() {
                    return Ok(None);
                }
                let all: Vec<_> = all.items.iter().map(|resource| resource.id).collect();
                self.resource_streams(filter, &all, true, after).map(Some)
            }
            Scope::All => Ok(None),
            Scope::Resources(list) => self.resource_streams(filter, list, true, after).map(Some),
        }
    }

    /// Tokens assigned to these resources, and the tokens of the batches that stand there; of both only those
    /// without a user, when the filter asks for them. Notes in the filter what is proved by that; `on`: to
    /// stand there is all that it asks of a place.
    fn resource_streams(
        &self,
        filter: &mut Prepared<'_>,
        resources: &[ResourceId],
        on: bool,
        after: Option<u64>,
    ) -> Result<Vec<Stream>, StoreError> {
        let unconfirmed = filter.filter.unconfirmed == Some(true);
        let own = if unconfirmed { Tab::ResourceAlone } else { Tab::ResourceTokens };
        let (mut streams, mut whole, mut parts, mut exact) = (Vec::new(), Vec::new(), Vec::new(), true);
        for resource in resources {
            streams.push(Stream::index(own, keys::number(resource.0).to_vec(), after));
            for assignment in self.batch_assignments_on(*resource)? {
                let BatchPart::Serials(ranges) = &assignment.part else {
                    whole.push(assignment.batch);
                    continue;
                };
                let Some(numbers) = self.in_ranges(ranges)? else {
                    exact = false;
                    whole.push(assignment.batch);
                    continue;
                };
                for n in numbers {
                    let token = self.token(TokenId(n))?;
                    parts.extend(token.filter(|token| assignment.covers(token)).map(|token| token.id.0));
                }
            }
        }
        whole.sort_unstable();
        whole.dedup();
        streams.extend(whole.iter().map(|batch| Stream::following(*batch, after)));
        streams.push(Stream::known(parts, after));
        let exact = exact && on;
        filter.proposed = Proposed { on: exact, unconfirmed: exact && unconfirmed };
        Ok(streams)
    }

    /// Tokens whose serials lie in these ranges, unless there are too many.
    fn in_ranges(&self, ranges: &[SerialRange]) -> Result<Option<Vec<u64>>, StoreError> {
        let mut numbers = Vec::new();
        for range in ranges {
            let last = Span::prefix(&keys::text_prefix(&range.to));
            let span = Span { from: range.from.clone().into_bytes(), to: last.to };
            match self.few(Tab::Serials, &span, LOOKED_AT.saturating_sub(numbers.len()))? {
                Some(found) => numbers.extend(found),
                None => return Ok(None),
            }
        }
        Ok(Some(numbers))
    }

    fn opt_matches(&self, filter: &Prepared<'_>, token: Option<&Token>) -> Result<bool, StoreError> {
        token.map_or(Ok(false), |token| self.matches(filter, token))
    }

    fn matches(&self, filter: &Prepared<'_>, token: &Token) -> Result<bool, StoreError> {
        let f = filter.filter;
        if let Some(serial) = &f.serial {
            let normal = token.serial.normal();
            if !normal.starts_with(serial.as_str()) && !normal.ends_with(serial.as_str()) {
                return Ok(false);
            }
        }
        if f.batch.is_some_and(|batch| token.batch != batch)
            || f.enabled.is_some_and(|enabled| token.disabled.is_none() != enabled)
        {
            return Ok(false);
        }
        if let Some(user) = f.user
            && token.holder != Some(user)
            && !self.assignments_of_token(token.id)?.iter().any(|a| a.parties.user() == Some(user))
        {
            return Ok(false);
        }
        if let Some(custody) = f.custody {
            let in_stock = token.custody == Custody::InStock;
            let there = match custody {
                CustodyFilter::InStock => in_stock && !self.is_assigned(token)?,
                CustodyFilter::Assigned => in_stock && self.is_assigned(token)?,
                CustodyFilter::Place(place) => token.custody.index() == place,
            };
            if !there {
                return Ok(false);
            }
        }
        if let Some(wanted) = f.unconfirmed {
            let open = !matches!(
                token.custody,
                Custody::Confirmed { .. } | Custody::Lost { .. } | Custody::Retired { .. }
            );
            let proposed = filter.proposed.unconfirmed;
            if (open && (proposed || self.is_unconfirmed(token, f)?)) != wanted {
                return Ok(false);
            }
        }
        if filter.proposed.on || (f.resource.is_none() && f.scope == Scope::All) {
            return Ok(true);
        }
        let on = self.resources_of(token)?;
        Ok(f.resource.is_none_or(|wanted| on.contains(&wanted))
            && (f.scope == Scope::All || on.iter().any(|r| f.scope.covers(*r))))
    }

    /// Stands without a user, by itself or with its batch, on a resource that the filter asks for.
    fn is_unconfirmed(&self, token: &Token, filter: &TokenFilter) -> Result<bool, StoreError> {
        let meant = |on: ResourceId| filter.resource.is_none_or(|it| it == on) && filter.scope.covers(on);
        if self.standing(token.batch)?.iter().any(|a| meant(a.resource) && a.covers(token)) {
            return Ok(true);
        }
        let own = self.assignments_of_token(token.id)?;
        Ok(own.iter().any(|a| meant(a.resource) && matches!(a.parties, Parties::Token(_))))
    }

    pub(super) fn list_users(&self, filter: &UserFilter, page: Page) -> Result<Slice<User>, StoreError> {
        let text = filter.text.as_ref().map(|text| text.to_lowercase());
        let streams = self.user_streams(text.as_deref(), filter, page.after)?;
        self.collect(streams, page, |n| {
            let user = self.user(UserId(n))?;
            let Some(user) = user else {
                return Ok(None);
            };
            let fits = text.as_deref().is_none_or(|text| {
                user.login.normal().starts_with(text)
                    || user.last_name.to_lowercase().starts_with(text)
                    || user.first_name.to_lowercase().starts_with(text)
            });
            if !fits {
                return Ok(None);
            }
            if filter.resource.is_some() || filter.scope != Scope::All {
                let on: Vec<ResourceId> =
                    self.assignments_of_user(user.id)?.iter().map(|a| a.resource).collect();
                if filter.resource.is_some_and(|wanted| !on.contains(&wanted))
                    || (filter.scope != Scope::All && !on.iter().any(|r| filter.scope.covers(*r)))
                {
                    return Ok(None);
                }
            }
            Ok(Some(user))
        })
    }

    fn user_streams(
        &self,
        text: Option<&str>,
        filter: &UserFilter,
        after: Option<u64>,
    ) -> Result<Vec<Stream>, StoreError> {
        if let Some(text) = text
            && let Some(numbers) = self.few(Tab::UserWords, &Span::prefix(text.as_bytes()), LOOKED_AT)?
        {
            return Ok(vec![Stream::known(numbers, after)]);
        }
        let on = |r: &ResourceId| Stream::index(Tab::ResourceUsers, keys::number(r.0).to_vec(), after);
        if let Some(resource) = &filter.resource {
            return Ok(vec![on(resource)]);
        }
        Ok(match &filter.scope {
            Scope::All => vec![Stream::index(Tab::Users, Vec::new(), after)],
            Scope::Resources(list) => list.iter().map(on).collect(),
        })
    }
}

/// What all proposals of the streams have in common, so that it needs no test.
#[derive(Clone, Copy, Debug, Default)]
struct Proposed {
    /// They stand where the filter says, within its scope.
    on: bool,
    /// They stand without a user.
    unconfirmed: bool,
}

/// A filter and what is computed of it once.
struct Prepared<'f> {
    filter: &'f TokenFilter,
    reversed: String,
    proposed: Proposed,
}

impl<'f> Prepared<'f> {
    fn new(filter: &'f TokenFilter) -> Self {
        let reversed = filter.serial.as_deref().map(keys::reversed).unwrap_or_default();
        Self { filter, reversed, proposed: Proposed::default() }
    }
}
