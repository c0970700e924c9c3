//! Functions to test, made and called in a line.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use dray_engine::expression::value::Record;
use dray_engine::expression::{FailedStep, Property, Schema, Type, Value};
use dray_engine::pipeline::function::{
    FailedRecord, Function, FunctionError, FunctionSource, Functions, Language,
};
use dray_functions::{Limits, Sandbox};

pub(crate) use Language::{JavaScript, Python};

pub(crate) type Results = Result<Vec<Result<Record, FailedRecord>>, FunctionError>;

pub(crate) fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_dray-functions"))
}

/// The sandbox with its usual limits.
pub(crate) fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| Sandbox::new(program(), Limits::default()))
}

/// One that is impatient.
pub(crate) fn hasty() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    let limits = Limits { batch_time: Duration::from_millis(1500), ..Limits::default() };
    SANDBOX.get_or_init(|| Sandbox::new(program(), limits))
}

pub(crate) fn schema(properties: &[(&str, Type)]) -> Arc<Schema> {
    Arc::new(Schema {
        properties: properties.iter().map(|(name, kind)| Property::new(*name, kind.clone())).collect(),
    })
}

pub(crate) fn function(language: Language, source: &str) -> FunctionSource {
    FunctionSource {
        language,
        source: source.to_owned(),
        preserve_json: false,
        input: schema(&[("v", Type::int(32))]),
        output: schema(&[("v", Type::string())]),
    }
}

pub(crate) fn load(source: &FunctionSource) -> Result<Box<dyn Function>, FunctionError> {
    sandbox().load(source)
}

/// Calls a function with the numbers from 0 as `v`; what it returns as text `v`, or why it did not.
pub(crate) fn call(sandbox: &Sandbox, source: &FunctionSource, count: usize) -> Results {
    let records = (0..count).map(|number| vec![Some(Value::Int(number as i128))]).collect();
    sandbox.load(source)?.call(records)
}

/// The text `v` of the only record, or the message of its failure.
pub(crate) fn text(language: Language, source: &str) -> String {
    let results = call(sandbox(), &function(language, source), 1).expect("the function runs");
    match results.as_slice() {
        [Ok(record)] => match record.first() {
            Some(Some(Value::Text(text))) => text.clone(),
            other => format!("{other:?}"),
        },
        [Err(failed)] => failed.message.clone(),
        other => format!("{} results", other.len()),
    }
}

/// Why the function is of no use at all.
pub(crate) fn stopped(sandbox: &Sandbox, source: &FunctionSource, count: usize) -> (String, Option<usize>) {
    match call(sandbox, source, count) {
        Err(FunctionError::Stopped { message, record }) => (message, record),
        other => panic!("it was not stopped: {other:?}"),
    }
}

/// What a function returns as `v` of a type for the value of an expression.
pub(crate) fn returned(language: Language, kind: &Type, expression: &str) -> Result<Option<Value>, String> {
    returned_with(language, kind, expression, false)
}

pub(crate) fn returned_with(
    language: Language,
    kind: &Type,
    expression: &str,
    preserve_json: bool,
) -> Result<Option<Value>, String> {
    let source = match language {
        JavaScript => format!("const transform = (user) => ({{ v: {expression} }})"),
        Python => format!(
            "import datetime, decimal, uuid, enum, collections\n\
             def transform(user):\n    return {{'v': {expression}}}"
        ),
    };
    let function = FunctionSource {
        output: schema(&[("v", kind.clone())]),
        preserve_json,
        ..function(language, &source)
    };
    let mut results = call(sandbox(), &function, 1).expect("the function runs");
    match results.pop() {
        Some(Ok(mut record)) => Ok(record.pop().flatten()),
        Some(Err(failed)) => {
            assert_eq!(failed.step, FailedStep::OutputValidation, "{}", failed.message);
            Err(failed.message)
        }
        None => panic!("there is no result"),
    }
}
