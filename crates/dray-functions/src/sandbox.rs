//! The sandbox as others see it: which languages it runs, and functions that it loads. Whether a language
//! can be used is found out by using it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

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
    /// Another interpreter than the one on the path.
    python: Option<PathBuf>,
    limits: Limits,
    interpreter: OnceLock<Interpreter>,
    javascript: Mutex<Option<Tried>>,
    python_itself: Mutex<Option<Tried>>,
}

/// How long it is believed that a language cannot be used: what it lacks may be installed.
const BELIEVED: Duration = Duration::from_secs(30);

/// Whether a language can be used: what of the sandbox is missing, or why not.
type Works = Result<Option<String>, String>;

/// When a language was tried out, and what came of it.
type Tried = (Instant, Works);

impl Sandbox {
    /// Runs functions by this program, which hands the arguments behind [`FUNCTION_WORKER_ARGUMENT`] to
    /// [`crate::run_function_worker`]; Python by the `python3` on the path.
    pub fn new(program: PathBuf, limits: Limits) -> Self {
        Self {
            program,
            python: None,
            limits: limits.within_reason(),
            interpreter: OnceLock::new(),
            javascript: Mutex::default(),
            python_itself: Mutex::default(),
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
        self.works(language).err()
    }

    /// What of the sandbox is missing although functions in this language run.
    pub fn missing(&self, language: Language) -> Option<String> {
        self.works(language).unwrap_or_default()
    }

    fn works(&self, language: Language) -> Works {
        let known = match language {
            Language::JavaScript => &self.javascript,
            Language::Python => &self.python_itself,
        };
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((at, works)) if works.is_ok() || at.elapsed() < BELIEVED => works.clone(),
            _ => known.insert((Instant::now(), self.try_out(language))).1.clone(),
        }
    }

    fn try_out(&self, language: Language) -> Works {
        let source = match language {
            Language::JavaScript => "const transform = (user) => ({})",
            Language::Python => "def transform(user):\n    return {}",
        };
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
    }

    fn interpreter(&self) -> Result<&Interpreter, String> {
        if let Some(known) = self.interpreter.get() {
            return Ok(known);
        }
        let found = Interpreter::find(self.python.as_deref())?;
        Ok(self.interpreter.get_or_init(|| found))
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
            let interpreter = self.interpreter().map_err(FunctionError::stopped)?;
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
