//! Looking at a plan again before its commit, after the inventory moved.

use super::CHUNK;
use super::plan::holder_of;
use crate::model::{Import, ImportId, ImportLine, TokenSerial, Verdict};
use crate::service::{Service, ServiceError};
use crate::store::{Change, Page, View};

impl Service {
    /// Looks at a plan's rows again after the inventory moved: what meanwhile came in by another way
    /// leaves the plan as a rejected line.
    pub(super) fn replan(&self, id: ImportId) -> Result<(), ServiceError> {
        let generation = self.store.read(|view| Ok::<_, ServiceError>(view.generation()?))?;
        self.replan_pages(id, |view, import, page| {
            let slice = view.token_ids_in(import.batch, page)?;
            let mut moved = Vec::new();
            for token in slice.items {
                let Some((token, seed)) = view.staged(token)? else { continue };
                if view.token_by_serial(token.serial.normal())?.is_some() {
                    moved.push((token.serial, "serial_exists", Change::PurgeToken(token.id)));
                } else if holder_of(view, seed.fingerprint, &seed.spec, None)?.is_some() {
                    moved.push((token.serial, "secret_duplicate", Change::PurgeToken(token.id)));
                }
            }
            Ok((moved, slice.next))
        })?;
        self.replan_pages(id, |view, import, page| {
            let slice = view.replaced_by(import.id, page)?;
            let mut moved = Vec::new();
            for (id, version) in slice.items {
                let (Some(row), Some(token)) = (view.seed_version(id, version)?, view.token(id)?) else {
                    continue;
                };
                let in_force = view.seed(id)?.map(|seed| seed.version);
                if in_force.is_some_and(|in_force| in_force > version) {
                    moved.push((token.serial, "serial_exists", Change::PurgeSeed(id, version)));
                } else if holder_of(view, row.fingerprint, &row.spec, Some(id))?.is_some() {
                    moved.push((token.serial, "secret_duplicate", Change::PurgeSeed(id, version)));
                }
            }
            Ok((moved, slice.next))
        })?;
        self.decide(move |view| {
            let import = view.import(id)?.ok_or(ServiceError::NotFound { what: "import" })?;
            Ok(((), vec![Change::PutImport(Import { generation, ..import })]))
        })
    }

    /// One kind of rows of a plan, a page for each change.
    fn replan_pages(&self, id: ImportId, moved: MovedRows) -> Result<(), ServiceError> {
        let mut page = Page::first(CHUNK);
        loop {
            let next = self.decide(move |view| {
                let import = view.import(id)?.ok_or(ServiceError::NotFound { what: "import" })?;
                let (rows, next) = moved(view, &import, page)?;
                let (mut changes, mut lines, mut counts) = (Vec::new(), Vec::new(), import.counts);
                for (serial, code, change) in rows {
                    let count = match change {
                        Change::PurgeSeed(..) => &mut counts.conflicts,
                        _ => &mut counts.new,
                    };
                    *count = count.saturating_sub(1);
                    counts.rejected += 1;
                    lines.push(ImportLine {
                        line: 0,
                        column: 0,
                        serial: serial.display().to_owned(),
                        verdict: Verdict::Rejected,
                        code: code.to_owned(),
                        detail: "another import, or a user who set up a token, brought this serial number or secret since the plan was made"
                            .to_owned(),
                    });
                    changes.push(change);
                }
                if !lines.is_empty() {
                    changes.push(Change::AddImportLines(id, lines));
                    changes.push(Change::PutImport(Import { counts, ..import }));
                }
                Ok((next, changes))
            })?;
            match next {
                Some(after) => page.after = Some(after),
                None => return Ok(()),
            }
        }
    }
}

/// Rows of a plan that cannot stay: serial, code and the change that takes them out.
type MovedRows = fn(
    &dyn View,
    &Import,
    Page,
) -> Result<(Vec<(TokenSerial, &'static str, Change)>, Option<u64>), ServiceError>;
