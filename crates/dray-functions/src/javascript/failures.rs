//! What was thrown, in words. All of it was made by the function, so that asking may throw again.

use std::fs::File;

use rquickjs::atom::PredefinedAtom;
use rquickjs::{Coerced, Ctx, Exception, Object, Value};

/// The longest message that is handed on, in characters.
const MOST_CHARACTERS: usize = 1_000;

/// Why there is no result.
#[derive(Debug)]
pub(super) enum Fault {
    /// An exception is waiting in the context.
    Threw,
    /// The sentence to tell.
    Message(String),
    /// It returned too much.
    TooLarge,
    /// What was sent to this process makes no sense.
    Malformed,
}

impl From<rquickjs::Error> for Fault {
    fn from(error: rquickjs::Error) -> Self {
        match error {
            rquickjs::Error::Exception => Self::Threw,
            other => Self::Message(format!("JavaScript: {other}")),
        }
    }
}

/// How much memory this process has ever had, as the kernel counts it.
#[derive(Debug)]
pub(super) struct Memory {
    /// Opened while files still could be.
    status: Option<File>,
    most_bytes: u64,
}

impl Memory {
    pub(super) fn new(most_bytes: u64) -> Self {
        Self { status: File::open("/proc/self/status").ok(), most_bytes }
    }

    /// True where it once was most of what it may have.
    pub(super) fn was_scarce(&self) -> bool {
        let mut text = [0; 4096];
        let read = self.status.as_ref().and_then(|file| rustix::io::pread(file, &mut text, 0).ok());
        let text = String::from_utf8_lossy(text.get(..read.unwrap_or(0)).unwrap_or_default());
        let peak = text
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB")?.trim().parse().ok());
        peak.is_some_and(|kibibytes: u64| kibibytes << 10 > self.most_bytes / 2)
    }
}

/// True where the engine ran out of memory. It says so by an error, or by null where none can be made.
/// `thrown`: what was caught; without it, the exception that is waiting is looked at and put back.
pub(super) fn is_out_of_memory<'js>(ctx: &Ctx<'js>, thrown: Option<&Value<'js>>, memory: &Memory) -> bool {
    let waiting = thrown.is_none().then(|| ctx.catch());
    let Some(value) = thrown.or(waiting.as_ref()) else { return false };
    let found = if value.is_null() {
        memory.was_scarce()
    } else {
        value.as_exception().is_some_and(|exception| {
            text(exception.as_object(), PredefinedAtom::Message).as_deref() == Some("out of memory")
                && text(exception.as_object(), PredefinedAtom::Name).as_deref() == Some("InternalError")
        })
    };
    if let Some(value) = waiting {
        let _ = ctx.throw(value);
    }
    found
}

/// The message of what a call threw.
pub(super) fn thrown(value: &Value<'_>) -> String {
    let told = match value.as_exception() {
        Some(exception) => of_error(exception),
        None => value.get::<Coerced<String>>().map(|text| text.0).unwrap_or_else(|_| {
            let _ = value.ctx().catch();
            "something without a text was thrown".to_owned()
        }),
    };
    let told: String = told.chars().take(MOST_CHARACTERS).collect();
    format!("JavaScript: {told}")
}

/// The message of a failure to load, with the line where it happened.
pub(super) fn with_line(ctx: &Ctx<'_>, fault: Fault) -> String {
    let value = match fault {
        Fault::Message(message) => {
            return format!("JavaScript: {}", message.trim_start_matches("JavaScript: "));
        }
        Fault::Threw => ctx.catch(),
        Fault::TooLarge | Fault::Malformed => return "JavaScript: the source cannot be read".to_owned(),
    };
    let line = value.as_exception().and_then(line_of);
    match line {
        Some(line) => format!("{} (line {line})", thrown(&value)),
        None => thrown(&value),
    }
}

fn of_error(exception: &Exception<'_>) -> String {
    let object = exception.as_object();
    let name = text(object, PredefinedAtom::Name).filter(|name| !name.is_empty());
    let message = text(object, PredefinedAtom::Message).unwrap_or_default();
    let name = name.unwrap_or_else(|| "Error".to_owned());
    if message.is_empty() { name } else { format!("{name}: {message}") }
}

fn text(object: &Object<'_>, name: PredefinedAtom) -> Option<String> {
    match object.get::<_, Coerced<String>>(name) {
        Ok(text) => Some(text.0),
        Err(_) => {
            let _ = object.ctx().catch();
            None
        }
    }
}

/// The line of the first place in the source that the stack names.
fn line_of(exception: &Exception<'_>) -> Option<u32> {
    let stack = text(exception.as_object(), PredefinedAtom::Stack)?;
    let (_, place) = stack.split_once(&format!("{}:", super::FILE_NAME))?;
    place.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}
