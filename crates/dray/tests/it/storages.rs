//! Storages: what their settings may be, and the folder of the server, which no path and no link leaves.

use std::os::unix::fs::symlink;
use std::sync::atomic::Ordering;
use std::time::{Duration, UNIX_EPOCH};

use dray::storage::{Connector, Role, StorageSettings};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};

use crate::storage_kit::{Kit, content, told};

const CANARY: &str = "Canary-4711-secret";

fn filesystem() -> Kit {
    let kit = Kit::new(Connector::Filesystem, json!({}));
    std::fs::create_dir(kit.folder()).expect("it can be made");
    kit
}

fn s3() -> Value {
    json!({ "accessKeyID": "A".repeat(20), "secretAccessKey": "s".repeat(40), "region": "eu-west-1", "bucket": "kept" })
}

fn sftp() -> Value {
    json!({ "host": "sftp.example", "username": "ann", "password": CANARY })
}

fn http() -> Value {
    json!({ "host": "example.com", "headers": [{ "key": "x-key", "value": CANARY }] })
}

/// Settings, one of them changed; and what the refusal names, where they are refused.
#[test]
fn settings_are_read_strictly() {
    use Connector::{Filesystem, HttpGet, HttpPost, S3, Sftp};
    let long = |letters: usize| "a".repeat(letters);
    let table: Vec<(Connector, Value, &str, Value, Option<&str>)> = vec![
        (Filesystem, json!({}), "simulateHighIOLatency", json!(true), None),
        (Filesystem, json!({}), "simulateHighIOLatency", json!(1), Some("simulateHighIOLatency")),
        (Filesystem, json!({}), "root", json!("/"), Some("root")),
        (S3, s3(), "bucket", json!("kept"), None),
        (S3, s3(), "accessKeyID", json!(long(19)), Some("accessKeyID")),
        (S3, s3(), "secretAccessKey", json!(long(39)), Some("secretAccessKey")),
        (S3, s3(), "secretAccessKey", json!(long(201)), Some("secretAccessKey")),
        (S3, s3(), "secretAccessKey", json!(format!("{}\n", long(40))), Some("secretAccessKey")),
        (S3, s3(), "region", json!("mars-1"), Some("region")),
        (S3, s3(), "region", Value::Null, Some("region")),
        (S3, s3(), "bucket", json!("ab"), Some("bucket")),
        (S3, s3(), "bucket", json!("Kept"), Some("bucket")),
        (S3, s3(), "bucket", json!("a..b"), Some("bucket")),
        (S3, s3(), "bucket", json!("xn--a"), Some("bucket")),
        (S3, s3(), "bucket", json!("a-s3alias"), Some("bucket")),
        (S3, s3(), "bucket", json!(long(64)), Some("bucket")),
        (S3, s3(), "bucket", json!("a/b/c"), Some("bucket")),
        (S3, s3(), "endpoint", json!("https://minio.example:9000"), None),
        (S3, s3(), "endpoint", json!("https://u:p@minio.example"), Some("endpoint")),
        (S3, s3(), "endpoint", json!("ftp://minio.example"), Some("endpoint")),
        (S3, s3(), "pathStyle", json!("yes"), Some("pathStyle")),
        (S3, s3(), "AccessKeyID", json!("x"), Some("AccessKeyID")),
        (Sftp, sftp(), "port", json!(2222), None),
        (Sftp, sftp(), "port", json!(0), Some("port")),
        (Sftp, sftp(), "port", json!(65_536), Some("port")),
        (Sftp, sftp(), "port", json!("22"), Some("port")),
        (Sftp, sftp(), "host", json!("a.example:22"), Some("host")),
        (Sftp, sftp(), "host", json!("2001:db8::1"), None),
        (Sftp, sftp(), "host", json!("sftp://a.example"), Some("host")),
        (Sftp, sftp(), "host", json!(long(254)), Some("host")),
        (Sftp, sftp(), "username", json!(""), Some("username")),
        (Sftp, sftp(), "password", Value::Null, Some("privateKey")),
        (Sftp, sftp(), "password", json!(long(201)), Some("password")),
        (Sftp, sftp(), "privateKey", json!(CANARY), Some("privateKey")),
        (Sftp, sftp(), "passphrase", json!(CANARY), Some("passphrase")),
        (Sftp, sftp(), "hostPublicKey", json!("nonsense"), Some("hostPublicKey")),
        (
            Sftp,
            sftp(),
            "hostPublicKey",
            json!("ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ"),
            Some("hostPublicKey"),
        ),
        (
            Sftp,
            sftp(),
            "hostPublicKey",
            json!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ me"),
            None,
        ),
        // Only where files are written.
        (Sftp, sftp(), "tempPath", json!("/tmp"), Some("tempPath")),
        (HttpGet, http(), "port", json!(8443), None),
        (HttpGet, http(), "scheme", json!("http"), None),
        (HttpGet, http(), "scheme", json!("file"), Some("scheme")),
        (HttpGet, http(), "host", json!("bücher.example"), None),
        (HttpGet, http(), "host", json!("example.com/a"), Some("host")),
        (HttpGet, http(), "host", json!("user@example.com"), Some("host")),
        (HttpGet, http(), "headers", json!({}), Some("headers")),
        (HttpGet, http(), "headers", json!([{ "key": "x" }]), Some("value")),
        (HttpGet, http(), "headers", json!([{ "key": "x y", "value": "v" }]), Some("key")),
        (HttpGet, http(), "headers", json!([{ "key": "x", "value": "a\r\nb: c" }]), Some("value")),
        (HttpGet, http(), "headers", json!([{ "key": "Host", "value": "a" }]), Some("headers[0]")),
        (HttpGet, http(), "headers", json!([{ "key": long(101), "value": "a" }]), Some("key")),
        (HttpGet, http(), "headers", json!([{ "key": "x", "value": long(10_001) }]), Some("value")),
        (HttpPost, http(), "Headers", json!([]), Some("Headers")),
    ];
    for (connector, mut settings, key, value, named) in table {
        settings[key] = value.clone();
        let role = if connector == HttpPost { Role::Destination } else { Role::Source };
        let read = StorageSettings::parse(connector, role, &settings).err();
        match (read, named) {
            (None, None) => {}
            (Some(wrong), Some(named)) => {
                assert!(wrong.contains(named), "{key}: {wrong}");
                assert!(!wrong.contains(CANARY), "{key}: {wrong}");
            }
            (read, _) => panic!("{connector:?} {key} {value}: {read:?}"),
        }
    }
    let read = |connector, role, settings: &Value| StorageSettings::parse(connector, role, settings).is_ok();
    assert!(!read(HttpGet, Role::Destination, &http()) && !read(HttpPost, Role::Source, &http()));
    assert!(!read(Filesystem, Role::Source, &json!([])));
    let with_folder = json!({ "host": "a.example", "username": "a", "password": "p", "tempPath": "/tmp" });
    assert!(read(Sftp, Role::Destination, &with_folder));
}

#[test]
fn absolute_paths_are_those_of_each_storage() {
    let kit = filesystem();
    let root = kit.folder().display().to_string();
    let at_sftp = Kit::new(Connector::Sftp, sftp());
    let at_s3 = Kit::new(Connector::S3, s3());
    let at_http = Kit::new(Connector::HttpGet, http());
    let at_port = Kit::new(Connector::HttpGet, http()).with("port", 8080);
    let at_six = Kit::new(Connector::Sftp, sftp()).with("host", "2001:db8::1").with("port", 2222);
    for (kit, path, is) in [
        (&kit, "a", Some(format!("{root}/a"))),
        (&kit, "/a/b", Some(format!("{root}/a/b"))),
        (&kit, "/", None),
        (&kit, "", None),
        (&kit, "a/", None),
        (&kit, "a/./b", None),
        (&kit, "a/..", None),
        (&kit, "../a", None),
        (&kit, "a//b", None),
        (&kit, "a\0b", None),
        (&at_s3, "a/b.csv", Some("s3://kept/a/b.csv".to_owned())),
        (&at_s3, "/a.csv", Some("s3://kept/a.csv".to_owned())),
        (&at_s3, "ü %20*#?.csv", Some("s3://kept/ü %20*#?.csv".to_owned())),
        (&at_s3, "/", None),
        (&at_s3, "a/../b", None),
        (&at_sftp, "a", Some("sftp://sftp.example:22/a".to_owned())),
        (&at_sftp, "/a/b", Some("sftp://sftp.example:22/a/b".to_owned())),
        (&at_sftp, "/", None),
        (&at_six, "/a", Some("sftp://[2001:db8::1]:2222/a".to_owned())),
        (&at_http, "a", Some("https://example.com/a".to_owned())),
        (&at_http, "/a/b?x=y", Some("https://example.com/a/b?x=y".to_owned())),
        (&at_http, "/a/b?", Some("https://example.com/a/b".to_owned())),
        (&at_http, "/a%20b%2F", Some("https://example.com/a%20b%2F".to_owned())),
        (&at_http, "//evil.example/a", Some("https://example.com//evil.example/a".to_owned())),
        (&at_http, "\\\\evil.example/a", Some("https://example.com///evil.example/a".to_owned())),
        (&at_http, "@evil.example/a", Some("https://example.com/@evil.example/a".to_owned())),
        (&at_http, "%5z", None),
        (&at_http, "a%", None),
        (&at_http, "a\0", None),
        (&at_http, "a\n", None),
        (&at_http, "a#b", None),
        (&at_port, "a", Some("https://example.com:8080/a".to_owned())),
    ] {
        assert_eq!(kit.absolute(path).ok(), is, "{path:?}");
    }
    assert!(kit.absolute(&"a".repeat(1_024)).is_ok() && kit.absolute(&"a".repeat(1_025)).is_err());
    let key = format!("{}a", "ü".repeat(512));
    assert!(at_s3.absolute(&key).is_err_and(|told| told.contains("bytes")), "1,025 bytes");
}

#[test]
fn a_file_of_the_folder_is_copied_whole() {
    let kit = filesystem();
    assert!(kit.test(Role::Source).is_ok() && kit.test(Role::Destination).is_ok());
    let lines = content(50_000);
    assert_eq!(kit.send("users.csv", &lines).ok(), Some(lines.len() as u64));
    let at = UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456);
    let file =
        std::fs::File::options().write(true).open(kit.folder().join("users.csv")).expect("it is there");
    file.set_modified(at).expect("it can be set");
    let (fetched, bytes) = kit.fetch("/users.csv").expect("it is there");
    assert_eq!((bytes, fetched.modified), (lines.clone(), 1_700_000_000_123_456));
    // What is replaced is replaced at once, and what is not finished is never there.
    assert!(kit.send("users.csv", b"new").is_ok());
    assert_eq!(kit.fetch("users.csv").expect("it is there").1, b"new");
    assert!(kit.send_part("users.csv", &lines, false).is_ok());
    assert_eq!(kit.fetch("users.csv").expect("it is there").1, b"new");
    let names: Vec<_> = std::fs::read_dir(kit.folder()).expect("it is there").flatten().collect();
    assert_eq!(names.len(), 1, "{names:?}");
    for (path, says) in [
        ("none.csv", "there is no file"),
        ("none/users.csv", "there is no file"),
        ("users.csv/a", "there is no file"),
        ("../users.csv", "may not hold `..`"),
    ] {
        assert!(kit.refused(path).contains(says), "{path}: {}", kit.refused(path));
    }
    assert!(kit.send("none/users.csv", b"x").is_err(), "folders are not made");
    let error = kit.fetch_at_most("users.csv", 2).map(|_| ()).expect_err("it has 3 bytes");
    assert!(error.message.contains("larger than 2 bytes"), "{}", error.message);
}

#[test]
fn nothing_leads_out_of_the_folder() {
    let kit = filesystem();
    let outside = kit.directory.path().join("other");
    std::fs::create_dir(&outside).expect("it can be made");
    std::fs::write(outside.join("theirs.csv"), CANARY).expect("it can be written");
    let at = |name: &str| kit.folder().join(name);
    std::fs::create_dir(at("sub")).expect("it can be made");
    std::fs::write(at("sub/own.csv"), "own").expect("it can be written");
    let links = [
        ("folder", outside.display().to_string()),
        ("file.csv", outside.join("theirs.csv").display().to_string()),
        ("relative.csv", "../other/theirs.csv".to_owned()),
        ("root", "/".to_owned()),
        ("sub/up", "../..".to_owned()),
        ("proc", "/proc/self/root".to_owned()),
        ("loop", "loop".to_owned()),
        ("within.csv", "sub/own.csv".to_owned()),
        ("sub/within.csv", "../sub/own.csv".to_owned()),
    ];
    for (name, target) in &links {
        symlink(target, at(name)).expect("a link can be made");
    }
    for path in [
        "folder/theirs.csv",
        "file.csv",
        "relative.csv",
        "root/etc/passwd",
        "sub/up/other/theirs.csv",
        "proc/etc/passwd",
        "loop",
    ] {
        let told = kit.refused(path);
        assert!(told.contains("leads out"), "{path}: {told}");
        assert!(!told.contains(CANARY), "{told}");
        if path.contains('/') {
            assert!(kit.send(path, b"x").is_err(), "{path} was written");
        }
    }
    assert!(kit.newest("folder/*").is_err() && kit.newest("sub/up/other/*").is_err());
    for path in ["within.csv", "sub/within.csv"] {
        assert_eq!(kit.fetch(path).expect("it stays within").1, b"own", "{path}");
    }
    // A link that stands where a file is to be is replaced, not followed.
    assert!(kit.send("file.csv", b"new").is_ok());
    assert_eq!(std::fs::read(outside.join("theirs.csv")).expect("it is there"), CANARY.as_bytes());
    assert!(at("file.csv").symlink_metadata().is_ok_and(|about| about.is_file()));
    // Links are not among the newest where they lead out.
    std::fs::remove_file(at("file.csv")).expect("it is there");
    assert_eq!(kit.newest("rel*").expect("it can be listed"), None);
}

#[test]
fn only_regular_files_are_read_and_replaced() {
    let kit = filesystem();
    let at = |name: &str| kit.folder().join(name);
    std::fs::create_dir(at("folder")).expect("it can be made");
    mknodat(CWD, at("pipe"), FileType::Fifo, Mode::from_raw_mode(0o666), 0).expect("a pipe can be made");
    let listener = std::os::unix::net::UnixListener::bind(at("socket")).expect("a socket can be made");
    let mut names = vec!["folder", "pipe", "socket"];
    // Only root may make a device.
    if mknodat(
        CWD,
        at("zero"),
        FileType::CharacterDevice,
        Mode::from_raw_mode(0o666),
        rustix::fs::makedev(1, 5),
    )
    .is_ok()
    {
        names.push("zero");
    }
    for name in names {
        let refused = kit.refused(name);
        assert!(refused.contains("is no file"), "{name}: {refused}");
        let sent = kit.send(name, b"x").map_err(|error| told(&error)).expect_err(name);
        assert!(sent.contains("no file that could be replaced"), "{name}: {sent}");
    }
    drop(listener);
    assert_eq!(kit.newest("*").expect("it can be listed"), None);
}

#[test]
fn the_newest_file_is_found_by_its_name() {
    let kit = filesystem();
    std::fs::create_dir(kit.folder().join("daily")).expect("it can be made");
    let write = |name: &str, seconds: u64| {
        let path = kit.folder().join(name);
        std::fs::write(&path, name).expect("it can be written");
        let file = std::fs::File::options().write(true).open(&path).expect("it is there");
        file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds)).expect("it can be set");
    };
    write("daily/users-1.csv", 3_000);
    write("daily/users-2.csv", 2_000);
    write("daily/users-3.csv", 3_000);
    write("daily/users-9.json", 9_000);
    write("daily/.users-hidden.csv", 9_000);
    write("daily/.dray-0000000000000000.tmp", 9_000);
    write("users-7.csv", 7_000);
    let newest = |pattern: &str| {
        kit.newest(pattern).expect("it can be listed").map(|found| (found.path, found.modified / 1_000_000))
    };
    let is = |path: &str, seconds| Some((path.to_owned(), seconds));
    assert_eq!(newest("daily/users-*.csv"), is("daily/users-3.csv", 3_000));
    assert_eq!(newest("/daily/users-*.csv"), is("/daily/users-3.csv", 3_000));
    assert_eq!(newest("daily/*"), is("daily/users-9.json", 9_000));
    assert_eq!(newest("daily/.*"), is("daily/.users-hidden.csv", 9_000));
    assert_eq!(newest("*.csv"), is("users-7.csv", 7_000));
    assert_eq!(newest("daily/none-*"), None);
    assert!(
        kit.newest("none/*").is_err() && kit.newest("d*/users.csv").is_err() && kit.newest("../*").is_err()
    );
}

#[test]
fn a_file_that_changes_while_it_is_read_is_refused() {
    let kit = filesystem();
    let path = kit.folder().join("growing.csv");
    let file = std::fs::File::create(&path).expect("it can be made");
    file.set_len(128 << 20).expect("it can be long");
    let grow = |bytes: u64, name: &str| {
        let file = std::fs::File::options().write(true).open(kit.folder().join(name)).expect("it is there");
        file.set_len(bytes).expect("it can be changed");
    };
    for changed in [129 << 20, 100 << 20] {
        let error = kit.fetch_while("growing.csv", 1 << 30, |bytes, _| {
            while bytes.load(Ordering::Relaxed) == 0 {
                std::thread::yield_now();
            }
            grow(changed, "growing.csv");
        });
        let error = error.map(|_| ()).expect_err("it changed");
        assert!(error.message.contains("changed while it was read") && error.retryable, "{}", error.message);
        grow(128 << 20, "growing.csv");
    }
    // A file that is replaced by another was whole, and so is what was read.
    let kept = kit.fetch_while("growing.csv", 1 << 30, |bytes, _| {
        while bytes.load(Ordering::Relaxed) == 0 {
            std::thread::yield_now();
        }
        std::fs::write(kit.folder().join("next.csv"), "next").expect("it can be written");
        std::fs::rename(kit.folder().join("next.csv"), &path).expect("it can be renamed");
    });
    assert_eq!(kept.expect("it is the old one").0.bytes, 128 << 20);
    // And somebody may wish it to stop.
    std::fs::File::create(&path).and_then(|file| file.set_len(128 << 20)).expect("it can be made");
    let stopped = kit.fetch_while("growing.csv", 1 << 30, |_, stop| stop.store(true, Ordering::Relaxed));
    if let Err(error) = stopped {
        assert!(error.message.contains("stopped"), "{}", error.message);
    }
}
