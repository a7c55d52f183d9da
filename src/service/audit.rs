//! Reading and verifying the audit log.

use crate::clock::UnixTime;
use crate::model::{
    Actor, AuditAction, AuditRecord, AuditResult, BatchName, ImportId, Login, NameError, ResourceName, RunId,
    Scope, Subject, Token, TokenSerial,
};
use crate::store::audit::{AuditFault, AuditVerdict, verify};
use crate::store::{AuditFilter, Page, Slice, View};

use super::scope::{is_within, sees_batch, sees_import};
use super::token::scoped;
use super::user::visible_user;
use super::{Service, ServiceError};

/// A record as pages and exports show it: names instead of numbers.
#[derive(Clone, Debug)]
pub struct AuditView {
    /// Its chain.
    pub chain: u32,
    /// Its place.
    pub n: u64,
    /// When.
    pub at: UnixTime,
    /// Who.
    pub actor: String,
    /// With what role.
    pub role: Option<&'static str>,
    /// From where.
    pub address: Option<String>,
    /// With which request.
    pub request_id: Option<String>,
    /// What.
    pub action: &'static str,
    /// About what: kind and name.
    pub subjects: Vec<(&'static str, String)>,
    /// How it ended.
    pub result: AuditResult,
    /// Facts by name.
    pub detail: Vec<(String, String)>,
}

/// What verification found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// Records looked at; with a fault, those before it.
    pub records: u64,
    /// Chain, place and kind of the first fault.
    pub fault: Option<(u32, u64, AuditFault)>,
}

fn subject_name(view: &dyn View, subject: Subject) -> Result<(&'static str, String), ServiceError> {
    Ok(match subject {
        Subject::Token(id) => {
            let serial = view.token(id)?.map(|t| t.serial.display().to_owned());
            ("token", serial.unwrap_or_else(|| format!("no longer here ({})", id.0)))
        }
        Subject::User(id) => {
            let login = view.user(id)?.map(|u| u.login.as_str().to_owned());
            ("user", login.unwrap_or_else(|| format!("no longer here ({})", id.0)))
        }
        Subject::Resource(id) => {
            let name = view.resource(id)?.map(|r| r.name.as_str().to_owned());
            ("resource", name.unwrap_or_else(|| format!("no longer here ({})", id.0)))
        }
        Subject::Batch(id) => {
            let name = view.batch_any(id)?.map(|b| b.name.as_str().to_owned());
            ("batch", name.unwrap_or_else(|| format!("no longer here ({})", id.0)))
        }
        Subject::Import(id) => ("import", id.0.to_string()),
        Subject::Run(id) => ("run", id.0.to_string()),
        Subject::Operator(id) => {
            let login = view.operator(id)?.map(|o| o.login.as_str().to_owned());
            ("operator", login.unwrap_or_else(|| format!("no longer here ({})", id.0)))
        }
    })
}

impl AuditView {
    fn read(view: &dyn View, record: AuditRecord) -> Result<Self, ServiceError> {
        let AuditRecord { chain, n, entry, .. } = record;
        let subjects = entry.subjects.iter().map(|s| subject_name(view, *s)).collect::<Result<_, _>>()?;
        Ok(Self {
            chain,
            n,
            at: entry.at,
            actor: entry.actor.label(),
            role: entry.actor.role.map(crate::model::Role::name),
            address: entry.actor.address,
            request_id: entry.actor.request_id,
            action: entry.action.name(),
            subjects,
            result: entry.result,
            detail: entry.detail,
        })
    }
}

/// What was looked for, if it is there for this actor.
fn there<T>(found: Result<T, ServiceError>) -> Result<Option<T>, ServiceError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(ServiceError::NotFound { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

impl Service {
    /// Records, newest first. A scoped actor sees those of its resources only.
    pub fn audit(
        &self,
        actor: &Actor,
        subject: Option<Subject>,
        page: Page,
    ) -> Result<Slice<AuditView>, ServiceError> {
        self.store.read(|view| {
            let slice = view.audit(AuditFilter { subject }, page)?;
            let seen = |record: &AuditRecord| match &actor.scope {
                crate::model::Scope::All => true,
                crate::model::Scope::Resources(list) => record
                    .entry
                    .subjects
                    .iter()
                    .any(|s| matches!(s, Subject::Resource(id) if list.contains(id))),
            };
            let items = slice
                .items
                .into_iter()
                .filter(seen)
                .map(|r| AuditView::read(view, r))
                .collect::<Result<_, _>>()?;
            Ok(Slice { items, next: slice.next })
        })
    }

    /// What `kind:name` stands for, as records name their subjects; `None`: nothing that the actor sees.
    pub fn subject_named(&self, actor: &Actor, text: &str) -> Result<Option<Subject>, ServiceError> {
        let refuse = |detail: String| ServiceError::invalid("subject", "subject_invalid", detail);
        let kinds =
            "a subject is KIND:NAME, with token, user, resource, batch, import or operator as its kind";
        let (kind, name) = text.split_once(':').ok_or_else(|| refuse(kinds.to_owned()))?;
        let unreadable = |error: NameError| refuse(error.to_string());
        self.store.read(|view| {
            Ok(match kind {
                "token" => {
                    let serial = TokenSerial::parse(name).map_err(unreadable)?;
                    there(scoped(view, actor, &serial))?.map(|token| Subject::Token(token.id))
                }
                "user" => {
                    let login = Login::parse(name).map_err(unreadable)?;
                    there(visible_user(view, actor, &login))?.map(|user| Subject::User(user.id))
                }
                "resource" => {
                    let name = ResourceName::parse(name).map_err(unreadable)?;
                    there(self.resource_named(view, actor, &name))?.map(|place| Subject::Resource(place.id))
                }
                "batch" => {
                    let name = BatchName::parse(name).map_err(unreadable)?;
                    match view.batch_by_name(&name.normal())? {
                        Some(batch) if sees_batch(view, actor, &batch)? => Some(Subject::Batch(batch.id)),
                        _ => None,
                    }
                }
                "import" => match name.parse().map(ImportId) {
                    Ok(id) => match view.import(id)? {
                        Some(import) if sees_import(view, actor, &import)? => Some(Subject::Import(id)),
                        _ => None,
                    },
                    Err(_) => None,
                },
                "run" => match name.parse().map(RunId) {
                    Ok(id) if actor.scope == Scope::All => view.run(id)?.map(|run| Subject::Run(run.id)),
                    _ => None,
                },
                "operator" => {
                    let login = Login::parse(name).map_err(unreadable)?;
                    let found = view.operator_by_login(&login.normal())?;
                    found.filter(|o| is_within(&actor.scope, &o.scope)).map(|o| Subject::Operator(o.id))
                }
                _ => return Err(refuse(kinds.to_owned())),
            })
        })
    }

    /// The history of one token, newest first. What happened to it on resources outside the actor's
    /// scope is left out.
    pub fn token_history(
        &self,
        actor: &Actor,
        serial: &TokenSerial,
        page: Page,
    ) -> Result<Slice<AuditView>, ServiceError> {
        self.store.read(|view| {
            let token = scoped(view, actor, serial)?;
            let slice = view.audit(AuditFilter { subject: Some(Subject::Token(token.id)) }, page)?;
            let foreign = |record: &AuditRecord| {
                let mut places = record.entry.subjects.iter().filter_map(|s| match s {
                    Subject::Resource(id) => Some(actor.scope.covers(*id)),
                    _ => None,
                });
                places.next().is_some_and(|first| !first && !places.any(|covered| covered))
            };
            let items = slice
                .items
                .into_iter()
                .filter(|record| !foreign(record))
                .map(|r| AuditView::read(view, r))
                .collect::<Result<_, _>>()?;
            Ok(Slice { items, next: slice.next })
        })
    }

    /// What this actor did last to tokens, newest first, with the tokens as they stand now. The newest
    /// thousand records are looked at: what is older is nobody's last answer any more.
    pub fn recent_work(
        &self,
        actor: &Actor,
        actions: &[AuditAction],
        limit: usize,
    ) -> Result<Vec<(AuditView, Option<Token>)>, ServiceError> {
        let page = Page { after: None, limit: 1_000 };
        self.store.read(|view| {
            let slice = view.audit(AuditFilter { subject: None }, page)?;
            let own = |record: &AuditRecord| {
                record.entry.actor.origin == actor.origin && actions.contains(&record.entry.action)
            };
            let token_of = |record: &AuditRecord| {
                record.entry.subjects.iter().find_map(|subject| match subject {
                    Subject::Token(id) => Some(*id),
                    _ => None,
                })
            };
            let mut found = Vec::new();
            for record in slice.items.into_iter().filter(own) {
                let Some(id) = token_of(&record) else { continue };
                found.push((AuditView::read(view, record)?, view.token(id)?));
                if found.len() == limit {
                    break;
                }
            }
            Ok(found)
        })
    }

    /// Walks every chain against its seals, its head and the anchors outside; writes down that it was done.
    pub fn verify_audit(&self, actor: &Actor) -> Result<AuditReport, ServiceError> {
        let anchors = self.store.audit_anchors()?;
        let seal = super::audit_seal(&self.vault);
        let verdict = self.store.read(|view| Ok::<_, ServiceError>(verify(view, &seal, &anchors)?))?;
        let report = match verdict {
            AuditVerdict::Intact { records, .. } => AuditReport { records, fault: None },
            AuditVerdict::Broken { chain, n, fault } => {
                AuditReport { records: n.saturating_sub(1), fault: Some((chain, n, fault)) }
            }
        };
        if let Some((chain, n, fault)) = report.fault {
            tracing::error!(
                audit.chain = chain,
                audit.n = n,
                fault = fault.name(),
                "the audit log is damaged"
            );
        }
        let (actor, now) = (actor.clone(), self.clock.now());
        self.decide(move |_| {
            let (result, mut detail) = match report.fault {
                None => (AuditResult::Done, vec![("result", "intact".to_owned())]),
                Some((chain, n, fault)) => (
                    AuditResult::Refused,
                    vec![("result", fault.name().to_owned()), ("at", format!("{chain}:{n}"))],
                ),
            };
            detail.push(("records", report.records.to_string()));
            Ok((
                (),
                vec![super::audit_entry(now, &actor, AuditAction::AuditVerified, vec![], result, detail)],
            ))
        })?;
        Ok(report)
    }
}
