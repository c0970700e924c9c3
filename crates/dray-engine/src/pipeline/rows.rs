//! What happens to each row of a saved import, from raw values to the record of an identity, and the count
//! of it (spec section 6.3).

use std::sync::Arc;

use crate::expression::value::Record;
use crate::expression::{FailedStep, Mapping, RecordError, Schema, Value};
use crate::record_filter::Filter;

use super::function::{FailedRecord, Function, FunctionError};
use super::normalize::{Raw, normalize};
use super::steps::{Counts, Step};
use super::times::{TimeFormat, update_time};
use super::user_id::user_id;

/// How records become records of the output.
pub enum Transformation {
    /// By expressions.
    Mapping(Arc<Mapping>),
    /// By a function, which gets and returns only some of the properties.
    Function {
        /// The function.
        function: Box<dyn Function>,
        /// Its input, as a part of the pipeline's.
        input: Picked,
        /// Its output, as a part of the pipeline's.
        output: Picked,
    },
}

impl Transformation {
    /// What becomes of each of these records.
    pub fn apply<'r>(
        &mut self,
        records: impl Iterator<Item = &'r Record>,
    ) -> Result<Vec<Result<Record, FailedRecord>>, FunctionError> {
        match self {
            Self::Mapping(mapping) => {
                let failed =
                    |error: RecordError| FailedRecord { step: error.step, message: error.to_string() };
                Ok(records.map(|record| mapping.apply(record).map_err(failed)).collect())
            }
            Self::Function { function, input, output } => {
                let results = function.call(records.map(|record| input.take(record)).collect())?;
                Ok(results.into_iter().map(|result| result.map(|part| output.put(part))).collect())
            }
        }
    }
}

/// Which properties of a schema make up a part of it.
#[derive(Debug, Clone)]
pub struct Picked {
    /// For each property of the part: its place in the whole, and what is taken of it.
    members: Vec<(usize, Option<Picked>)>,
    /// How many properties the whole has.
    size: usize,
}

impl Picked {
    /// The part of a schema at these paths: itself, and how to get there.
    pub fn new(schema: &Schema, paths: &[String]) -> (Schema, Self) {
        let part = schema.only(paths);
        let picked = Self::between(schema, &part);
        (part, picked)
    }

    /// A part whose schema is known.
    pub fn between(whole: &Schema, part: &Schema) -> Self {
        let members = part.properties.iter().filter_map(|property| {
            let (index, known) = whole.find(&property.name)?;
            let inner = match (&known.kind, &property.kind) {
                (crate::expression::Type::Object(whole), crate::expression::Type::Object(part)) => {
                    Some(Self::between(whole, part))
                }
                _ => None,
            };
            Some((index, inner))
        });
        Self { members: members.collect(), size: whole.properties.len() }
    }

    /// The part of a record of the whole.
    pub fn take(&self, record: &[Option<Value>]) -> Record {
        let member = |(index, inner): &(usize, Option<Self>)| {
            let value = record.get(*index)?.as_ref()?;
            Some(match (inner, value) {
                (Some(inner), Value::Object(members)) => Value::Object(inner.take(members)),
                (_, value) => value.clone(),
            })
        };
        self.members.iter().map(member).collect()
    }

    /// A record of the whole with nothing but the part.
    pub fn put(&self, part: Record) -> Record {
        let mut record: Record = vec![None; self.size];
        for ((index, inner), value) in self.members.iter().zip(part) {
            let value = value.map(|value| match (inner, value) {
                (Some(inner), Value::Object(members)) => Value::Object(inner.put(members)),
                (_, value) => value,
            });
            if let Some(slot) = record.get_mut(*index) {
                *slot = value;
            }
        }
        record
    }
}

/// What a saved import does with rows.
pub struct RowRules {
    /// The properties that are read, one raw value each.
    pub input: Arc<Schema>,
    /// Index of the property that identifies the user.
    pub user_id: usize,
    /// Index of the property with the time of the last update, and how it says it.
    pub updated_at: Option<(usize, Option<TimeFormat>)>,
    /// Which records are let through.
    pub filter: Option<Filter>,
    /// The time of records that have none: that of the file. Microseconds since 1970, as all times here.
    pub file_time: i64,
    /// Records of before this time are passed over.
    pub cursor: Option<i64>,
    /// The present time.
    pub now: i64,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was not updated since the last run.
    NotNewer {
        /// Its user, where that can be told.
        user_id: Option<String>,
    },
    /// The filter left it out.
    Filtered,
    /// It cannot be used.
    Failed(FailedRow),
    /// It is an identity.
    Identity(Identity),
}

/// A row that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedRow {
    /// Where.
    pub step: Step,
    /// The property at fault, where it is one.
    pub property: Option<String>,
    /// Why.
    pub message: String,
    /// Its user, where that is known.
    pub user_id: Option<String>,
}

/// A row that became an identity.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// The user.
    pub user_id: String,
    /// When it was last updated.
    pub updated_at: i64,
    /// Its attributes, a record of the output.
    pub attributes: Record,
}

/// A row before its transformation.
enum Entering {
    Ended(Outcome),
    Passes { user_id: String, updated_at: i64, record: Record },
}

/// What became of some rows.
#[derive(Debug, Default)]
pub struct Taken {
    /// Of each, in their order; nothing where the function cannot be used.
    pub outcomes: Vec<Outcome>,
    /// Why the function cannot be used.
    pub stopped: Option<FunctionError>,
    /// How many passed and failed each step.
    pub counts: Counts,
    /// The latest time of the records that the filter let through.
    pub latest: Option<i64>,
}

/// Takes rows one batch after the other. What becomes of a batch does not depend on those before.
pub struct RowPipeline {
    rules: Arc<RowRules>,
    transformation: Transformation,
}

impl RowPipeline {
    /// For rows of these rules.
    pub fn new(rules: RowRules, transformation: Transformation) -> Self {
        Self { rules: Arc::new(rules), transformation }
    }

    /// Another that takes batches at the same time; none for functions, which may remember what they saw.
    pub fn another(&self) -> Option<Self> {
        match &self.transformation {
            Transformation::Mapping(mapping) => Some(Self {
                rules: Arc::clone(&self.rules),
                transformation: Transformation::Mapping(Arc::clone(mapping)),
            }),
            Transformation::Function { .. } => None,
        }
    }

    /// How many rows it best takes at once: few enough that what becomes of them stays in the processor's cache,
    /// or as many as make a call to another process worth while.
    pub fn rows_at_once(&self) -> usize {
        match self.transformation {
            Transformation::Mapping(_) => 64,
            Transformation::Function { .. } => 1_024,
        }
    }

    /// What becomes of some rows. `row` gives the raw value of a property of a row.
    pub fn take<'r>(
        &mut self,
        rows: usize,
        row: &dyn Fn(usize, usize) -> Raw<'r>,
        is_broken: &dyn Fn(usize) -> Option<String>,
    ) -> Taken {
        let mut taken = Taken { outcomes: Vec::with_capacity(rows), ..Taken::default() };
        let mut waiting: Vec<(usize, String, i64)> = Vec::new();
        let mut records: Vec<Record> = Vec::new();
        for index in 0..rows {
            let entering = match is_broken(index) {
                Some(message) => failed(Step::Receive, None, message, None),
                None => self.rules.enter(&|property| row(index, property)),
            };
            let outcome = match entering {
                Entering::Ended(outcome) => outcome,
                Entering::Passes { user_id, updated_at, record } => {
                    taken.latest = taken.latest.max(Some(updated_at));
                    waiting.push((index, user_id, updated_at));
                    records.push(record);
                    // Replaced below, and counted there.
                    taken.outcomes.push(Outcome::Filtered);
                    continue;
                }
            };
            taken.counts.add(&outcome);
            taken.outcomes.push(outcome);
        }
        let results =
            if records.is_empty() { Ok(Vec::new()) } else { self.transformation.apply(records.iter()) };
        let results = match results {
            Ok(results) => results,
            Err(why) => {
                taken.outcomes.clear();
                taken.stopped = Some(why);
                return taken;
            }
        };
        for ((place, user_id, updated_at), result) in waiting.into_iter().zip(results) {
            let outcome = match result {
                Ok(attributes) => Outcome::Identity(Identity { user_id, updated_at, attributes }),
                Err(FailedRecord { step, message }) => {
                    let step = match step {
                        FailedStep::Transformation => Step::Transformation,
                        FailedStep::OutputValidation => Step::OutputValidation,
                    };
                    let message = shortened(&message);
                    Outcome::Failed(FailedRow { step, property: None, message, user_id: Some(user_id) })
                }
            };
            taken.counts.add(&outcome);
            if let Some(slot) = taken.outcomes.get_mut(place) {
                *slot = outcome;
            }
        }
        taken
    }
}

impl Counts {
    /// Counts the steps that a row passed, and the one it failed.
    fn add(&mut self, outcome: &Outcome) {
        let (end, is_failed) = match outcome {
            Outcome::NotNewer { .. } => return,
            Outcome::Filtered => (Step::Filter, true),
            Outcome::Failed(failed) => (failed.step, true),
            Outcome::Identity(_) => (Step::Finalize, false),
        };
        for passed in Step::ALL.into_iter().filter(|passed| *passed < end && *passed != Step::Consent) {
            self.pass(passed, 1);
        }
        if is_failed {
            self.fail(end, 1);
        }
    }
}

fn failed(step: Step, property: Option<&str>, message: String, user_id: Option<String>) -> Entering {
    let property = property.map(str::to_owned);
    Entering::Ended(Outcome::Failed(FailedRow { step, property, message, user_id }))
}

impl RowRules {
    /// Values, time, user, filter.
    fn enter<'r>(&self, raw: &dyn Fn(usize) -> Raw<'r>) -> Entering {
        let input = &*self.input;
        let typed = |index: usize| {
            let property = input.properties.get(index)?;
            Some((property.name.as_str(), normalize(&raw(index), property)))
        };
        let told = |name: &str, why: &str| format!("`{name}` {why}");
        // The id first: whatever else is wrong, the identity stays.
        let (user_value, user) = match typed(self.user_id) {
            Some((name, Ok(value))) => {
                let user = user_id(value.as_ref()).map_err(|why| (Step::Receive, name, told(name, why)));
                (value, user)
            }
            Some((name, Err(why))) => (None, Err((Step::InputValidation, name, told(name, &why)))),
            None => (None, Err((Step::Receive, "", "the row has no id".to_owned()))),
        };
        let known = || user.as_ref().ok().cloned();
        let mut updated_at = self.file_time;
        if let Some((index, format)) = &self.updated_at {
            match typed(*index) {
                Some((name, Ok(value))) => match update_time(value.as_ref(), format.as_ref(), self.now) {
                    Ok(time) => updated_at = time.unwrap_or(updated_at),
                    Err(why) => {
                        let known = known();
                        return failed(Step::Receive, Some(name), told(name, &why), known);
                    }
                },
                Some((name, Err(why))) => {
                    let known = known();
                    return failed(Step::InputValidation, Some(name), told(name, &why), known);
                }
                None => {}
            }
        }
        if self.cursor.is_some_and(|cursor| updated_at < cursor) {
            return Entering::Ended(Outcome::NotNewer { user_id: known() });
        }
        let user_id = match user {
            Ok(user_id) => user_id,
            Err((step, name, message)) => return failed(step, Some(name), message, None),
        };
        let mut user_value = Some(user_value);
        let mut record: Record = Vec::with_capacity(input.properties.len());
        for index in 0..input.properties.len() {
            if index == self.user_id {
                record.push(user_value.take().flatten());
                continue;
            }
            match typed(index) {
                Some((_, Ok(value))) => record.push(value),
                Some((name, Err(why))) => {
                    return failed(Step::InputValidation, Some(name), told(name, &why), Some(user_id));
                }
                None => record.push(None),
            }
        }
        if self.filter.as_ref().is_some_and(|filter| !filter.matches(&record)) {
            return Entering::Ended(Outcome::Filtered);
        }
        Entering::Passes { user_id, updated_at, record }
    }
}

/// The most characters of a message.
const MOST_MESSAGE: usize = 1_000;

fn shortened(message: &str) -> String {
    if message.chars().count() <= MOST_MESSAGE {
        return message.to_owned();
    }
    let short: String = message.chars().take(MOST_MESSAGE).collect();
    format!("{short}…")
}
