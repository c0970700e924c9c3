//! Where the operating system has no sandbox of the kind that is needed, no function is run.

use std::path::PathBuf;

use dray_engine::pipeline::function::{Function, FunctionError, FunctionSource, Functions, Language};

use crate::limits::Limits;

/// Runs nothing.
#[derive(Debug)]
pub struct Sandbox;

impl Sandbox {
    /// Runs nothing, whatever it is given.
    pub fn new(_program: PathBuf, _limits: Limits) -> Self {
        Self
    }

    /// Python stays unused.
    #[must_use]
    pub fn with_python(self, _python: PathBuf) -> Self {
        self
    }

    /// Why functions in this language do not run here.
    pub fn why_not(&self, _language: Language) -> Option<String> {
        Some("functions run on Linux only".to_owned())
    }

    /// What of the sandbox is missing although functions in this language run.
    pub fn missing(&self, _language: Language) -> Option<String> {
        None
    }
}

impl Functions for Sandbox {
    fn languages(&self) -> Vec<Language> {
        Vec::new()
    }

    fn load(&self, _function: &FunctionSource) -> Result<Box<dyn Function>, FunctionError> {
        Err(FunctionError::stopped("functions run on Linux only"))
    }
}

/// There is no worker.
pub fn run_function_worker(_arguments: &[String]) -> u8 {
    2
}
