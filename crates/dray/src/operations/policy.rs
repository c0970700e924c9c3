//! How an import is to go where the request says something else than the object's own policy.

use dray_model::definition::{Merge, Mode, OnDuplicate};
use dray_model::object::{ColumnIndex, Object};
use dray_model::{Error, Result};
use serde::{Deserialize, Serialize};

/// What a request says about the policy; what it does not say is the object's own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyRequest {
    /// Fields that tell whether a row is an existing record, the strongest first.
    pub match_by: Vec<String>,
    /// What happens to a row that matches.
    pub on_duplicate: Option<OnDuplicate>,
    /// Which cells an update writes.
    pub merge: Option<Merge>,
    /// All or nothing, or every good row.
    pub mode: Option<Mode>,
    /// Make the target of a reference that names nobody.
    pub create_references: bool,
    /// Leave a reference that names nobody empty instead of rejecting the row.
    pub leave_references_empty: bool,
    /// Stop when more rows than this are rejected.
    pub max_rejected: Option<u64>,
    /// The most rows.
    pub max_rows: Option<u64>,
    /// Texts are taken as they are, see [`dray_model::object::Policy`]; nobody can ask for it from outside.
    #[serde(skip)]
    pub takes_values_as_they_are: bool,
}

impl PolicyRequest {
    /// The object with this policy.
    pub fn apply(&self, mut object: Object) -> Result<Object> {
        if !self.match_by.is_empty() {
            object.policy.match_by =
                self.match_by.iter().map(|name| object.match_rule(name)).collect::<Result<_>>()?;
            // A field that is matched by is looked up for every row: it gets an index.
            let matched: Vec<ColumnIndex> =
                object.policy.match_by.iter().flat_map(|rule| rule.columns.clone()).collect();
            for column in matched {
                object.columns[column].indexed |= !object.columns[column].unique;
            }
        }
        let policy = &mut object.policy;
        policy.on_duplicate = self.on_duplicate.unwrap_or(policy.on_duplicate);
        policy.merge = self.merge.unwrap_or(policy.merge);
        if self.mode == Some(Mode::Partial) && policy.mode == Mode::Atomic {
            return Err(Error::request(format!("imports into `{}` are all or nothing", object.name()))
                .hint("do not ask for a partial import; repair the rejected rows and import again"));
        }
        policy.mode = self.mode.unwrap_or(policy.mode);
        policy.create_references |= self.create_references;
        policy.leave_references_empty |= self.leave_references_empty;
        policy.takes_values_as_they_are |= self.takes_values_as_they_are;
        policy.max_rejected = self.max_rejected.or(policy.max_rejected);
        policy.max_rows = match (self.max_rows, policy.max_rows) {
            (Some(asked), Some(own)) => Some(asked.min(own)),
            (asked, own) => asked.or(own),
        };
        Ok(object)
    }
}
