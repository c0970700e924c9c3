//! The sandbox as others see it: which languages it runs, and functions that it loads. Whether a language
//! can be used is found out by using it, once.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use dray_engine::expression::Schema;
use dray_engine::pipeline::function::{Function, FunctionError, FunctionSource, Functions, Language};

use crate::FUNCTION_WORKER_ARGUMENT;
use crate::limits::Limits;
use crate::loaded::LoadedFunction;
use crate::python::interpreter::Interpreter;

/// Runs functions, each in a process of its own.
#[derive(Debug)]
pub struct Sandbox {
    program: PathBuf,
    python: Option<PathBuf>,
    limits: Limits,
    interpreter: OnceLock<Result<Interpreter, String>>,
    javascript_works: OnceLock<Works>,
    python_works: OnceLock<Works>,
}

/// Whether a language can be used: what of the sandbox is missing, or why not.
type Works = Result<Option<String>, String>;

impl Sandbox {
    /// Runs functions by this program, which hands the arguments behind [`FUNCTION_WORKER_ARGUMENT`] to
    /// [`crate::run_function_worker`]; Python by the `python3` on the path.
    pub fn new(program: PathBuf, limits: Limits) -> Self {
        Self {
            program,
            python: None,
            limits: limits.within_reason(),
            interpreter: OnceLock::new(),
            javascript_works: OnceLock::new(),
            python_works: OnceLock::new(),
        }
    }

    /// Runs Python by this interpreter.
    #[must_use]
    pub fn with_python(mut self, python: PathBuf) -> Self {
        self.python = Some(python);
        self
    }

    /// Why functions in this language do not run here.
    pub fn why_not(&self, language: Language) -> Option<String> {
        self.works(language).as_ref().err().cloned()
    }

    /// What of the sandbox is missing although functions in this language run.
    pub fn missing(&self, language: Language) -> Option<String> {
        self.works(language).clone().unwrap_or_default()
    }

    fn works(&self, language: Language) -> &Works {
        let (known, source) = match language {
            Language::JavaScript => (&self.javascript_works, "const transform = (user) => ({})"),
            Language::Python => (&self.python_works, "def transform(user):\n    return {}"),
        };
        known.get_or_init(|| {
            let nothing = Arc::new(Schema::default());
            let function = FunctionSource {
                language,
                source: source.to_owned(),
                preserve_json: false,
                input: Arc::clone(&nothing),
                output: nothing,
            };
            let mut loaded = self.start(&function).map_err(|error| error.to_string())?;
            loaded.call(vec![Vec::new()]).map_err(|error| error.to_string())?;
            Ok(loaded.missing)
        })
    }

    fn start(&self, function: &FunctionSource) -> Result<LoadedFunction, FunctionError> {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            // The allocator would set aside more address space at its start than the process may have.
            .env("MIMALLOC_ARENA_RESERVE", "16MiB")
            .current_dir("/")
            .args([FUNCTION_WORKER_ARGUMENT, function.language.name()])
            .arg(std::process::id().to_string())
            .arg(self.limits.memory_bytes.to_string());
        if function.language == Language::Python {
            let found = self.interpreter.get_or_init(|| Interpreter::find(self.python.as_deref()));
            let interpreter = found.as_ref().map_err(FunctionError::stopped)?;
            command.arg(&interpreter.program).args(&interpreter.paths);
        }
        LoadedFunction::load(command, function.clone(), self.limits)
    }
}

impl Functions for Sandbox {
    fn languages(&self) -> Vec<Language> {
        Language::ALL.into_iter().filter(|language| self.works(*language).is_ok()).collect()
    }

    fn load(&self, function: &FunctionSource) -> Result<Box<dyn Function>, FunctionError> {
        if let Some(why) = self.why_not(function.language) {
            let name = function.language.name();
            return Err(FunctionError::stopped(format!("functions in {name} do not run here: {why}")));
        }
        Ok(Box::new(self.start(function)?))
    }
}
