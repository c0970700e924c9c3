//! The one expression language: mappings of pipelines, triggers and templates of connectors. Text is parsed
//! ([`syntax::Expression`]), compiled against a schema ([`program::Program`], [`mapping::Mapping`],
//! [`program::Trigger`], [`template::Template`]) and evaluated over records. Pure: it knows no store, no file and no clock.

pub mod fault;
pub mod decimal;
pub mod json;
pub mod types;
pub mod schema;
pub mod value;
pub mod clock;
pub mod convert;
pub mod function;
pub mod syntax;
mod token;
pub mod parse;
mod resolve;
mod compile;
pub mod evaluate;
pub mod program;
pub mod template;
pub mod mapping;

#[cfg(test)]
mod tests;

pub use convert::is_convertible;
pub use decimal::Decimal;
pub use fault::{ExpressionError, ExpressionErrorKind, FailedStep, Position, RecordError};
pub use json::{Json, RepeatedMember};
pub use mapping::{Mapping, MappingError};
pub use parse::Dialect;
pub use program::{Program, Trigger};
pub use syntax::Expression;
pub use template::{Roots, Template};
pub use types::{Property, Schema, Type};
pub use value::{Record, Value};
