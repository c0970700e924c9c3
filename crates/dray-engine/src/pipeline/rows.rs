//! What happens to each row of a saved import, from raw values to the record of an identity, and the count
//! of it (spec section 6.3).

use std::sync::Arc;

use crate::expression::value::Record;
use crate::expression::{FailedStep, Mapping, Schema, Value};
use crate::record_filter::Filter;

use super::function::{Function, FunctionError};
use super::normalize::{Raw, normalize};
use super::steps::{Counts, Step};
use super::times::{TimeFormat, update_time};
use super::user_id::user_id;

/// How records become records of the output.
pub enum Transformation {
    /// By expressions.
    Mapping(Mapping),
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

/// Takes rows one batch after the other.
pub struct RowPipeline {
    rules: RowRules,
    transformation: Transformation,
    /// What happened so far.
    pub counts: Counts,
    /// The latest time of the records that the filter let through.
    pub latest: Option<i64>,
}

impl RowPipeline {
    /// For rows of these rules.
    pub fn new(rules: RowRules, transformation: Transformation) -> Self {
        Self { latest: rules.cursor, rules, transformation, counts: Counts::default() }
    }

    /// What becomes of some rows, in their order. `row` gives the raw value of a property of a row.
    pub fn take<'r>(
        &mut self,
        rows: usize,
        row: &dyn Fn(usize, usize) -> Raw<'r>,
        is_broken: &dyn Fn(usize) -> Option<String>,
    ) -> Result<Vec<Outcome>, FunctionError> {
        let mut outcomes = Vec::with_capacity(rows);
        let mut waiting: Vec<(usize, String, i64, Record)> = Vec::new();
        for index in 0..rows {
            let entering = match is_broken(index) {
                Some(message) => self.failed(Step::Receive, None, message, None),
                None => self.enter(&|property| row(index, property)),
            };
            match entering {
                Entering::Ended(outcome) => outcomes.push(outcome),
                Entering::Passes { user_id, updated_at, record } => {
                    waiting.push((outcomes.len(), user_id, updated_at, record));
                    // Replaced below, in the same order.
                    outcomes.push(Outcome::Filtered);
                }
            }
        }
        self.transform(waiting, &mut outcomes)?;
        Ok(outcomes)
    }

    fn failed(
        &mut self,
        step: Step,
        property: Option<&str>,
        message: String,
        user_id: Option<String>,
    ) -> Entering {
        for passed in Step::ALL.into_iter().filter(|passed| *passed < step && *passed != Step::Consent) {
            self.counts.pass(passed, 1);
        }
        self.counts.fail(step, 1);
        let property = property.map(str::to_owned);
        Entering::Ended(Outcome::Failed(FailedRow { step, property, message, user_id }))
    }

    /// Values, time, user, filter.
    fn enter<'r>(&mut self, raw: &dyn Fn(usize) -> Raw<'r>) -> Entering {
        let input = Arc::clone(&self.rules.input);
        let typed = |index: usize| {
            let property = input.properties.get(index)?;
            Some((property.name.as_str(), normalize(&raw(index), property)))
        };
        let told = |name: &str, why: &str| format!("`{name}` {why}");
        // The id first: whatever else is wrong, the identity stays.
        let (user_value, user) = match typed(self.rules.user_id) {
            Some((name, Ok(value))) => {
                let user = user_id(value.as_ref()).map_err(|why| (Step::Receive, name, told(name, why)));
                (value, user)
            }
            Some((name, Err(why))) => (None, Err((Step::InputValidation, name, told(name, &why)))),
            None => (None, Err((Step::Receive, "", "the row has no id".to_owned()))),
        };
        let known = || user.as_ref().ok().cloned();
        let mut updated_at = self.rules.file_time;
        if let Some((index, format)) = &self.rules.updated_at {
            match typed(*index) {
                Some((name, Ok(value))) => match update_time(value.as_ref(), format.as_ref(), self.rules.now)
                {
                    Ok(time) => updated_at = time.unwrap_or(updated_at),
                    Err(why) => {
                        let known = known();
                        return self.failed(Step::Receive, Some(name), told(name, &why), known);
                    }
                },
                Some((name, Err(why))) => {
                    let known = known();
                    return self.failed(Step::InputValidation, Some(name), told(name, &why), known);
                }
                None => {}
            }
        }
        if self.rules.cursor.is_some_and(|cursor| updated_at < cursor) {
            return Entering::Ended(Outcome::NotNewer { user_id: known() });
        }
        let user_id = match user {
            Ok(user_id) => user_id,
            Err((step, name, message)) => return self.failed(step, Some(name), message, None),
        };
        let mut user_value = Some(user_value);
        let mut record: Record = Vec::with_capacity(input.properties.len());
        for index in 0..input.properties.len() {
            if index == self.rules.user_id {
                record.push(user_value.take().flatten());
                continue;
            }
            match typed(index) {
                Some((_, Ok(value))) => record.push(value),
                Some((name, Err(why))) => {
                    return self.failed(Step::InputValidation, Some(name), told(name, &why), Some(user_id));
                }
                None => record.push(None),
            }
        }
        if self.rules.filter.as_ref().is_some_and(|filter| !filter.matches(&record)) {
            self.counts.pass(Step::Receive, 1);
            self.counts.pass(Step::InputValidation, 1);
            self.counts.fail(Step::Filter, 1);
            return Entering::Ended(Outcome::Filtered);
        }
        self.latest = Some(self.latest.map_or(updated_at, |latest| latest.max(updated_at)));
        Entering::Passes { user_id, updated_at, record }
    }

    fn transform(
        &mut self,
        waiting: Vec<(usize, String, i64, Record)>,
        outcomes: &mut [Outcome],
    ) -> Result<(), FunctionError> {
        if waiting.is_empty() {
            return Ok(());
        }
        let results: Vec<Result<Record, (FailedStep, String)>> = match &mut self.transformation {
            Transformation::Mapping(mapping) => waiting
                .iter()
                .map(|(_, _, _, record)| {
                    mapping.apply(record).map_err(|error| (error.step, shortened(&error.to_string())))
                })
                .collect(),
            Transformation::Function { function, input, output } => {
                let records = waiting.iter().map(|(_, _, _, record)| input.take(record)).collect();
                let results = function.call(records)?;
                let back = |result: Result<Record, super::function::FailedRecord>| {
                    result
                        .map(|part| output.put(part))
                        .map_err(|failed| (failed.step, shortened(&failed.message)))
                };
                results.into_iter().map(back).collect()
            }
        };
        for ((place, user_id, updated_at, _), result) in waiting.into_iter().zip(results) {
            let outcome = match result {
                Ok(attributes) => {
                    for step in [
                        Step::Receive,
                        Step::InputValidation,
                        Step::Filter,
                        Step::Transformation,
                        Step::OutputValidation,
                    ] {
                        self.counts.pass(step, 1);
                    }
                    Outcome::Identity(Identity { user_id, updated_at, attributes })
                }
                Err((step, message)) => {
                    let step = match step {
                        FailedStep::Transformation => Step::Transformation,
                        FailedStep::OutputValidation => Step::OutputValidation,
                    };
                    match self.failed(step, None, message, Some(user_id)) {
                        Entering::Ended(outcome) => outcome,
                        Entering::Passes { .. } => continue,
                    }
                }
            };
            if let Some(slot) = outcomes.get_mut(place) {
                *slot = outcome;
            }
        }
        Ok(())
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
