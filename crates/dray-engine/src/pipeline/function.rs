//! Functions in other languages as transformations: what a sandbox must give a pipeline. Records go in and
//! come out in batches; a record that fails is a value, a function that cannot be used is an error.

use std::fmt;
use std::sync::Arc;

use crate::expression::value::Record;
use crate::expression::{FailedStep, Schema};

/// The languages functions are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// JavaScript: `const transform = (user) => {…}`.
    JavaScript,
    /// Python: `def transform(user: dict) -> dict`.
    Python,
}

impl Language {
    /// Both.
    pub const ALL: [Self; 2] = [Self::JavaScript, Self::Python];

    /// Its name, as requests spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::JavaScript => "JavaScript",
            Self::Python => "Python",
        }
    }

    /// The language of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.name() == name)
    }
}

/// A function as it was written, and what goes in and out of it.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionSource {
    /// Its language.
    pub language: Language,
    /// Its text.
    pub source: String,
    /// JSON goes in and out as text, untouched.
    pub preserve_json: bool,
    /// The properties it gets, and no others; missing ones are absent.
    pub input: Arc<Schema>,
    /// The properties it may return.
    pub output: Arc<Schema>,
}

/// Why a function cannot be used at all: the run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FunctionError {
    /// Its text: a syntax error with its line, no `transform`, an exception while it was loaded.
    Source(String),
    /// It passed a limit of the sandbox (time, memory, output) or the sandbox itself broke.
    Stopped {
        /// What happened, for the people who wrote it.
        message: String,
        /// Which of the records it was called with did it, where that is known: an index into them.
        record: Option<usize>,
    },
}

impl FunctionError {
    /// It was stopped, by no record in particular.
    pub fn stopped(message: impl Into<String>) -> Self {
        Self::Stopped { message: message.into(), record: None }
    }
}

impl fmt::Display for FunctionError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(message) | Self::Stopped { message, .. } => out.write_str(message),
        }
    }
}

impl std::error::Error for FunctionError {}

/// Why a function has no result for one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedRecord {
    /// It threw ([`FailedStep::Transformation`]), or what it returned is not of its schema
    /// ([`FailedStep::OutputValidation`]).
    pub step: FailedStep,
    /// What is wrong, for the people who wrote it.
    pub message: String,
}

/// A function that was loaded.
pub trait Function: Send {
    /// Calls it once for each record of its input schema; gives one result for each, in their order:
    /// a record of its output schema. It splits them into batches and keeps some of them on their way, so
    /// a thousand records and more at once are fastest. After an error it is of no more use.
    fn call(&mut self, records: Vec<Record>) -> Result<Vec<Result<Record, FailedRecord>>, FunctionError>;
}

/// Loads functions into a sandbox.
pub trait Functions: Send + Sync {
    /// The languages that can be used here.
    fn languages(&self) -> Vec<Language>;

    /// Loads a function; it goes with the value returned.
    fn load(&self, function: &FunctionSource) -> Result<Box<dyn Function>, FunctionError>;
}
