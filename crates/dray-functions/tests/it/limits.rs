//! Time, memory and output: what is too much ends the run, names the record, and harms nobody else.

use std::time::{Duration, Instant};

use dray_engine::expression::Value;
use dray_engine::pipeline::function::{FunctionError, Functions, Language};
use dray_functions::{Limits, Sandbox};

use crate::support::{JavaScript, Python, call, function, hasty, program, sandbox, stopped};

/// A function that returns `{}` for all records but that with `v` 3, for which it does this.
fn at_three(language: Language, body: &str) -> String {
    match language {
        JavaScript => format!("const transform = (user) => {{ if (user.v === 3) {{ {body} }} return {{}} }}"),
        Python => format!(
            "import re\ndef transform(user):\n    if user['v'] == 3:\n        {body}\n    return {{}}"
        ),
    }
}

#[test]
fn loops_that_never_end() {
    let message = "the function was stopped: it takes longer than 1.5 seconds for a batch of 7 records";
    for (language, body) in [
        (JavaScript, "for (;;) {}"),
        (JavaScript, "for (;;) { try { for (;;) {} } catch {} finally { continue } }"),
        (JavaScript, "/^(a+)+$/.test('a'.repeat(40) + 'b')"),
        (JavaScript, "return new Proxy({}, { ownKeys() { for (;;) {} } })"),
        (JavaScript, "const f = () => { Promise.resolve().then(f) }; f(); return {}"),
        (
            JavaScript,
            "const m = 3n ** 300001n; let x = 3n ** 300000n; for (let i = 0; i < 1e9; i++) x = x * x % m",
        ),
        (Python, "while True: pass"),
        (Python, "re.match('^(a+)+$', 'a' * 40 + 'b')"),
        (Python, "sum(range(10 ** 12))"),
        (Python, "import time; time.sleep(1000)"),
    ] {
        let source = at_three(language, body);
        let begun = Instant::now();
        let (told, record) = stopped(hasty(), &function(language, &source), 7);
        assert_eq!(told, message, "{body}");
        // Promises are fulfilled once the batch is through.
        let expected = if body.contains("Promise") { 6 } else { 3 };
        assert_eq!(record, Some(expected), "{body}");
        assert!(begun.elapsed() < Duration::from_secs(30), "{body}: {:?}", begun.elapsed());
    }
    for (language, source) in [(JavaScript, "for (;;) {}"), (Python, "while True: pass")] {
        // To start takes time too.
        let (told, record) = stopped(hasty(), &function(language, source), 1);
        assert_eq!(
            (told.as_str(), record),
            ("the function takes longer than 1.5 seconds to be loaded", None)
        );
    }
}

#[test]
fn the_record_is_named_in_later_batches_too() {
    for (language, source) in [
        (JavaScript, "const transform = (user) => { while (user.v === 345) {} return {} }"),
        (Python, "def transform(user):\n    while user['v'] == 345: pass\n    return {}"),
    ] {
        let (_, record) = stopped(hasty(), &function(language, source), 1_000);
        assert_eq!(record, Some(345), "{}", language.name());
    }
}

#[test]
fn memory_has_an_end() {
    for (language, body) in [
        (JavaScript, "const a = []; for (;;) a.push('x'.repeat(1e5) + a.length)"),
        (JavaScript, "new Uint8Array(1e9)"),
        (JavaScript, "new ArrayBuffer(3e8)"),
        (JavaScript, "const f = () => Promise.resolve().then(f); f(); return {}"),
        (Python, "a = []\n        while True: a.append('x' * 100000 + str(len(a)))"),
        (Python, "x = 'x' * (1 << 30)"),
        (Python, "x = bytearray(1 << 30)"),
        (Python, "x = [0] * (1 << 28)"),
    ] {
        let source = at_three(language, body);
        let (told, record) = stopped(sandbox(), &function(language, &source), 7);
        assert_eq!(told, "the function was stopped: it needs more memory than 256 MiB", "{body}");
        let expected = if body.contains("Promise") { 6 } else { 3 };
        assert_eq!(record, Some(expected), "{body}");
    }
    let (told, _) =
        stopped(sandbox(), &function(Python, "def transform(user):\n    return user['v'] << (1 << 40)"), 2);
    assert!(told.contains("memory"), "{told}");
    for (language, source) in [(JavaScript, "new Uint8Array(1e9)"), (Python, "x = 'x' * (1 << 30)")] {
        match sandbox().load(&function(language, source)) {
            Err(FunctionError::Source(message)) => assert!(message.contains("memory"), "{message}"),
            _ => panic!("it cannot be loaded"),
        }
    }
}

#[test]
fn output_has_an_end() {
    for (language, body) in [
        (JavaScript, "return { v: 'x'.repeat(2000000) }"),
        (JavaScript, "return { v: new Array(4294967295) }"),
        (JavaScript, "return { v: Array(1000).fill(Array(1000).fill(Array(1000).fill(1))) }"),
        (JavaScript, "const o = {}; for (let i = 0; i < 200000; i++) o['k' + i] = i; return o"),
        (JavaScript, "return { ['k'.repeat(2000000)]: 1 }"),
        (Python, "return {'v': 'x' * 2000000}"),
        (Python, "return {'v': [[[1] * 1000] * 1000] * 1000}"),
        (Python, "return {f'k{i}': i for i in range(200000)}"),
        (Python, "return {'v': 1 << 10000000}"),
    ] {
        let source = at_three(language, body);
        let (told, record) = stopped(sandbox(), &function(language, &source), 7);
        assert_eq!(told, "the function was stopped: it returns more than 1 MiB", "{body}");
        assert_eq!(record, Some(3), "{body}");
    }
    let limits = Limits { batch_output_bytes: 100_000, ..Limits::default() };
    let sandbox = Sandbox::new(program(), limits);
    for (language, source) in [
        (JavaScript, "const transform = () => ({ v: 'x'.repeat(5000) })"),
        (Python, "def transform(user): return {'v': 'x' * 5000}"),
    ] {
        let (told, record) = stopped(&sandbox, &function(language, source), 100);
        assert_eq!(told, "the function was stopped: it returns more than 97 KiB", "{}", language.name());
        assert_eq!(record, Some(19), "{}", language.name());
    }
    // As much as is allowed passes.
    for (language, source) in [
        (JavaScript, "const transform = () => ({ v: 'x'.repeat(1000000) })"),
        (Python, "def transform(user): return {'v': 'x' * 1000000}"),
    ] {
        let results = call(crate::support::sandbox(), &function(language, source), 50).expect("it runs");
        let whole = |record: &Vec<Option<Value>>| matches!(record.first(), Some(Some(Value::Text(text))) if text.len() == 1_000_000);
        assert!(results.iter().flatten().filter(|record| whole(record)).count() == 50);
    }
}

#[test]
fn large_records_go_in_by_smaller_batches() {
    for (language, source) in [
        (JavaScript, "const transform = (user) => ({ v: String(user.v.length) })"),
        (Python, "def transform(user): return {'v': str(len(user['v']))}"),
    ] {
        let function = dray_engine::pipeline::function::FunctionSource {
            input: crate::support::schema(&[("v", dray_engine::expression::Type::string())]),
            ..function(language, source)
        };
        let records = (0..40).map(|_| vec![Some(Value::Text("x".repeat(3_000_000)))]).collect();
        let results = sandbox().load(&function).expect("it loads").call(records).expect("it runs");
        assert_eq!(results, vec![Ok(vec![Some(Value::text("3000000"))]); 40]);
    }
}

#[test]
fn a_function_that_was_stopped_stays_so() {
    let source = function(JavaScript, &at_three(JavaScript, "for (;;) {}"));
    let mut loaded = hasty().load(&source).expect("it loads");
    let records = || (0..5).map(|number| vec![Some(Value::Int(number))]).collect();
    assert!(loaded.call(records()).is_err());
    let again = loaded.call(records()).expect_err("it is stopped");
    assert_eq!(again.to_string(), "the function was stopped before");
}
