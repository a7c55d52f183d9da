//! Batches and where they stand.

use crate::model::{
    Actor, AuditAction, AuditResult, Batch, BatchAssignment, BatchName, BatchPart, Resource, ResourceId,
    ResourceName, SerialRange, Subject, Token, TokenId, TokenSerial,
};
use crate::store::{Change, Changes, Page, Slice, TokenFilter, View};

use super::scope::sees_batch;
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
    /// Resources outside the actor's scope are left out.
    fn read(view: &dyn View, actor: &Actor, batch: Batch) -> Result<Self, ServiceError> {
        let mut resources = Vec::new();
        for record in view.batch_assignments_of(batch.id)? {
            if !actor.scope.covers(record.resource) {
                continue;
            }
            if let Some(resource) = view.resource(record.resource)? {
                resources.push((resource.name.as_str().to_owned(), record.part == BatchPart::Whole));
            }
        }
        Ok(Self { resources, detached: view.detached_in(batch.id)?, batch })
    }
}

/// Reads `FROM-TO`, `FROM to TO`, single serials and lists of them. A dash may be part of a serial, so
/// `A-B` is a range only when both sides are serials of equal length and each has as many dashes as the
/// other. The word `to` needs no such rule; blanks around it keep it apart from the letters of serials.
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
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut between = (0..words.len()).filter(|at| words[*at].eq_ignore_ascii_case("to"));
    if let Some(middle) = between.next() {
        if between.next().is_some() {
            return None;
        }
        let side = |words: &[&str]| TokenSerial::parse(&words.join(" ")).ok();
        return SerialRange::new(&side(&words[..middle])?, &side(&words[middle + 1..])?);
    }
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
                if sees_batch(view, actor, &batch)? {
                    items.push(BatchView::read(view, actor, batch)?);
                }
            }
            Ok(Slice { items, next: slice.next })
        })
    }

    /// One batch.
    pub fn batch(&self, actor: &Actor, name: &BatchName) -> Result<BatchView, ServiceError> {
        self.store.read(|view| BatchView::read(view, actor, found(view, actor, name)?))
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
            let Free { count, part, rejoin, yielding } = free(view, &batch, target.id, &part)?;
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
            let mut changes: Changes = yielding.into_iter().map(Change::PutBatchAssignment).collect();
            if let Some(part) = part {
                changes.push(Change::PutBatchAssignment(BatchAssignment {
                    id: view.next_batch_assignment()?,
                    batch: batch.id,
                    resource: target.id,
                    part,
                    created_at: now,
                }));
            }
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
                    changes.extend(records.iter().map(|r| Change::DeleteBatchAssignment(r.id)));
                    if records.iter().any(|r| r.part == BatchPart::Whole) {
                        batch.tokens.saturating_sub(view.detached_in(batch.id)?)
                    } else {
                        let mut count = 0;
                        covered(view, &batch, &part, &records, |_| {
                            count += 1;
                            Ok(())
                        })?;
                        count
                    }
                }
                BatchPart::Serials(_) => {
                    let mut count = 0;
                    covered(view, &batch, &part, &records, |token| {
                        count += 1;
                        changes.push(Change::PutToken(Token { follows_batch: false, ..token }));
                        if count > MOST_SINGLE as u64 {
                            let detail = format!(
                                "more than {MOST_SINGLE} tokens: take them off in smaller parts, or the whole batch"
                            );
                            return Err(ServiceError::invalid("serials", "too_many", detail));
                        }
                        Ok(())
                    })?;
                    if count == 0 {
                        let detail = "none of these tokens stands on this resource with its batch";
                        return Err(ServiceError::state("not_assigned", detail));
                    }
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

fn found(view: &dyn View, actor: &Actor, name: &BatchName) -> Result<Batch, ServiceError> {
    let missing = ServiceError::NotFound { what: "batch" };
    let batch = view.batch_by_name(&name.normal())?.ok_or(missing)?;
    if sees_batch(view, actor, &batch)? { Ok(batch) } else { Err(ServiceError::NotFound { what: "batch" }) }
}

fn on(view: &dyn View, actor: &Actor, name: &ResourceName) -> Result<Resource, ServiceError> {
    view.resource_by_name(&name.normal())?
        .filter(|resource| actor.scope.covers(resource.id))
        .ok_or(ServiceError::NotFound { what: "resource" })
}

/// The tokens of a part that stand nowhere.
struct Free {
    count: BatchCount,
    /// The part that names just them; `None` when the records that are there cover them.
    part: Option<BatchPart>,
    /// Those that must follow their batch again.
    rejoin: Vec<TokenId>,
    /// Records of other resources that would cover one of those, cut back so that they do not.
    yielding: Vec<BatchAssignment>,
}

/// A token of the batch as the search for free ones sees it.
struct Seen {
    /// Serial in normal form, with its length in front: the order of ranges.
    serial: (usize, TokenSerial),
    follows: bool,
    rejoins: bool,
    free: bool,
}

fn free(view: &dyn View, batch: &Batch, target: ResourceId, part: &BatchPart) -> Result<Free, ServiceError> {
    let standing = view.batch_assignments_of(batch.id)?;
    let mut found = Free {
        count: BatchCount::default(),
        part: Some(part.clone()),
        rejoin: Vec::new(),
        yielding: Vec::new(),
    };
    if *part == BatchPart::Whole && standing.is_empty() && view.detached_in(batch.id)? == 0 {
        found.count.changed = batch.tokens;
        return Ok(found);
    }
    let mut tokens: Vec<Seen> = Vec::new();
    each_token(view, batch, |token| {
        let wanted = part.includes(&token.serial);
        let free = wanted && !view.is_assigned(&token)?;
        let rejoins = free && !token.follows_batch;
        if rejoins {
            found.rejoin.push(token.id);
        }
        match (wanted, free) {
            (true, true) => found.count.changed += 1,
            (true, false) => found.count.already += 1,
            (false, _) => {}
        }
        if !standing.is_empty() {
            let serial = (token.serial.normal().len(), token.serial);
            tokens.push(Seen { serial, follows: token.follows_batch, rejoins, free });
        }
        Ok(())
    })?;
    if found.rejoin.len() > MOST_SINGLE {
        let detail =
            format!("more than {MOST_SINGLE} tokens were taken off singly: assign them in smaller parts");
        return Err(ServiceError::invalid("serials", "too_many", detail));
    }
    if standing.is_empty() {
        return Ok(found);
    }
    tokens.sort_unstable_by(|a, b| (a.serial.0, a.serial.1.normal()).cmp(&(b.serial.0, b.serial.1.normal())));
    let here: Vec<&BatchAssignment> = standing.iter().filter(|r| r.resource == target).collect();
    let has_place = |t: &Seen| t.rejoins && here.iter().any(|r| r.part.includes(&t.serial.1));
    // A token that follows no batch is covered by no record, so it never splits a range.
    let loose = |t: &Seen| !t.follows && !t.rejoins;
    let ranges = runs(&tokens, |t| if loose(t) { None } else { Some(t.free && !has_place(t)) });
    found.part = (!ranges.is_empty()).then_some(BatchPart::Serials(ranges));
    for record in standing.iter().filter(|r| r.resource != target) {
        if tokens.iter().any(|t| t.rejoins && record.part.includes(&t.serial.1)) {
            let kept = runs(&tokens, |t| {
                if loose(t) { None } else { Some(t.follows && record.part.includes(&t.serial.1)) }
            });
            found.yielding.push(BatchAssignment { part: BatchPart::Serials(kept), ..record.clone() });
        }
    }
    Ok(found)
}

/// The longest runs of neighbouring serials that belong in; `None` neither belongs in nor splits a run.
fn runs(tokens: &[Seen], belongs: impl Fn(&Seen) -> Option<bool>) -> Vec<SerialRange> {
    let mut ranges: Vec<SerialRange> = Vec::new();
    let mut open = None;
    for token in tokens {
        let (length, serial) = (token.serial.0, token.serial.1.normal());
        match (belongs(token), ranges.last_mut()) {
            (None, _) => {}
            (Some(false), _) => open = None,
            (Some(true), Some(last)) if open == Some(length) => serial.clone_into(&mut last.to),
            (Some(true), _) => {
                ranges.push(SerialRange { from: serial.to_owned(), to: serial.to_owned() });
                open = Some(length);
            }
        }
    }
    ranges
}

/// Calls for every token of a batch, a page at a time.
fn each_token(
    view: &dyn View,
    batch: &Batch,
    mut call: impl FnMut(Token) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    let filter = TokenFilter { batch: Some(batch.id), ..TokenFilter::ALL };
    let mut page = Page::first(1_000);
    loop {
        let slice = view.tokens(&filter, page)?;
        slice.items.into_iter().try_for_each(&mut call)?;
        match slice.next {
            Some(next) => page.after = Some(next),
            None => return Ok(()),
        }
    }
}

/// Calls for the tokens of the part that follow one of the records.
fn covered(
    view: &dyn View,
    batch: &Batch,
    part: &BatchPart,
    records: &[BatchAssignment],
    mut call: impl FnMut(Token) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    each_token(view, batch, |token| {
        let wanted = part.includes(&token.serial) && records.iter().any(|record| record.covers(&token));
        if wanted { call(token) } else { Ok(()) }
    })
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
        // As the page at a batch says it, beside other entries and with dashes in the serials.
        for text in ["87-1234001 to 87-1234100", "87-1234001  TO\u{a0}871234100", " 871234001 To 87-1234100 "]
        {
            assert_eq!(ranges(text).expect("range"), [pair("871234001", "871234100")], "{text}");
        }
        assert_eq!(ranges("to1-to5, A1 to A3").expect("list"), [pair("TO1", "TO5"), pair("A1", "A3")]);
        assert_eq!(ranges("87 12 to 87 15").expect("range"), [pair("8712", "8715")]);
        for text in ["A1 to", "to A1", "to", "A1 to A2 to A3", "A9 to A1", "A1 to A10"] {
            assert!(ranges(text).is_err(), "{text}");
        }
        assert!(ranges("").is_err());
        // Blanks and dashes never count, so this is a range too.
        assert_eq!(ranges("a - b - c - d").expect("range"), [pair("AB", "CD")]);
        assert!(ranges("A1-A2-A3-A40").is_err(), "ends of different length");
    }
}
