//! What fails for one record, and what fails for all.

use dray_engine::expression::FailedStep;
use dray_engine::pipeline::function::{FunctionError, Language};

use crate::support::{JavaScript, Python, call, function, load, sandbox, text};

fn thrown(language: Language, body: &str) -> String {
    let source = match language {
        JavaScript => format!("const transform = (user) => {{ {body} }}"),
        Python => format!("def transform(user):\n    {body}"),
    };
    let results = call(sandbox(), &function(language, &source), 2).expect("the function runs");
    let failed = results.first().and_then(|result| result.as_ref().err()).expect("a failure");
    assert_eq!(failed.step, FailedStep::Transformation);
    assert_eq!(results.len(), 2, "the next record has a result too");
    failed.message.clone()
}

#[test]
fn what_javascript_throws() {
    for (body, message) in [
        ("throw new Error('boom')", "JavaScript: Error: boom"),
        ("throw new RangeError('far')", "JavaScript: RangeError: far"),
        ("return user.a.b", "JavaScript: TypeError: cannot read property 'b' of undefined"),
        ("throw new (class Mine extends Error { name = 'Mine' })('x')", "JavaScript: Mine: x"),
        ("throw 'text'", "JavaScript: text"),
        ("throw 42", "JavaScript: 42"),
        ("throw 42n", "JavaScript: 42"),
        ("throw null", "JavaScript: null"),
        ("throw undefined", "JavaScript: undefined"),
        ("throw { a: 1 }", "JavaScript: [object Object]"),
        ("throw Symbol('s')", "JavaScript: something without a text was thrown"),
        ("throw { toString() { throw 1 } }", "JavaScript: something without a text was thrown"),
        (
            "throw Object.defineProperty(new Error('x'), 'message', { get() { throw 1 } })",
            "JavaScript: Error",
        ),
        ("throw new Proxy({}, { get() { throw 1 } })", "JavaScript: something without a text was thrown"),
        ("const a = {}; a.a = a; return a", "JavaScript: TypeError: circular reference"),
        ("const a = []; a.push({ a }); return { v: a }", "JavaScript: TypeError: circular reference"),
        (
            "let a = {}; for (let i = 0; i < 1000; i++) a = { a }; return a",
            "JavaScript: RangeError: what transform returned nests deeper than 128 levels",
        ),
        ("return { get v() { throw new Error('late') } }", "JavaScript: Error: late"),
        ("", "JavaScript: TypeError: transform returned undefined, not an object"),
        ("return null", "JavaScript: TypeError: transform returned null, not an object"),
        ("return [1]", "JavaScript: TypeError: transform returned an Array, not an object"),
        ("return 'x'", "JavaScript: TypeError: transform returned a String, not an object"),
        ("return 1", "JavaScript: TypeError: transform returned a Number, not an object"),
        ("return 1n", "JavaScript: TypeError: transform returned a BigInt, not an object"),
        ("return true", "JavaScript: TypeError: transform returned a Boolean, not an object"),
        ("return transform", "JavaScript: TypeError: transform returned a function, not an object"),
        (
            "return Promise.resolve({})",
            "JavaScript: TypeError: transform returned a Promise; it must not be async, not an object",
        ),
        ("return eval('1 +')", "JavaScript: SyntaxError: unexpected token in expression: ''"),
    ] {
        assert_eq!(thrown(JavaScript, body), message, "{body}");
    }
    let deep = thrown(JavaScript, "const f = () => f() + 1; f()");
    assert!(deep.starts_with("JavaScript: RangeError: Maximum call stack"), "{deep}");
    let long = thrown(JavaScript, "throw new Error('x'.repeat(100000))");
    assert!(long.chars().count() < 1_100, "{}", long.len());
}

#[test]
fn what_python_raises() {
    for (body, message) in [
        ("raise ValueError('boom')", "Python: ValueError: boom"),
        ("return user['nope']", "Python: KeyError: 'nope'"),
        ("raise KeyError", "Python: KeyError"),
        ("raise SystemExit(3)", "Python: SystemExit: 3"),
        ("raise KeyboardInterrupt", "Python: KeyboardInterrupt"),
        ("import sys; sys.exit()", "Python: SystemExit"),
        (
            "raise type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})()",
            "Python: Exception: it has no text",
        ),
        ("raise 1", "Python: TypeError: exceptions must derive from BaseException"),
        ("raise ValueError('\\ud800')", "Python: ValueError: ?"),
        ("a = {}; a['a'] = a; return a", "Python: ValueError: Circular reference detected"),
        ("a = []; a.append({'a': a}); return {'v': a}", "Python: ValueError: Circular reference detected"),
        ("pass", "Python: TypeError: transform returned NoneType, not a dict"),
        ("return [1]", "Python: TypeError: transform returned list, not a dict"),
        ("return 'x'", "Python: TypeError: transform returned str, not a dict"),
        ("return (yield)", "Python: TypeError: transform returned generator, not a dict"),
        ("return {(1, 2): 3}", "Python: TypeError: keys must be str, int, float, bool or None, not tuple"),
        (
            "return {'v': type('T', (), {'__str__': lambda self: 1 / 0})()}",
            "Python: ZeroDivisionError: division by zero",
        ),
    ] {
        assert_eq!(thrown(Python, body), message, "{body}");
    }
    let deep = thrown(Python, "return transform(user)");
    assert!(deep.starts_with("Python: RecursionError: maximum recursion depth exceeded"), "{deep}");
    let deep = thrown(Python, "v = {}\n    for _ in range(1000): v = {'v': v}\n    return v");
    assert_eq!(deep, "Python: ValueError: what transform returned nests deeper than 128 levels");
}

fn refused(language: Language, source: &str) -> String {
    match load(&function(language, source)) {
        Err(FunctionError::Source(message)) => message,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was loaded: {source}"),
    }
}

#[test]
fn sources_that_cannot_be_used() {
    for (language, source, message) in [
        (
            JavaScript,
            "const transform = (user) => {\n  return {\n    v: ]\n  }\n}",
            "JavaScript: SyntaxError: unexpected token in expression: ']' (line 3)",
        ),
        (
            JavaScript,
            "const a = 1\nconst a = 2",
            "JavaScript: SyntaxError: invalid redefinition of lexical identifier (line 2)",
        ),
        (JavaScript, "\n\nnope()", "JavaScript: ReferenceError: nope is not defined (line 3)"),
        (JavaScript, "throw 'x'", "JavaScript: x"),
        (JavaScript, "require('fs')", "JavaScript: ReferenceError: require is not defined (line 1)"),
        (
            JavaScript,
            "const other = 1",
            "JavaScript: the source has no function `transform`: write `const transform = (user) => { … }`",
        ),
        (
            JavaScript,
            "const transform = 1",
            "JavaScript: the source has no function `transform`: write `const transform = (user) => { … }`",
        ),
        (
            Python,
            "def transform(user):\n    return {\n",
            "Python: SyntaxError: '{' was never closed (line 2)",
        ),
        (
            Python,
            "def transform(user):\nreturn 1",
            "Python: IndentationError: expected an indented block after function definition on line 1 (line 2)",
        ),
        (Python, "x = 1\ny = x / 0\n", "Python: ZeroDivisionError: division by zero (line 2)"),
        (
            Python,
            "import nothing_of_this_name",
            "Python: ModuleNotFoundError: No module named 'nothing_of_this_name' (line 1)",
        ),
        (Python, "raise SystemExit", "Python: SystemExit (line 1)"),
        (
            Python,
            "x = 1",
            "Python: the source has no function `transform`: write `def transform(user: dict) -> dict:`",
        ),
        (
            Python,
            "transform = 1",
            "Python: the source has no function `transform`: write `def transform(user: dict) -> dict:`",
        ),
    ] {
        assert_eq!(refused(language, source), message, "{source}");
    }
}

#[test]
fn sources_that_can_be_used() {
    for (language, source) in [
        (JavaScript, "const transform = (user) => ({ v: 'ok' })"),
        (JavaScript, "let transform = function (user) { return { v: 'ok' } };"),
        (JavaScript, "function transform({ v }) { return { v: 'ok' } }"),
        (JavaScript, "var transform = (user) => ({ v: 'ok' }) // a comment"),
        (JavaScript, "globalThis.transform = () => ({ v: 'ok' })"),
        (JavaScript, "class A { static t() { return { v: 'ok' } } }\nconst transform = A.t"),
        (
            JavaScript,
            "console.log('x'); const transform = (user) => { console.error(user); return { v: 'ok' } }",
        ),
        (Python, "def transform(user: dict) -> dict:\n    return {'v': 'ok'}"),
        (Python, "transform = lambda user: {'v': 'ok'}"),
        (Python, "class T:\n    def __call__(self, user): return {'v': 'ok'}\ntransform = T()"),
        (Python, "print('x')\ndef transform(user):\n    print(user)\n    return dict(v='ok')"),
        (
            Python,
            "import re, json, math, hashlib, unicodedata, zoneinfo, csv, statistics, random, string, urllib.parse\ndef transform(user): return {'v': 'ok'}",
        ),
    ] {
        assert_eq!(text(language, source), "ok", "{source}");
    }
    let zone = "from zoneinfo import ZoneInfo\nimport datetime\ndef transform(user):\n    \
                return {'v': str(datetime.datetime(2024, 7, 1, tzinfo=ZoneInfo('UTC')))}";
    assert_eq!(text(Python, zone), "2024-07-01 00:00:00+00:00");
}
