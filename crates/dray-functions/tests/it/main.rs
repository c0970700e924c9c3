//! Functions in their sandbox, as pipelines use them: what goes in and comes out, what fails, what is limited
//! and what is closed. Python is needed, as `python3` on the path.

mod support;
mod values;
mod returned;
mod failures;
mod limits;
mod escapes;
