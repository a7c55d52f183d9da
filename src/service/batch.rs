//! Batches and where they stand.

use crate::model::{
    Actor, AuditAction, AuditResult, Batch, BatchAssignment, BatchName, BatchPart, Resource, ResourceName,
    Scope, SerialRange, Subject, Token, TokenId, TokenSerial,
};
use crate::store::{Change, Changes, Page, Slice, TokenFilter, View};

use super::{Service, ServiceError};

/// Serial numbers that one request may name.
const MOST_RANGES: usize = 10_000;
/// Tokens that are taken off a batch one by one in one change.
const MOST_SINGLE: usize = 2_000;

/// A batch as lists and pages show it.
#[derive(Clone, Debug)]
pub struct BatchView {
    /// The record.
    pub batch: Batch,
    /// Where it stands: resource, and whether all of it does.
    pub resources: Vec<(String, bool)>,
    /// Tokens that have an assignment of their own.
    pub detached: u64,
}

/// How many tokens an assignment moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchCount {
    /// Moved by this.
    pub changed: u64,
    /// Stood somewhere already.
    pub already: u64,
}

impl BatchView {
    fn read(view: &dyn View, batch: Batch) -> Result<Self, ServiceError> {
        let mut resources = Vec::new();
        for record in view.batch_assignments_of(batch.id)? {
            if let Some(resource) = view.resource(record.resource)? {
                resources.push((resource.name.as_str().to_owned(), record.part == BatchPart::Whole));
            }
        }
        Ok(Self { resources, detached: view.detached_in(batch.id)?, batch })
    }
}

/// Reads `FROM-TO`, single serials and lists of them. A dash may be part of a serial, so `A-B` is a
/// range only when both sides are serials of equal length and each has as many dashes as the other.
pub fn parse_serial_ranges(texts: &[String]) -> Result<Vec<SerialRange>, ServiceError> {
    let refuse = |text: &str| {
        let detail =
            format!("\"{text}\" is no serial number and no range FROM-TO with ends of equal length in order");
        ServiceError::invalid("serials", "serial_range", detail)
    };
    let mut ranges = Vec::new();
    for text in texts.iter().flat_map(|line| line.split([',', ';', '\n', '\r', '\t'])).map(str::trim) {
        if text.is_empty() {
            continue;
        }
        ranges.push(parse_range(text).ok_or_else(|| refuse(text))?);
        if ranges.len() > MOST_RANGES {
            let detail = format!("more than {MOST_RANGES} serial numbers: use ranges, or assign in parts");
            return Err(ServiceError::invalid("serials", "serial_range", detail));
        }
    }
    if ranges.is_empty() {
        return Err(ServiceError::invalid("serials", "serial_range", "no serial number was given"));
    }
    Ok(ranges)
}

fn parse_range(text: &str) -> Option<SerialRange> {
    let dashes: Vec<usize> = text.match_indices('-').map(|(at, _)| at).collect();
    if dashes.len() % 2 == 1 {
        let middle = dashes[dashes.len() / 2];
        let (from, to) = (text[..middle].trim(), text[middle + 1..].trim());
        if let (Ok(from), Ok(to)) = (TokenSerial::parse(from), TokenSerial::parse(to))
            && let Some(range) = SerialRange::new(&from, &to)
        {
            return Some(range);
        }
        // One dash may belong to a single serial such as 87-1234567.
        if text.contains(' ') || dashes.len() > 1 {
            return None;
        }
    }
    let single = TokenSerial::parse(text).ok()?;
    SerialRange::new(&single, &single)
}

impl Service {
    /// Batches in the order of their making.
    pub fn batches(&self, actor: &Actor, page: Page) -> Result<Slice<BatchView>, ServiceError> {
        self.store.read(|view| {
            let slice = view.batches(page)?;
            let mut items = Vec::with_capacity(slice.items.len());
            for batch in slice.items {
                if is_visible(view, actor, &batch)? {
                    items.push(BatchView::read(view, batch)?);
                }
            }
            Ok(Slice { items, next: slice.next })
        })
    }

    /// One batch.
    pub fn batch(&self, actor: &Actor, name: &BatchName) -> Result<BatchView, ServiceError> {
        self.store.read(|view| BatchView::read(view, found(view, actor, name)?))
    }

    /// Puts a batch, or the named part of it, on a resource. Tokens that stand somewhere stay there.
    pub fn assign_batch(
        &self,
        actor: &Actor,
        name: &BatchName,
        resource: &ResourceName,
        part: BatchPart,
    ) -> Result<BatchCount, ServiceError> {
        let (actor, name, resource, now) = (actor.clone(), name.clone(), resource.clone(), self.clock.now());
        self.decide(move |view| {
            let batch = found(view, &actor, &name)?;
            let target = on(view, &actor, &resource)?;
            let Free { count, part, rejoin } = free(view, &batch, &part)?;
            if count.changed == 0 {
                return if count.already == 0 {
                    Err(ServiceError::state(
                        "no_tokens",
                        "no token of this batch has one of these serial numbers",
                    ))
                } else {
                    Ok((count, Vec::new()))
                };
            }
            let record = BatchAssignment {
                id: view.next_batch_assignment()?,
                batch: batch.id,
                resource: target.id,
                part,
                created_at: now,
            };
            let mut changes = vec![Change::PutBatchAssignment(record)];
            for id in rejoin {
                if let Some(token) = view.token(id)? {
                    changes.push(Change::PutToken(Token { follows_batch: true, ..token }));
                }
            }
            changes.push(super::audit_entry(
                now,
                &actor,
                AuditAction::BatchAssigned,
                vec![Subject::Batch(batch.id), Subject::Resource(target.id)],
                AuditResult::Done,
                vec![
                    ("resource", target.name.to_string()),
                    ("assigned", count.changed.to_string()),
                    ("already", count.already.to_string()),
                ],
            ));
            Ok((count, changes))
        })
    }

    /// Takes a batch, or the named serials of it, off a resource. Tokens with an assignment of their own stay.
    pub fn unassign_batch(
        &self,
        actor: &Actor,
        name: &BatchName,
        resource: &ResourceName,
        part: BatchPart,
    ) -> Result<BatchCount, ServiceError> {
        let (actor, name, resource, now) = (actor.clone(), name.clone(), resource.clone(), self.clock.now());
        self.decide(move |view| {
            let batch = found(view, &actor, &name)?;
            let target = on(view, &actor, &resource)?;
            let records: Vec<_> = view
                .batch_assignments_of(batch.id)?
                .into_iter()
                .filter(|r| r.resource == target.id)
                .collect();
            if records.is_empty() {
                return Err(ServiceError::state(
                    "not_assigned",
                    "this batch does not stand on this resource",
                ));
            }
            let mut changes: Changes = Vec::new();
            let count = match &part {
                BatchPart::Whole => {
                    let following = batch.tokens.saturating_sub(view.detached_in(batch.id)?);
                    changes.extend(records.iter().map(|r| Change::DeleteBatchAssignment(r.id)));
                    following
                }
                BatchPart::Serials(_) => {
                    let tokens = covered(view, &batch, &part, &records)?;
                    let count = tokens.len() as u64;
                    let detached = |token: Token| Change::PutToken(Token { follows_batch: false, ..token });
                    changes.extend(tokens.into_iter().map(detached));
                    count
                }
            };
            let entry = super::audit_entry(
                now,
                &actor,
                AuditAction::BatchUnassigned,
                vec![Subject::Batch(batch.id), Subject::Resource(target.id)],
                AuditResult::Done,
                vec![("resource", target.name.to_string()), ("unassigned", count.to_string())],
            );
            changes.push(entry);
            Ok((BatchCount { changed: count, already: 0 }, changes))
        })
    }
}

fn is_visible(view: &dyn View, actor: &Actor, batch: &Batch) -> Result<bool, ServiceError> {
    Ok(actor.scope == Scope::All
        || view.batch_assignments_of(batch.id)?.iter().any(|record| actor.scope.covers(record.resource)))
}

fn found(view: &dyn View, actor: &Actor, name: &BatchName) -> Result<Batch, ServiceError> {
    let missing = ServiceError::NotFound { what: "batch" };
    let batch = view.batch_by_name(&name.normal())?.ok_or(missing)?;
    if is_visible(view, actor, &batch)? { Ok(batch) } else { Err(ServiceError::NotFound { what: "batch" }) }
}

fn on(view: &dyn View, actor: &Actor, name: &ResourceName) -> Result<Resource, ServiceError> {
    view.resource_by_name(&name.normal())?
        .filter(|resource| actor.scope.covers(resource.id))
        .ok_or(ServiceError::NotFound { what: "resource" })
}

/// The tokens of a part that stand nowhere: how many, the part that names just them, and those that
/// must follow their batch again.
struct Free {
    count: BatchCount,
    part: BatchPart,
    rejoin: Vec<TokenId>,
}

fn free(view: &dyn View, batch: &Batch, part: &BatchPart) -> Result<Free, ServiceError> {
    let standing = view.batch_assignments_of(batch.id)?;
    if *part == BatchPart::Whole && standing.is_empty() && view.detached_in(batch.id)? == 0 {
        let count = BatchCount { changed: batch.tokens, already: 0 };
        return Ok(Free { count, part: BatchPart::Whole, rejoin: Vec::new() });
    }
    let mut found = Free { count: BatchCount::default(), part: part.clone(), rejoin: Vec::new() };
    // (length, serial) of every token, and whether the new record may cover it.
    let mut serials: Vec<(usize, String, bool)> = Vec::new();
    let filter = TokenFilter { batch: Some(batch.id), ..TokenFilter::ALL };
    let mut page = Page::first(1_000);
    loop {
        let slice = view.tokens(&filter, page)?;
        for token in &slice.items {
            let wanted = part.includes(&token.serial);
            let free = wanted && !view.is_assigned(token)?;
            if free && !token.follows_batch {
                found.rejoin.push(token.id);
            }
            match (wanted, free) {
                (true, true) => found.count.changed += 1,
                (true, false) => found.count.already += 1,
                (false, _) => {}
            }
            if !standing.is_empty() {
                // A detached token is covered by no record, so it never splits a range.
                let normal = token.serial.normal().to_owned();
                serials.push((normal.len(), normal, free || !token.follows_batch));
            }
        }
        match slice.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    if found.rejoin.len() > MOST_SINGLE {
        let detail =
            format!("more than {MOST_SINGLE} tokens were taken off singly: assign them in smaller parts");
        return Err(ServiceError::invalid("serials", "too_many", detail));
    }
    if !standing.is_empty() {
        serials.sort_unstable();
        found.part = BatchPart::Serials(runs(&serials, part));
    }
    Ok(found)
}

/// The longest runs of neighbouring serials that may be covered and belong to the part.
fn runs(serials: &[(usize, String, bool)], part: &BatchPart) -> Vec<SerialRange> {
    let mut ranges: Vec<SerialRange> = Vec::new();
    let mut open = false;
    let mut length = 0;
    for (len, normal, free) in serials {
        let covered = *free && TokenSerial::parse(normal).is_ok_and(|serial| part.includes(&serial));
        match (covered, ranges.last_mut()) {
            (true, Some(last)) if open && length == *len => normal.clone_into(&mut last.to),
            (true, _) => ranges.push(SerialRange { from: normal.clone(), to: normal.clone() }),
            (false, _) => {}
        }
        (open, length) = (covered, *len);
    }
    ranges
}

/// The tokens of the part that follow one of the records.
fn covered(
    view: &dyn View,
    batch: &Batch,
    part: &BatchPart,
    records: &[BatchAssignment],
) -> Result<Vec<Token>, ServiceError> {
    let mut tokens = Vec::new();
    let filter = TokenFilter { batch: Some(batch.id), ..TokenFilter::ALL };
    let mut page = Page::first(1_000);
    loop {
        let slice = view.tokens(&filter, page)?;
        let wanted = |t: &Token| part.includes(&t.serial) && records.iter().any(|record| record.covers(t));
        tokens.extend(slice.items.into_iter().filter(wanted));
        if tokens.len() > MOST_SINGLE {
            let detail =
                format!("more than {MOST_SINGLE} tokens: take them off in smaller parts, or the whole batch");
            return Err(ServiceError::invalid("serials", "too_many", detail));
        }
        match slice.next {
            Some(next) => page.after = Some(next),
            None => return Ok(tokens),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(text: &str) -> Result<Vec<(String, String)>, ServiceError> {
        Ok(parse_serial_ranges(&[text.to_owned()])?.into_iter().map(|r| (r.from, r.to)).collect())
    }

    #[test]
    fn ranges_and_serials_with_dashes_are_told_apart() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(ranges("100-199").expect("range"), [pair("100", "199")]);
        assert_eq!(ranges("87-1234501-87-1234512").expect("range"), [pair("871234501", "871234512")]);
        assert_eq!(ranges("87-1234567").expect("single"), [pair("871234567", "871234567")]);
        assert_eq!(ranges("A1, A3-A5").expect("list"), [pair("A1", "A1"), pair("A3", "A5")]);
        assert!(ranges("").is_err());
        assert!(ranges("a - b - c - d").is_err());
    }
}
