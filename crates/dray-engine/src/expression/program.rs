//! One expression, compiled for one property, or for a trigger: what the rest of the program uses.

use super::compile::{Compiler, SECRET, Typed};
use super::evaluate::Evaluator;
use super::fault::{ExpressionError, FailedStep, RecordError};
use super::json::Json;
use super::parse::Dialect;
use super::resolve::Reading;
use super::syntax::Expression;
use super::types::{Property, Schema, Type};
use super::value::Value;

/// An expression that makes the values of one output property.
#[derive(Debug, Clone)]
pub struct Program {
    path: String,
    text: String,
    typed: Typed,
    nullable: bool,
    /// The input properties it reads: their paths, up to the first JSON value or map.
    pub inputs: Vec<String>,
}

impl Program {
    /// Compiles the text of an expression for the output property at a path.
    pub fn compile(
        text: &str,
        path: &str,
        property: &Property,
        input: &Schema,
    ) -> Result<Self, ExpressionError> {
        let expression = Expression::parse(text, Dialect::Mapping)?;
        let mut compiler = Compiler::new(input, false);
        let typed = compiler
            .fitted(&expression, &property.kind, FailedStep::OutputValidation)
            .map_err(|mistake| mistake.within(text))?;
        Ok(Self {
            path: path.to_owned(),
            text: text.to_owned(),
            typed,
            nullable: property.nullable,
            inputs: compiler.inputs,
        })
    }

    /// Evaluates it over a record of the input schema. `None` where the property is left out: a null
    /// that it cannot hold.
    pub fn evaluate(&self, record: &[Option<Value>]) -> Result<Option<Value>, RecordError> {
        let value = Evaluator::new(record)
            .value(&self.typed)
            .map_err(|failed| failed.told(&self.path, &self.text, &[]))?;
        if value.is_null() && !self.nullable {
            return Ok(None);
        }
        Ok(Some(value.into_owned()))
    }
}

/// A trigger: a condition over `$payload`, and over `$secret`.
#[derive(Debug, Clone)]
pub struct Trigger {
    text: String,
    typed: Typed,
    readings: Vec<Reading>,
    /// The names of the secrets it reads.
    pub secrets: Vec<String>,
}

impl Trigger {
    /// Compiles the text of a trigger.
    pub fn compile(text: &str) -> Result<Self, ExpressionError> {
        let expression = Expression::parse(text, Dialect::Trigger)?;
        let schema = Schema {
            properties: vec![Property::new("payload", Type::Json), Property::new(SECRET, Type::Json)],
        };
        let mut compiler = Compiler::new(&schema, true);
        let typed = compiler
            .fitted(&expression, &Type::Boolean, FailedStep::Transformation)
            .map_err(|mistake| mistake.within(text))?;
        let Compiler { secrets, readings, .. } = compiler;
        Ok(Self { text: text.to_owned(), typed, readings, secrets })
    }

    /// True where the condition holds for a payload; null is not true.
    pub fn matches(&self, payload: &Json, secret: &Json) -> Result<bool, RecordError> {
        let record = [payload, secret].map(|root| Some(Value::Json(root.clone())));
        let evaluated =
            Evaluator::new(&record).value(&self.typed).map(|value| *value == Value::Boolean(true));
        evaluated.map_err(|failed| failed.told("trigger", &self.text, &self.secrets))
    }

    /// What it reads of a payload: each path as it is written, once, with the value there; null where there is none.
    pub fn read(&self, payload: &Json) -> Vec<(String, Json)> {
        let record = [Some(Value::Json(payload.clone()))];
        let mut read: Vec<(String, Json)> = Vec::new();
        for reading in &self.readings {
            if read.iter().any(|(path, _)| *path == reading.text) {
                continue;
            }
            let value = match reading.value(&record).as_deref() {
                Ok(Value::Json(json)) => json.clone(),
                _ => Json::Null,
            };
            read.push((reading.text.clone(), value));
        }
        read
    }
}
