//! The worker process by itself, for the tests of this crate; and a measurement of its speed.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use dray_engine::expression::value::Record;
use dray_engine::expression::{Property, Schema, Type, Value};
use dray_engine::pipeline::function::{Function, FunctionError, FunctionSource, Functions, Language};
use dray_functions::{FUNCTION_WORKER_ARGUMENT, Limits, Sandbox, run_function_worker};

const JAVASCRIPT: &str = "const transform = (user) => ({
    name: `${user.first} ${user.last}`, email: user.email.toLowerCase(), score: user.score + 1 })";
const PYTHON: &str = "def transform(user):
    return {'name': f\"{user['first']} {user['last']}\", 'email': user['email'].lower(),
            'score': user['score'] + 1}";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().is_some_and(|first| first == FUNCTION_WORKER_ARGUMENT) {
        return ExitCode::from(run_function_worker(&arguments.collect::<Vec<String>>()));
    }
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Calls a trivial function for many records, a thousand at a time as a pipeline does, and prints how many
/// it did in a second.
fn measure() -> Result<(), FunctionError> {
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("dray-functions"));
    let sandbox = Sandbox::new(program, Limits::default());
    let schema = |names: &[(&str, Type)]| {
        let properties = names.iter().map(|(name, kind)| Property::new(*name, kind.clone())).collect();
        Arc::new(Schema { properties })
    };
    let text = Type::string;
    let input = schema(&[("first", text()), ("last", text()), ("email", text()), ("score", Type::int(32))]);
    let output = schema(&[("name", text()), ("email", text()), ("score", Type::int(32))]);
    for (language, source) in [(Language::JavaScript, JAVASCRIPT), (Language::Python, PYTHON)] {
        let function = FunctionSource {
            language,
            source: source.to_owned(),
            preserve_json: false,
            input: Arc::clone(&input),
            output: Arc::clone(&output),
        };
        let mut loaded: Box<dyn Function> = sandbox.load(&function)?;
        for size in [100, 1_000, 10_000] {
            let calls = 400_000 / size;
            let begun = Instant::now();
            for call in 0..calls {
                let records: Vec<Record> = (0..size)
                    .map(|index| {
                        let number = call * size + index;
                        vec![
                            Some(Value::text("Ada")),
                            Some(Value::text(format!("Lovelace {number}"))),
                            Some(Value::text(format!("Ada.{number}@Example.com"))),
                            Some(Value::Int(i128::from(number))),
                        ]
                    })
                    .collect();
                let results = loaded.call(records)?;
                assert!(results.iter().all(Result::is_ok), "all records pass");
            }
            let seconds = begun.elapsed().as_secs_f64();
            let rate = f64::from(calls * size) / seconds;
            println!("{}, {size} records at a time: {rate:.0} records/s", language.name());
        }
    }
    Ok(())
}
