//! SFTP: OpenSSH's server with keys and passwords, its own key known or remembered; and servers that stall, break
//! off, lie and change what they have.

use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant, UNIX_EPOCH};

use dray::storage::{Connector, Role};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::json;

use crate::sftp_servers::{OpenSsh, OwnServer, Ways, is_root};
use crate::site::until;
use crate::storage_kit::{Kit, content, told};

const PASSWORD: &str = "Canary-4711-p@ss wörd";

fn at(server: &OpenSsh) -> Kit {
    let settings = json!({
        "host": "127.0.0.1", "port": server.port, "username": server.user,
        "privateKey": server.key("client-ed25519"),
    });
    Kit::new(Connector::Sftp, settings)
}

fn own(port: u16) -> Kit {
    let settings = json!({ "host": "127.0.0.1", "port": port, "username": "ann", "password": PASSWORD });
    Kit::new(Connector::Sftp, settings)
}

#[test]
fn files_of_openssh_are_read_and_written() {
    let server = OpenSsh::start();
    let kit = at(&server);
    let at_server = |name: &str| server.folder.join(name);
    let there = |name: &str| at_server(name).display().to_string();
    let large = content(500_000);
    for (name, lines) in [("large.csv", &large), ("ü b.csv", &content(3)), ("empty.csv", &Vec::new())] {
        assert_eq!(kit.send(&there(name), lines).ok(), Some(lines.len() as u64), "{name}: {}", server.log());
        assert_eq!(&std::fs::read(at_server(name)).expect("it is there"), lines, "{name}");
        let (_, bytes) = kit.fetch(&there(name)).unwrap_or_else(|error| panic!("{name}: {}", told(&error)));
        assert_eq!(&bytes, lines, "{name}");
    }
    for (name, seconds) in
        [("large.csv", 1_600_000_000), ("ü b.csv", 1_700_000_000), ("empty.csv", 1_500_000_000)]
    {
        let file = std::fs::File::options().write(true).open(at_server(name)).expect("it is there");
        file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds)).expect("it can be set");
    }
    assert_eq!(kit.fetch(&there("ü b.csv")).expect("it is there").0.modified, 1_700_000_000_000_000);
    let newest = kit.newest(&there("*.csv")).expect("it is listed").map(|found| found.path);
    assert_eq!(newest, Some(there("ü b.csv")));
    // What is there is replaced at once; what is not finished is gone.
    assert!(kit.send(&there("large.csv"), b"new").is_ok());
    assert_eq!(kit.fetch(&there("large.csv")).expect("it is there").1, b"new");
    assert!(kit.send_part(&there("half.csv"), &large, false).is_ok());
    let names = || {
        let names = std::fs::read_dir(&server.folder).expect("it is there").flatten();
        names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>()
    };
    until("the half of a file to be gone", || {
        names().iter().all(|name| !name.contains("half")).then_some(())
    });
    std::fs::create_dir(at_server("temp")).expect("it can be made");
    let aside = at(&server).with("tempPath", there("temp"));
    assert!(aside.test(Role::Destination).is_ok());
    assert!(aside.send(&there("aside.csv"), b"aside").is_ok());
    assert_eq!(kit.fetch(&there("aside.csv")).expect("it is there").1, b"aside");
    let nowhere = at(&server).with("tempPath", there("none"));
    assert!(nowhere.test(Role::Destination).is_err() && nowhere.send(&there("a.csv"), b"a").is_err());
    // What is no file.
    mknodat(CWD, at_server("pipe"), FileType::Fifo, Mode::from_raw_mode(0o666), 0)
        .expect("a pipe can be made");
    symlink("empty.csv", at_server("link.csv")).expect("a link can be made");
    symlink("nothing", at_server("broken")).expect("a link can be made");
    assert_eq!(kit.fetch(&there("link.csv")).expect("it is there").1, b"");
    for (name, says) in [
        ("pipe", "is no file"),
        ("temp", "is no file"),
        ("none", "there is no file"),
        ("broken", "there is no file"),
    ] {
        let told = kit.refused(&there(name));
        assert!(told.contains(says), "{name}: {told}");
    }
    assert!(kit.send(&there("none/a.csv"), b"a").is_err_and(|error| told(&error).contains("folder")));
    assert_eq!(kit.newest(&there("br*")).expect("it is listed"), None);
}

#[test]
fn openssh_lets_in_whoever_has_a_key_or_the_password() {
    let mut server = OpenSsh::start();
    let file = server.folder.join("a.csv");
    std::fs::write(&file, "a").expect("it can be written");
    let path = file.display().to_string();
    for name in ["client-rsa", "client-ecdsa", "client-pem"] {
        let kit = at(&server).with("privateKey", server.key(name));
        assert_eq!(
            kit.fetch(&path).unwrap_or_else(|error| panic!("{name}: {} {}", told(&error), server.log())).1,
            b"a"
        );
    }
    let locked =
        at(&server).with("privateKey", server.key("client-locked")).with("passphrase", "right words");
    assert_eq!(locked.fetch(&path).expect("it opens").1, b"a");
    let wrong = |settings: serde_json::Value| {
        let read = dray::storage::StorageSettings::parse(Connector::Sftp, Role::Source, &settings);
        read.err().expect("it does not open")
    };
    let mut settings =
        json!({ "host": "a.example", "username": "a", "privateKey": server.key("client-locked") });
    assert!(wrong(settings.clone()).contains("`passphrase` is missing"));
    settings["passphrase"] = json!("wrong words");
    assert!(wrong(settings).contains("`passphrase` does not open"));
    let stranger = at(&server).with("privateKey", server.key("other"));
    let told_of = stranger.refused(&path);
    assert!(told_of.contains("refuses the private key"), "{told_of}");
    // Only root may make a user with a password; servers of our own take passwords in any case, see below.
    if is_root() {
        let user = server.make_user(PASSWORD);
        let kit = own(server.port).with("username", user.as_str());
        assert_eq!(
            kit.fetch(&path).unwrap_or_else(|error| panic!("{} {}", told(&error), server.log())).1,
            b"a"
        );
        let told_of = kit.with("password", "Canary-wrong").refused(&path);
        assert!(told_of.contains("refuses the password") && !told_of.contains("Canary"), "{told_of}");
    }
}

#[test]
fn the_key_of_the_server_is_checked() {
    let server = OpenSsh::start();
    let path = {
        let file = server.folder.join("a.csv");
        std::fs::write(&file, "a").expect("it can be written");
        file.display().to_string()
    };
    let (ed25519, rsa) = (server.key("host-ed25519.pub"), server.key("host-rsa.pub"));
    let other = server.key("other.pub");
    for known in [&ed25519, &rsa] {
        let kit = at(&server).with("hostPublicKey", known.as_str());
        assert!(kit.fetch(&path).is_ok(), "{known}: {}", server.log());
        assert!(kit.test(Role::Source).is_ok());
    }
    let first = at(&server).test(Role::Source).expect("it lets us in").host_key.expect("it has a key");
    assert!(ed25519.starts_with(&first), "{first} {ed25519}");
    assert!(at(&server).remembering(&first).fetch(&path).is_ok());
    for kit in [at(&server).with("hostPublicKey", other.as_str()), at(&server).remembering(other.trim())] {
        let told_of = kit.refused(&path);
        assert!(told_of.contains("another key") && told_of.contains("SHA256:"), "{told_of}");
        assert!(kit.test(Role::Source).is_err());
    }
    // What is said weighs more than what was remembered.
    assert!(
        at(&server).with("hostPublicKey", ed25519.as_str()).remembering(other.trim()).fetch(&path).is_ok()
    );
    // A server that has no key of the known kind.
    let kit = at(&server).with("hostPublicKey", server.key("client-ecdsa.pub"));
    assert!(kit.refused(&path).contains("does not show the key"), "{}", kit.refused(&path));
}

fn password() -> Ways {
    Ways { password: PASSWORD, replaces: true, ..Ways::default() }
}

#[test]
fn passwords_are_said_or_answered() {
    for ways in [password(), Ways { answer: PASSWORD, ..Ways::default() }] {
        let server = OwnServer::start(ways.clone(), &[("/a.csv", b"a")]);
        let kit = own(server.port);
        assert_eq!(
            kit.test(Role::Source).expect("it lets us in").host_key.as_deref(),
            Some(server.host_key.as_str())
        );
        assert_eq!(kit.fetch("a.csv").unwrap_or_else(|error| panic!("{}", told(&error))).1, b"a");
        let told_of = own(server.port).with("password", "Canary-wrong").refused("a.csv");
        assert!(told_of.contains("refuses the password") && !told_of.contains("Canary"), "{told_of}");
    }
}

#[test]
fn a_server_that_breaks_off_is_taken_up_where_it_came_to() {
    let whole = content(60_000);
    let ways = Ways { drops_after: Some((10, 3)), ..password() };
    let server = OwnServer::start(ways, &[("/a.csv", &whole)]);
    let (fetched, bytes) =
        own(server.port).impatient().fetch("a.csv").unwrap_or_else(|error| panic!("{}", told(&error)));
    assert_eq!((bytes, fetched.modified), (whole, 1_700_000_000_000_000));
    assert_eq!(server.connections.load(std::sync::atomic::Ordering::SeqCst), 4);
}

#[test]
fn servers_that_do_not_what_they_say_are_told() {
    let whole = content(60_000);
    for (what, ways, says) in [
        ("stalls", Ways { stalls_after: Some(5), ..password() }, "nothing came"),
        ("always breaks off", Ways { drops_after: Some((0, 100)), ..password() }, "broke off"),
        ("announces more", Ways { lies_by: 1_000, ..password() }, "was announced with"),
        ("announces less", Ways { lies_by: -1_000, ..password() }, "was announced with"),
        ("changes", Ways { changes_after: Some(5), ..password() }, "changed while it was read"),
        ("changes in between", Ways { changes_after: Some(2), drops_after: Some((4, 2)), ..password() }, ""),
    ] {
        let server = OwnServer::start(ways, &[("/a.csv", &whole)]);
        let begun = Instant::now();
        let told_of = own(server.port).impatient().refused("a.csv");
        assert!(told_of.contains(says), "{what}: {told_of}");
        assert!(!told_of.contains(PASSWORD), "{what}: {told_of}");
        assert!(begun.elapsed() < Duration::from_secs(25), "{what}: {:?}", begun.elapsed());
    }
    let server = OwnServer::start(password(), &[("/a.csv", &whole)]);
    let error = own(server.port).fetch_at_most("a.csv", 1_000).map(|_| ()).expect_err("it is larger");
    assert!(error.message.contains("larger than 1000 bytes"), "{}", error.message);
}

#[test]
fn a_file_is_put_in_place_also_where_nothing_is_replaced_at_once() {
    let large = content(300_000);
    for replaces in [true, false] {
        let server = OwnServer::start(Ways { replaces, ..password() }, &[("/a.csv", b"old")]);
        let kit = own(server.port);
        assert_eq!(kit.send("a.csv", &large).ok(), Some(large.len() as u64));
        assert_eq!(server.file("/a.csv").as_ref(), Some(&large));
        assert_eq!(server.names(), ["/a.csv"]);
        assert!(kit.send_part("b.csv", &large, false).is_ok());
        until("the half of a file to be gone", || (server.names() == ["/a.csv"]).then_some(()));
        assert_eq!(
            kit.newest("*.csv").expect("it is listed").map(|found| found.path).as_deref(),
            Some("a.csv")
        );
    }
    let server = OwnServer::start(Ways { forgets: true, ..password() }, &[("/a.csv", b"old")]);
    let error = own(server.port).send("a.csv", &large).expect_err("it keeps nothing");
    assert!(error.message.contains("only a part"), "{}", error.message);
    assert_eq!(server.file("/a.csv").as_deref(), Some(b"old".as_slice()));
}

#[test]
fn what_is_no_sftp_server_is_told_within_seconds() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = silent.local_addr().expect("it has one").port();
    let begun = Instant::now();
    let error = own(port).test(Role::Source).expect_err("nobody answers");
    assert!(error.message.contains("within 5 seconds"), "{}", error.message);
    assert!(begun.elapsed() < Duration::from_secs(10));
    let site = crate::site::Site::answering("200 OK", "hello");
    assert!(own(site.port).impatient().test(Role::Source).is_err());
    let error = own(9).impatient().test(Role::Source).expect_err("nobody listens");
    assert!(error.message.contains("cannot be reached"), "{}", error.message);
    let server = OwnServer::start(password(), &[]);
    for host in ["127.0.0.1", "localhost"] {
        let error = own(server.port).with("host", host).outside_only().test(Role::Source).expect_err(host);
        assert!(error.message.contains("is not asked"), "{}", error.message);
    }
    assert_eq!(server.connections.load(std::sync::atomic::Ordering::SeqCst), 0);
}
