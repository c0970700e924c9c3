//! The program as the process in which functions run: it confines itself, with its own allocator and size.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dray_engine::expression::{Property, Schema, Type, Value};
use dray_engine::pipeline::function::{Function, FunctionError, FunctionSource, Functions, Language};
use dray_functions::{Limits, Sandbox};

fn sandbox() -> Sandbox {
    let limits = Limits { batch_time: Duration::from_secs(3), ..Limits::default() };
    Sandbox::new(PathBuf::from(env!("CARGO_BIN_EXE_dray")), limits)
}

fn load(language: Language, source: &str) -> Box<dyn Function> {
    let schema = Arc::new(Schema { properties: vec![Property::new("v", Type::string())] });
    let function = FunctionSource {
        language,
        source: source.to_owned(),
        preserve_json: false,
        input: Arc::clone(&schema),
        output: schema,
    };
    sandbox().load(&function).expect("it loads")
}

fn stopped(language: Language, source: &str) -> String {
    match load(language, source).call(vec![vec![Some(Value::text("x"))]]) {
        Err(FunctionError::Stopped { message, record: Some(0) }) => message,
        other => panic!("it was not stopped: {other:?}"),
    }
}

#[test]
fn functions_run_in_the_program_itself() {
    let sandbox = sandbox();
    assert_eq!(sandbox.languages(), Language::ALL);
    for language in Language::ALL {
        assert_eq!((sandbox.why_not(language), sandbox.missing(language)), (None, None));
    }
    for (language, source) in [
        (Language::JavaScript, "const transform = (user) => ({ v: user.v.toUpperCase() })"),
        (Language::Python, "def transform(user): return {'v': user['v'].upper()}"),
    ] {
        let records = (0..1_000).map(|number| vec![Some(Value::text(format!("é{number}")))]).collect();
        let results = load(language, source).call(records).expect("it runs");
        for (number, result) in results.into_iter().enumerate() {
            assert_eq!(result, Ok(vec![Some(Value::text(format!("É{number}")))]));
        }
    }
}

#[test]
fn functions_are_held_to_their_limits() {
    let memory = "the function was stopped: it needs more memory than 256 MiB";
    let time = "the function was stopped: it takes longer than 3 seconds for a batch of 1 records";
    for (language, source, message) in [
        (
            Language::JavaScript,
            "const transform = () => { const a = []; for (;;) a.push('x' + a.length) }",
            memory,
        ),
        (Language::JavaScript, "const transform = () => { for (;;); }", time),
        (Language::Python, "def transform(user):\n    return {'v': 'x' * (1 << 30)}", memory),
        (Language::Python, "def transform(user):\n    while True: pass", time),
    ] {
        assert_eq!(stopped(language, source), message, "{source}");
    }
}
