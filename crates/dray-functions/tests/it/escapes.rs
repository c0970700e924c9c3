//! What functions try that is none of their business: files, the network, processes, the environment, the
//! process they run in, and each other.

use std::io::Read;
use std::net::TcpListener;

use dray_engine::pipeline::function::{Functions, Language};
use dray_functions::{Limits, Sandbox};

use crate::support::{JavaScript, Python, call, function, program, sandbox, stopped, text};

/// What an expression of Python gives, as text, or what it raises.
fn python(body: &str) -> String {
    text(Python, &format!("def transform(user):\n    {body}"))
}

fn javascript(expression: &str) -> String {
    text(JavaScript, &format!("const transform = (user) => ({{ v: String({expression}) }})"))
}

#[test]
fn both_languages_run_here_and_are_wholly_confined() {
    assert_eq!(sandbox().languages(), Language::ALL);
    for language in Language::ALL {
        assert_eq!(sandbox().why_not(language), None);
        assert_eq!(sandbox().missing(language), None);
    }
}

#[test]
fn a_language_that_cannot_run_says_why() {
    let sandbox = Sandbox::new(program(), Limits::default()).with_python("/nowhere/python3".into());
    assert_eq!(sandbox.languages(), [JavaScript]);
    let why = sandbox.why_not(Python).expect("a reason");
    assert!(why.starts_with("`/nowhere/python3` does not start: "), "{why}");
    let error = sandbox.load(&function(Python, "")).err().expect("it cannot be loaded");
    assert!(error.to_string().starts_with("functions in Python do not run here: "), "{error}");
    let sandbox = Sandbox::new(program(), Limits::default()).with_python("/bin/true".into());
    assert_eq!(sandbox.why_not(Python).as_deref(), Some("`/bin/true` is not Python 3.8 or newer"));
    let sandbox = Sandbox::new("/nowhere/dray".into(), Limits::default());
    assert_eq!(sandbox.languages(), []);
}

#[test]
fn files_stay_closed() {
    let denied = "Python: PermissionError: [Errno 13] Permission denied: ";
    for path in [
        "/etc/passwd",
        "/proc/self/environ",
        "/proc/1/environ",
        "/proc/self/maps",
        "/etc/hostname",
        "/root/.profile",
    ] {
        let told = python(&format!("return {{'v': open('{path}').read()}}"));
        assert!(told.starts_with(denied) || told.contains("FileNotFoundError"), "{path}: {told}");
    }
    for body in [
        "open('/tmp/dray-function-was-here', 'w')",
        "open('dray-function-was-here', 'wb')",
        "open('/dev/shm/dray-function-was-here', 'w')",
        "import os; os.mkdir('/tmp/dray-function-was-here')",
        "import os; os.unlink('/etc/hostname')",
        "import os; os.rename('/etc/hostname', '/etc/h')",
        "import os; os.symlink('/etc/passwd', '/tmp/dray-function-was-here')",
        "import os; os.link('/etc/passwd', '/tmp/dray-function-was-here')",
        "import os; os.chmod('/etc/hostname', 0o777)",
        "import os; os.listdir('/')",
        "import os; os.listdir('/proc')",
        "import os; os.listdir('/etc')",
        "import os; os.chroot('/')",
        "import os; os.memfd_create('x')",
        "import os; os.mkfifo('/tmp/dray-function-was-here')",
        "import sqlite3; sqlite3.connect('/tmp/dray-function-was-here').execute('create table t (a)')",
        "import tempfile; tempfile.TemporaryFile()",
        "import ctypes; ctypes.CDLL('/bin/sh')",
    ] {
        let told = python(body);
        let known =
            ["PermissionError", "OperationalError", "FileNotFoundError", "OSError", "No module named"];
        assert!(known.iter().any(|name| told.contains(name)), "{body}: {told}");
    }
    assert!(!std::path::Path::new("/tmp/dray-function-was-here").exists());
}

#[test]
fn the_library_and_the_null_device_are_all_that_is_open() {
    assert_eq!(python("return {'v': open('/dev/null').read() + 'x'}"), "x");
    assert_eq!(
        python(
            "import os; return {'v': str('json.py' in os.listdir(os.path.dirname(os.__file__)) or 'os.py' in os.listdir(os.path.dirname(os.__file__)))}"
        ),
        "True"
    );
    let told = python("import os; open(os.__file__, 'a')");
    assert!(told.contains("PermissionError"), "{told}");
}

#[test]
fn the_network_stays_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    for body in [
        "import socket; socket.socket()".to_owned(),
        "import socket; socket.socketpair()".to_owned(),
        "import socket; socket.socket(socket.AF_UNIX)".to_owned(),
        format!("import socket; socket.create_connection(('127.0.0.1', {}))", address.port()),
        format!("import urllib.request; urllib.request.urlopen('http://{address}/')"),
        "import socket; socket.getaddrinfo('localhost', 80)".to_owned(),
    ] {
        let told = python(&body);
        let closed = ["PermissionError", "URLError", "gaierror", "No module named"];
        assert!(closed.iter().any(|name| told.contains(name)), "{body}: {told}");
    }
    listener.set_nonblocking(true).expect("it can");
    assert!(listener.accept().is_err(), "nobody came");
}

#[test]
fn nothing_is_started() {
    for body in [
        "import os; os.fork()",
        "import os; os.posix_spawn('/bin/sh', ['sh'], {})",
        "import os; os.execv('/bin/sh', ['sh', '-c', 'echo'])",
        "import subprocess; subprocess.run(['/bin/true'])",
        "import multiprocessing; multiprocessing.Process(target=print).start()",
        "import _thread; _thread.start_new_thread(print, ())",
        "import threading; threading.Thread(target=print).start()",
        "import os; os.kill(1, 9)",
        "import os; os.kill(os.getpid(), 9)",
        "import signal; signal.raise_signal(9)",
        "import signal; signal.alarm(1); raise PermissionError",
        "import os; os.setuid(0)",
        "import os; os.nice(-5)",
    ] {
        let told = python(body);
        let refused =
            ["PermissionError", "can't start new thread", "No module named", "Operation not permitted"];
        assert!(refused.iter().any(|name| told.contains(name)), "{body}: {told}");
    }
    assert_eq!(python("import os; return {'v': str(os.system('true') != 0)}"), "True");
    let parent = std::process::id();
    let told = python(&format!("import os; os.kill({parent}, 9)"));
    assert!(told.contains("PermissionError"), "{told}");
    for call in [
        format!("kill({parent}, 9)"),
        "fork()".to_owned(),
        "syscall(57)".to_owned(),
        "socket(2, 1, 0)".to_owned(),
        format!("ptrace(16, {parent}, 0, 0)"),
        "unshare(0x10000000)".to_owned(),
        "mount(0, b'/tmp', b'tmpfs', 0, 0)".to_owned(),
        "setuid(0)".to_owned(),
    ] {
        let told = python(&format!(
            "import ctypes\n    libc = ctypes.CDLL(None, use_errno=True)\n    \
             return {{'v': str(libc.{call}) + ' ' + str(ctypes.get_errno())}}"
        ));
        assert!(told == "-1 1" || told.contains("No module named '_ctypes'"), "{call}: {told}");
    }
}

#[test]
fn limits_cannot_be_raised() {
    for limit in ["RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_CPU"] {
        let told = python(&format!("import resource; resource.setrlimit(resource.{limit}, (-1, -1))"));
        assert!(told.contains("not allowed to raise") || told.contains("PermissionError"), "{limit}: {told}");
    }
    assert_eq!(
        python("import resource; return {'v': str(resource.getrlimit(resource.RLIMIT_FSIZE))}"),
        "(0, 0)"
    );
}

#[test]
fn the_environment_is_empty() {
    let told = python("import os; return {'v': str({k for k in os.environ if k != 'LC_CTYPE'})}");
    assert_eq!(told, "set()");
    assert_eq!(python("import os; return {'v': os.getcwd()}"), "/");
}

#[test]
fn javascript_has_the_language_and_nothing_else() {
    for name in [
        "process",
        "require",
        "fetch",
        "Deno",
        "Bun",
        "std",
        "os",
        "window",
        "XMLHttpRequest",
        "WebSocket",
        "setTimeout",
        "Worker",
        "WebAssembly",
        "module",
        "exports",
        "scriptArgs",
        "print",
        "load",
    ] {
        assert_eq!(javascript(&format!("typeof {name}")), "undefined", "{name}");
    }
    for expression in
        ["Function('return this')() === globalThis", "(0, eval)('typeof process') === 'undefined'"]
    {
        assert_eq!(javascript(expression), "true");
    }
    for name in ["fs", "std", "os", "/etc/passwd", "./function.js", "data:text/javascript,1"] {
        let source = format!(
            "let told = 'waits'; import('{name}').then(() => told = 'came', (e) => told = 'refused');
             const transform = (user) => ({{ v: told }})"
        );
        let results = call(sandbox(), &function(JavaScript, &source), 250).expect("it runs");
        let last = results.last().and_then(|result| result.as_ref().ok()).expect("a record").first().cloned();
        assert_eq!(last, Some(Some(dray_engine::expression::Value::text("refused"))), "{name}");
    }
}

#[test]
fn prototypes_that_are_changed_change_no_record() {
    for attack in [
        "Object.prototype.w = 'leaked'",
        "Object.defineProperty(Object.prototype, 'w', { get() { return 'leaked' }, enumerable: true })",
        "Object.defineProperty(Object.prototype, 'v', { set(x) { globalThis.caught = x }, configurable: true })",
        "user.__proto__.w = 'leaked'",
        "Object.setPrototypeOf(Object.prototype, { w: 'leaked' })",
        "Object.prototype.toString = () => 'leaked'",
        "Object.prototype.hasOwnProperty = () => true",
        "Object.prototype.toJSON = () => 'leaked'",
        "Array.prototype.push = Array.prototype.map = () => ['leaked']",
        "Object.defineProperty(Array.prototype, 0, { set(x) { globalThis.caught = x }, configurable: true })",
        "Array.prototype[Symbol.iterator] = function* () { yield 'leaked' }",
        "Object.keys = Object.entries = Reflect.ownKeys = () => ['leaked']",
        "JSON.stringify = () => 'leaked'; JSON.parse = () => 'leaked'",
        "String.prototype.toWellFormed = () => 'leaked'",
        "Function.prototype.call = Function.prototype.apply = () => ({ v: 'leaked' })",
        "globalThis.Object = globalThis.Array = globalThis.String = undefined",
        "globalThis.transform = () => ({ v: 'leaked' })",
        "Symbol.prototype[Symbol.toPrimitive] = () => 'leaked'",
    ] {
        let source = format!(
            "const transform = (user) => {{
                if (user.v === 0) {{ {attack} }}
                return {{ v: `${{user.v}} ${{user.w}} ${{'v' in user}} ${{typeof caught}}`, l: [user.v, '\\ud800'] }}
            }}"
        );
        let function = dray_engine::pipeline::function::FunctionSource {
            output: crate::support::schema(&[
                ("v", dray_engine::expression::Type::string()),
                ("l", dray_engine::expression::Type::Json),
            ]),
            ..function(JavaScript, &source)
        };
        let results = call(sandbox(), &function, 3).expect("it runs");
        for (number, result) in results.iter().enumerate().skip(1) {
            let record = result.as_ref().expect("a record");
            let told = format!("{record:?}");
            assert!(told.contains(&format!("{number} undefined true undefined")), "{attack}: {told}");
            assert!(!told.contains("leaked") && told.contains('\u{fffd}'), "{attack}: {told}");
        }
    }
}

#[test]
fn python_that_changes_the_library_changes_no_record() {
    for attack in [
        "import marshal; marshal.dumps = lambda *a: b'leaked'",
        "import builtins; builtins.type = builtins.dict = builtins.map = None",
        "import os; os.write = lambda *a: 1",
        "import sys; sys.modules.clear()",
        "import sys; sys.stdout = None; print('x')",
        "import builtins; builtins.__import__ = None",
        "import decimal; decimal.Decimal = str",
    ] {
        let source = format!(
            "def transform(user):\n    if user['v'] == 0:\n        {attack}\n    return {{'v': 'x%d' % user['v']}}"
        );
        let results = call(sandbox(), &function(Python, &source), 3);
        // It may harm itself, but nothing wrong comes out of it.
        if let Ok(results) = results {
            for (number, result) in results.into_iter().enumerate().skip(1) {
                let expected = Some(dray_engine::expression::Value::Text(format!("x{number}")));
                assert!(result.as_ref().is_err() || result == Ok(vec![expected]), "{attack}: {result:?}");
            }
        }
    }
}

#[test]
fn what_is_printed_goes_nowhere() {
    assert_eq!(
        python("print('x' * 5000000); import sys; sys.stderr.write('x' * 5000000); return {'v': 'ok'}"),
        "ok"
    );
    assert_eq!(python("import os; [os.write(f, b'x' * 100) for f in (1, 2)]; return {'v': 'ok'}"), "ok");
    assert_eq!(python("import sys; return {'v': repr(sys.stdin.read())}"), "''");
    assert_eq!(
        text(
            JavaScript,
            "const transform = () => { for (let i = 0; i < 1e5; i++) console.log('x'.repeat(100)); return { v: 'ok' } }"
        ),
        "ok"
    );
}

#[test]
fn a_process_that_is_ended_from_within_is_told() {
    let at_two = |body: &str| {
        format!("import os, sys\ndef transform(user):\n    if user['v'] == 2: {body}\n    return {{}}")
    };
    let (told, record) = stopped(sandbox(), &function(Python, &at_two("os._exit(0)")), 5);
    assert_eq!((told.as_str(), record), ("the function was stopped: it ended its process", Some(2)));
    let (_, record) = stopped(sandbox(), &function(Python, &at_two("os.abort()")), 5);
    assert_eq!(record, Some(2));
    let crash = at_two("import ctypes; ctypes.string_at(0)");
    let (told, record) = stopped(sandbox(), &function(Python, &crash), 5);
    assert!(told.starts_with("the function was stopped: its process broke down; "), "{told}");
    assert_eq!(record, Some(2));
    // Whatever it writes to the streams between the processes is no answer.
    let forged = format!(
        "def forge(file):\n    try: os.write(file, b'R\\xff\\xff\\xff\\xff' * 100)\n    \
         except OSError: pass\n{}",
        at_two("[forge(file) for file in range(3, 9)]")
    );
    let (told, _) = stopped(sandbox(), &function(Python, &forged), 5);
    assert_eq!(told, "the function was stopped: what its process answered makes no sense");
}

#[test]
fn one_function_sees_nothing_of_another() {
    let secret = "const transform = (user) => { globalThis.secret = 'S' + user.v; return { v: secret } }";
    let mut first = sandbox().load(&function(JavaScript, secret)).expect("it loads");
    let records = vec![vec![Some(dray_engine::expression::Value::Int(1))]];
    first.call(records).expect("it runs");
    assert_eq!(javascript("typeof secret"), "undefined");
    assert_eq!(javascript("Object.keys(globalThis)"), "performance,console");
}

#[test]
fn processes_end_with_their_functions() {
    let mut loaded = sandbox()
        .load(&function(Python, "import os\ndef transform(user): return {'v': str(os.getpid())}"))
        .expect("it loads");
    let results = loaded.call(vec![vec![None]]).expect("it runs");
    let Some(Ok(record)) = results.first() else { panic!("{results:?}") };
    let Some(Some(dray_engine::expression::Value::Text(id))) = record.first() else { panic!("{record:?}") };
    let status = format!("/proc/{id}/status");
    let mut before = String::new();
    std::fs::File::open(&status).and_then(|mut file| file.read_to_string(&mut before)).expect("it runs");
    assert!(before.contains("NoNewPrivs:\t1") && before.contains("Seccomp:\t2"), "{before}");
    drop(loaded);
    assert!(!std::path::Path::new(&status).exists());
}

/// The processes that this one started.
fn children_of(parent: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("processes").flatten() {
        let Ok(id) = entry.file_name().to_string_lossy().parse() else { continue };
        let status = std::fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        if status
            .lines()
            .any(|line| line.strip_prefix("PPid:").is_some_and(|id| id.trim() == parent.to_string()))
        {
            found.push(id);
        }
    }
    found
}

#[test]
fn processes_end_with_the_one_that_started_them() {
    let mut measuring =
        std::process::Command::new(program()).stdout(std::process::Stdio::null()).spawn().expect("it starts");
    let mut children = Vec::new();
    while children.is_empty() {
        assert_eq!(measuring.try_wait().expect("it can be asked"), None, "it has not ended");
        children = children_of(measuring.id());
        std::thread::yield_now();
    }
    measuring.kill().expect("it can be ended");
    measuring.wait().expect("it has ended");
    let begun = std::time::Instant::now();
    for child in children {
        while std::path::Path::new(&format!("/proc/{child}/exe")).read_link().is_ok() {
            assert!(begun.elapsed().as_secs() < 10, "process {child} is still there");
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_file_that_is_ready_sends_no_signal() {
    let parent = std::process::id();
    for command in ["F_SETOWN", "F_SETSIG", "F_SETFL", "F_NOTIFY"] {
        let told = python(&format!("import fcntl; fcntl.fcntl(1, fcntl.{command}, {parent})"));
        assert!(told.contains("PermissionError"), "{command}: {told}");
    }
}

#[test]
fn names_of_the_language_may_be_used_for_anything() {
    for source in [
        "var Object = 1; const transform = () => ({ v: 'ok' })",
        "Object.preventExtensions = undefined; String.prototype.toWellFormed = null; const transform = () => ({ v: 'ok' })",
        "globalThis.console = undefined; const transform = () => ({ v: 'ok' })",
        "Object.freeze(Object.prototype); const transform = () => ({ v: 'ok' })",
    ] {
        assert_eq!(text(JavaScript, source), "ok", "{source}");
    }
    for language in Language::ALL {
        assert!(sandbox().load(&function(language, "x = '\0'\0")).is_err(), "{}", language.name());
    }
}
