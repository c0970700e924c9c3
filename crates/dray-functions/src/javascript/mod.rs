//! The worker process of a function in JavaScript: loads it, calls it, and says what became of it. There is
//! nothing in the engine but the language; a `console` that says nothing is added, for functions that have
//! been somewhere else before.

mod values;
mod failures;

use std::io::{Read, Write};

use rquickjs::context::EvalOptions;
use rquickjs::{Atom, Context, Ctx, Function, Runtime, Value};

use crate::confine::{OpenPaths, close_files, close_system_calls, set_limits};
use crate::frame;
use crate::limits::shown_bytes;
use crate::wire::{self, Item, Reader};

use failures::{Fault, Memory, is_out_of_memory, thrown, with_line};
use values::Values;

/// How much of the stack the engine may use.
const STACK_BYTES: usize = 1 << 20;

/// The program and the frames need memory too.
const OWN_BYTES: u64 = 512 << 20;

/// What the source is called in messages of the engine.
const FILE_NAME: &str = "function.js";

const CONSOLE: &str = "globalThis.console = Object.fromEntries(
    ['log', 'info', 'warn', 'error', 'debug', 'trace', 'table', 'dir', 'group', 'groupEnd', 'assert',
     'time', 'timeEnd', 'count'].map((name) => [name, () => {}]));";

/// Runs until the other process says nothing more; returns the exit code.
pub(crate) fn run(memory_bytes: u64) -> u8 {
    let Ok(runtime) = Runtime::new() else { return 3 };
    runtime.set_memory_limit(usize::try_from(memory_bytes).unwrap_or(usize::MAX));
    runtime.set_max_stack_size(STACK_BYTES);
    let Ok(context) = Context::full(&runtime) else { return 3 };
    let memory = Memory::new(memory_bytes);
    // Values and what is made of them exist twice for a moment.
    let confined = set_limits(memory_bytes.saturating_mul(2).saturating_add(OWN_BYTES), frame::MARK_BYTES);
    // Without landlock no file can be opened either: there is no system call left to do so.
    let missing = close_files(&OpenPaths::default()).err();
    let confined = confined.and_then(|()| close_system_calls(false));
    let mut out = std::io::stdout().lock();
    if let Err(why) = confined {
        let _ = send(frame::UNCONFINED, why.as_bytes(), &mut out);
        return 3;
    }
    let mut source = std::io::stdin().lock();
    let served = context.with(|ctx| {
        let Some(frame) = receive(&mut source) else { return Ok(()) };
        let Some(load) = Load::read(&frame) else { return Err(Served::Malformed) };
        let Ok(mut values) = Values::new(&ctx, load.record_bytes) else { return Err(Served::Malformed) };
        let function = match load_function(&ctx, load.source) {
            Ok(function) => function,
            Err(Fault::Threw) if is_out_of_memory(&ctx, None, &memory) => {
                let why = format!("it needs more memory than {} to be loaded", shown_bytes(memory_bytes));
                return send(frame::REFUSED, why.as_bytes(), &mut out).map_err(Served::from);
            }
            Err(fault) => {
                return send(frame::REFUSED, with_line(&ctx, fault).as_bytes(), &mut out)
                    .map_err(Served::from);
            }
        };
        send(frame::LOADED, missing.unwrap_or_default().as_bytes(), &mut out)?;
        let names = |names: &[&str]| -> Vec<Atom<'_>> {
            names.iter().filter_map(|name| Atom::from_str(ctx.clone(), name).ok()).collect()
        };
        let (inputs, outputs) = (names(&load.inputs), names(&load.outputs));
        if inputs.len() != load.inputs.len() || outputs.len() != load.outputs.len() {
            return Err(Served::Malformed);
        }
        let outputs: Vec<(Atom<'_>, &str)> = outputs.into_iter().zip(load.outputs.iter().copied()).collect();
        while let Some(batch) = receive(&mut source) {
            let mut reader = Reader::new(&batch);
            let Some(count) = reader.batch_length() else { return Err(Served::Malformed) };
            let mut results = frame::begin(frame::RESULTS);
            for index in 0..count {
                frame::mark(index);
                let record = values.object(&inputs, &mut reader).map_err(|fault| match fault {
                    Fault::Malformed => Served::Malformed,
                    _ => Served::stopped(index, memory_bytes),
                })?;
                let before = results.len();
                let returned: Result<Value<'_>, Fault> = function.call((record,)).map_err(Fault::from);
                let done = returned.and_then(|value| values.put_result(&value, &outputs, &mut results));
                if let Err(fault) = done {
                    results.truncate(before);
                    match fault {
                        Fault::TooLarge => return Err(Served::too_large(index, load.record_bytes)),
                        Fault::Malformed => return Err(Served::Malformed),
                        Fault::Message(message) => put_failure(&message, &mut results),
                        Fault::Threw => {
                            let value = ctx.catch();
                            if is_out_of_memory(&ctx, Some(&value), &memory) {
                                return Err(Served::stopped(index, memory_bytes));
                            }
                            put_failure(&thrown(&value), &mut results);
                        }
                    }
                }
                if results.len() > load.batch_bytes {
                    return Err(Served::too_large(index, load.batch_bytes));
                }
            }
            // What promises left to be done is done, so that it does not pile up.
            let mut had_jobs = false;
            while ctx.execute_pending_job() {
                had_jobs = true;
            }
            // One that ran out of memory just ends, and nobody catches that.
            if had_jobs && memory.was_scarce() {
                return Err(Served::stopped(count.saturating_sub(1), memory_bytes));
            }
            frame::finish(&mut results);
            out.write_all(&results).and_then(|()| out.flush())?;
        }
        Ok(())
    });
    match served {
        Ok(()) => 0,
        Err(Served::Stopped(index, why)) => {
            let index = u32::try_from(index).unwrap_or(u32::MAX).to_le_bytes();
            let content = [&index[..], why.as_bytes()].concat();
            u8::from(send(frame::STOPPED, &content, &mut out).is_err())
        }
        Err(Served::Malformed) => 4,
    }
}

/// Why serving ended before its time.
enum Served {
    /// By a record, which passed a limit.
    Stopped(usize, String),
    /// What was sent made no sense, or nobody listens.
    Malformed,
}

impl Served {
    fn stopped(index: usize, memory_bytes: u64) -> Self {
        Self::Stopped(index, format!("it needs more memory than {}", shown_bytes(memory_bytes)))
    }

    fn too_large(index: usize, most: usize) -> Self {
        Self::Stopped(index, format!("it returns more than {}", shown_bytes(most as u64)))
    }
}

impl From<std::io::Error> for Served {
    fn from(_: std::io::Error) -> Self {
        Self::Malformed
    }
}

/// What is loaded.
struct Load<'f> {
    source: &'f str,
    inputs: Vec<&'f str>,
    outputs: Vec<&'f str>,
    record_bytes: usize,
    batch_bytes: usize,
}

impl<'f> Load<'f> {
    fn read(content: &'f [u8]) -> Option<Self> {
        let mut reader = Reader::new(content);
        let Item::List(5) = reader.next()? else { return None };
        let source = reader.text()?;
        let names = |reader: &mut Reader<'f>| {
            let Item::List(count) = reader.next()? else { return None };
            (0..count).map(|_| reader.text()).collect()
        };
        let (inputs, outputs) = (names(&mut reader)?, names(&mut reader)?);
        let size = |reader: &mut Reader<'f>| match reader.next()? {
            Item::Long(bytes) => usize::try_from(bytes).ok(),
            _ => None,
        };
        Some(Self {
            source,
            inputs,
            outputs,
            record_bytes: size(&mut reader)?,
            batch_bytes: size(&mut reader)?,
        })
    }
}

fn load_function<'js>(ctx: &Ctx<'js>, source: &str) -> Result<Function<'js>, Fault> {
    ctx.eval::<(), _>(CONSOLE)?;
    // Before the source, which may make anything else of these names.
    let close: Function<'js> = ctx.eval("Object.preventExtensions")?;
    let prototype: Value<'js> = ctx.eval("Object.prototype")?;
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(FILE_NAME.to_owned());
    ctx.eval_with_options::<Value<'_>, _>(source, options)?;
    // Taken from the scope of the source, where `const` is no property of anything.
    let found: Value<'_> = ctx.eval("typeof transform === 'undefined' ? undefined : transform")?;
    let function = found.into_function().ok_or_else(|| {
        Fault::Message(
            "the source has no function `transform`: write `const transform = (user) => { … }`".to_owned(),
        )
    })?;
    // What one call adds to the prototype of all objects would be seen in the records of later ones.
    close.call::<_, Value<'_>>((prototype,))?;
    Ok(function)
}

fn put_failure(message: &str, out: &mut Vec<u8>) {
    wire::put_other("", message, out);
}

fn send(letter: u8, content: &[u8], out: &mut impl Write) -> std::io::Result<()> {
    let mut whole = frame::begin(letter);
    whole.extend_from_slice(content);
    frame::finish(&mut whole);
    out.write_all(&whole)?;
    out.flush()
}

/// The content of the next frame; `None` where none comes.
fn receive(source: &mut impl Read) -> Option<Vec<u8>> {
    let mut head = [0; frame::HEAD_BYTES];
    source.read_exact(&mut head).ok()?;
    let (_, length) = frame::read_head(head);
    let mut content = Vec::new();
    source.take(length as u64).read_to_end(&mut content).ok()?;
    (content.len() == length).then_some(content)
}
