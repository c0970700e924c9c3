//! What is done for each kind of job. Blocking; each is called again with the same job where the process that
//! did it died, and goes on where that one came to.

pub mod import;
pub mod export;
pub mod resolution;
pub mod pipeline;
