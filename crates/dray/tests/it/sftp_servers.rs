//! SFTP servers for tests: OpenSSH's, which `./test` installs, and one of our own that does what a test says, well
//! behaved or not.

use std::collections::HashMap;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::keys::{Algorithm, PrivateKey, PublicKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Msg, Response, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, MethodKind, MethodSet};
use russh_sftp::protocol::{
    Attrs, Data, File, FileAttributes, Handle, Name, OpenFlags, Packet, Status, StatusCode, Version,
};

use crate::site::until;

/// Runs a program to its end, with something on its standard input.
pub(crate) fn run(program: &str, arguments: &[&str], input: &str) {
    use std::io::Write;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap_or_else(|why| panic!("`{program}` cannot be started: {why}"));
    let _ = child.stdin.take().expect("it has one").write_all(input.as_bytes());
    assert!(child.wait().expect("it ends").success(), "{program} {arguments:?}");
}

/// True where the tests may make users.
pub(crate) fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// OpenSSH's server with keys of its own and a folder; it is killed when dropped.
pub(crate) struct OpenSsh {
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) folder: PathBuf,
    directory: tempfile::TempDir,
    child: Child,
    made_user: Option<String>,
}

impl OpenSsh {
    /// A server into which the user of this process comes with one of the client's keys.
    pub(crate) fn start() -> Self {
        let named = std::env::var("DRAY_TEST_SSHD").ok();
        let known = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"].map(str::to_owned);
        let program = named.into_iter().chain(known).find(|program| Path::new(program).exists());
        let program = program
            .expect("DRAY_TEST_SSHD names OpenSSH's server `sshd`: run ./test, or see CONTRIBUTING.md");
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let at = |name: &str| directory.path().join(name).display().to_string();
        // Another user may come in, too.
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755))
            .expect("it is ours");
        let folder = directory.path().join("files");
        std::fs::create_dir(&folder).expect("it can be made");
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).expect("it is ours");
        for (name, kind) in [
            ("host-ed25519", "ed25519"),
            ("host-rsa", "rsa"),
            ("other", "ed25519"),
            ("client-ed25519", "ed25519"),
            ("client-rsa", "rsa"),
            ("client-ecdsa", "ecdsa"),
        ] {
            run("ssh-keygen", &["-q", "-t", kind, "-N", "", "-C", name, "-f", &at(name)], "");
        }
        run(
            "ssh-keygen",
            &["-q", "-t", "ed25519", "-N", "right words", "-C", "locked", "-f", &at("client-locked")],
            "",
        );
        run(
            "ssh-keygen",
            &["-q", "-t", "rsa", "-m", "PEM", "-N", "", "-C", "pem", "-f", &at("client-pem")],
            "",
        );
        let keys: String = ["ed25519", "rsa", "ecdsa", "locked", "pem"]
            .iter()
            .map(|name| std::fs::read_to_string(at(&format!("client-{name}.pub"))).expect("it is there"))
            .collect();
        std::fs::write(at("authorized"), keys).expect("it can be written");
        if is_root() {
            // Where the server goes before anybody has come in.
            let _ = std::fs::create_dir_all("/run/sshd");
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .expect("a port is free")
            .local_addr()
            .expect("it has one")
            .port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nHostKey {}\nPidFile none\nAuthorizedKeysFile {}\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication yes\nKbdInteractiveAuthentication no\n\
             PermitRootLogin yes\nUseDNS no\nSubsystem sftp internal-sftp\nMaxStartups 100\n",
            at("host-ed25519"),
            at("host-rsa"),
            at("authorized"),
        );
        std::fs::write(at("config"), config).expect("it can be written");
        let child = Command::new(program)
            .args(["-D", "-e", "-f", &at("config")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(at("log")).expect("a log"))
            .spawn()
            .expect("sshd starts");
        let user = Command::new("id").arg("-un").output().expect("it has a name").stdout;
        let user = String::from_utf8_lossy(&user).trim().to_owned();
        let server = Self { port, user, folder, directory, child, made_user: None };
        until("sshd to listen", || TcpStream::connect(("127.0.0.1", port)).ok());
        server
    }

    /// The text of a key in the server's directory.
    pub(crate) fn key(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(name)).expect("it is there")
    }

    /// Makes a user who comes in with this password.
    pub(crate) fn make_user(&mut self, password: &str) -> String {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!("drayt{}x{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        run("useradd", &["--no-create-home", "--home-dir", "/", "--shell", "/bin/sh", &name], "");
        self.made_user = Some(name.clone());
        run("chpasswd", &[], &format!("{name}:{password}\n"));
        name
    }

    /// What the server says happened.
    pub(crate) fn log(&self) -> String {
        self.key("log")
    }
}

impl Drop for OpenSsh {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(name) = &self.made_user {
            let _ = Command::new("userdel").arg("--force").arg(name).stderr(Stdio::null()).status();
        }
    }
}

/// What a server of our own does.
#[derive(Clone, Default)]
pub(crate) struct Ways {
    /// The password it takes as one; where empty, as the answer to a question.
    pub(crate) password: &'static str,
    pub(crate) answer: &'static str,
    /// The connection is closed after so many reads, in as many connections.
    pub(crate) drops_after: Option<(usize, usize)>,
    /// Reads are not answered from this one on.
    pub(crate) stalls_after: Option<usize>,
    /// Bytes that are announced beside those that are there.
    pub(crate) lies_by: i64,
    /// The file is another after so many reads.
    pub(crate) changes_after: Option<usize>,
    /// It replaces files at once.
    pub(crate) replaces: bool,
    /// It forgets what it was sent.
    pub(crate) forgets: bool,
}

/// A server of our own, with one file and those that are sent to it.
pub(crate) struct OwnServer {
    pub(crate) port: u16,
    pub(crate) host_key: String,
    pub(crate) files: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    pub(crate) connections: Arc<AtomicUsize>,
    _runtime: tokio::runtime::Runtime,
}

impl OwnServer {
    pub(crate) fn start(ways: Ways, files: &[(&str, &[u8])]) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime starts");
        let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).expect("a key");
        let host_key = line(key.public_key());
        let mut methods = MethodSet::empty();
        methods.push(if ways.answer.is_empty() {
            MethodKind::Password
        } else {
            MethodKind::KeyboardInteractive
        });
        let config = Arc::new(Config {
            keys: vec![key],
            methods,
            auth_rejection_time: Duration::from_millis(10),
            ..Config::default()
        });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it has one").port();
        let files: HashMap<String, Vec<u8>> =
            files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
        let files = Arc::new(Mutex::new(files));
        let connections = Arc::new(AtomicUsize::new(0));
        let (shared, counted, handle) =
            (Arc::clone(&files), Arc::clone(&connections), runtime.handle().clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let number = counted.fetch_add(1, Ordering::SeqCst);
                let guest = Guest {
                    ways: ways.clone(),
                    files: Arc::clone(&shared),
                    number,
                    line: stream.try_clone().expect("it can be shared"),
                    channels: HashMap::new(),
                };
                let config = Arc::clone(&config);
                handle.spawn(async move {
                    stream.set_nonblocking(true).expect("it can be set");
                    let stream = tokio::net::TcpStream::from_std(stream).expect("it can be used");
                    if let Ok(session) = russh::server::run_stream(config, stream, guest).await {
                        let _ = session.await;
                    }
                });
            }
        });
        Self { port, host_key, files, connections, _runtime: runtime }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.files.lock().expect("no test panicked here").keys().cloned().collect();
        names.sort();
        names
    }

    pub(crate) fn file(&self, name: &str) -> Option<Vec<u8>> {
        self.files.lock().expect("no test panicked here").get(name).cloned()
    }
}

pub(crate) fn line(key: &PublicKey) -> String {
    key.to_openssh().expect("it can be written").trim().to_owned()
}

/// Whoever has connected.
struct Guest {
    ways: Ways,
    files: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    number: usize,
    line: TcpStream,
    channels: HashMap<ChannelId, Channel<Msg>>,
}

impl russh::server::Handler for Guest {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        let is_right = !self.ways.password.is_empty() && password == self.ways.password && user == "ann";
        Ok(if is_right { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(
        &mut self,
        _user: &str,
        _key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(Auth::reject())
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        if self.ways.answer.is_empty() {
            return Ok(Auth::reject());
        }
        let Some(mut response) = response else {
            return Ok(Auth::Partial {
                name: "".into(),
                instructions: "".into(),
                prompts: vec![("Name: ".into(), true), ("Password: ".into(), false)].into(),
            });
        };
        let (shown, hidden) = (response.next(), response.next());
        let is_right = shown.is_some_and(|shown| shown.is_empty())
            && hidden.is_some_and(|hidden| hidden == self.ways.answer.as_bytes());
        Ok(if is_right { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        _name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(id)?;
        if let Some(channel) = self.channels.remove(&id) {
            let desk = Desk {
                ways: self.ways.clone(),
                files: Arc::clone(&self.files),
                number: self.number,
                line: self.line.try_clone().expect("it can be shared"),
                reads: 0,
                is_listed: false,
            };
            russh_sftp::server::run(channel.into_stream(), desk).await;
        }
        Ok(())
    }
}

/// What speaks SFTP.
struct Desk {
    ways: Ways,
    files: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    number: usize,
    line: TcpStream,
    reads: usize,
    is_listed: bool,
}

impl Desk {
    fn about(&self, name: &str) -> Result<FileAttributes, StatusCode> {
        let files = self.files.lock().expect("no test panicked here");
        let length =
            i64::try_from(files.get(name).ok_or(StatusCode::NoSuchFile)?.len()).expect("it is small");
        let has_changed = self.ways.changes_after.is_some_and(|after| self.reads > after);
        Ok(FileAttributes {
            size: Some(u64::try_from(length + self.ways.lies_by).expect("it is not negative")),
            permissions: Some(0o100_644),
            atime: Some(0),
            mtime: Some(if has_changed { 1_700_000_009 } else { 1_700_000_000 }),
            ..FileAttributes::default()
        })
    }
}

fn done(id: u32) -> Status {
    Status { id, status_code: StatusCode::Ok, error_message: String::new(), language_tag: String::new() }
}

impl russh_sftp::server::Handler for Desk {
    type Error = StatusCode;

    fn unimplemented(&self) -> StatusCode {
        StatusCode::OpUnsupported
    }

    async fn init(
        &mut self,
        _version: u32,
        _extensions: HashMap<String, String>,
    ) -> Result<Version, StatusCode> {
        let mut version = Version::new();
        if self.ways.replaces {
            version.extensions.insert("posix-rename@openssh.com".to_owned(), "1".to_owned());
        }
        Ok(version)
    }

    async fn realpath(&mut self, id: u32, _path: String) -> Result<Name, StatusCode> {
        Ok(Name { id, files: vec![File::dummy("/")] })
    }

    async fn stat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        Ok(Attrs { id, attrs: self.about(&path)? })
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Result<Attrs, StatusCode> {
        Ok(Attrs { id, attrs: self.about(&handle)? })
    }

    async fn open(
        &mut self,
        id: u32,
        filename: String,
        flags: OpenFlags,
        _attrs: FileAttributes,
    ) -> Result<Handle, StatusCode> {
        let mut files = self.files.lock().expect("no test panicked here");
        if flags.contains(OpenFlags::CREATE) {
            files.insert(filename.clone(), Vec::new());
        } else if !files.contains_key(&filename) {
            return Err(StatusCode::NoSuchFile);
        }
        Ok(Handle { id, handle: filename })
    }

    async fn close(&mut self, id: u32, _handle: String) -> Result<Status, StatusCode> {
        Ok(done(id))
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, len: u32) -> Result<Data, StatusCode> {
        self.reads += 1;
        if self
            .ways
            .drops_after
            .is_some_and(|(reads, connections)| self.reads > reads && self.number < connections)
        {
            let _ = self.line.shutdown(Shutdown::Both);
            return Err(StatusCode::ConnectionLost);
        }
        if self.ways.stalls_after.is_some_and(|reads| self.reads > reads) {
            std::future::pending::<()>().await;
        }
        let files = self.files.lock().expect("no test panicked here");
        let bytes = files.get(&handle).ok_or(StatusCode::NoSuchFile)?;
        let begin = usize::try_from(offset).expect("it is small");
        // Never as much as is asked for at once: a server need not.
        let end = (begin + (len as usize).min(20_000)).min(bytes.len());
        match bytes.get(begin..end).filter(|part| !part.is_empty()) {
            Some(part) => Ok(Data { id, data: part.to_vec() }),
            None => Err(StatusCode::Eof),
        }
    }

    async fn write(
        &mut self,
        id: u32,
        handle: String,
        offset: u64,
        data: Vec<u8>,
    ) -> Result<Status, StatusCode> {
        let mut files = self.files.lock().expect("no test panicked here");
        let bytes = files.get_mut(&handle).ok_or(StatusCode::NoSuchFile)?;
        let begin = usize::try_from(offset).expect("it is small");
        if !self.ways.forgets {
            bytes.resize(bytes.len().max(begin + data.len()), 0);
            bytes[begin..begin + data.len()].copy_from_slice(&data);
        }
        Ok(done(id))
    }

    async fn opendir(&mut self, id: u32, path: String) -> Result<Handle, StatusCode> {
        Ok(Handle { id, handle: path })
    }

    async fn readdir(&mut self, id: u32, _handle: String) -> Result<Name, StatusCode> {
        if std::mem::replace(&mut self.is_listed, true) {
            return Err(StatusCode::Eof);
        }
        let names: Vec<String> = self.files.lock().expect("no test panicked here").keys().cloned().collect();
        let mut files = vec![File::dummy("."), File::dummy("..")];
        for name in names {
            let attrs = self.about(&name)?;
            files.push(File {
                filename: name.trim_start_matches('/').to_owned(),
                longname: String::new(),
                attrs,
            });
        }
        Ok(Name { id, files })
    }

    async fn remove(&mut self, id: u32, filename: String) -> Result<Status, StatusCode> {
        let removed = self.files.lock().expect("no test panicked here").remove(&filename);
        removed.map(|_| done(id)).ok_or(StatusCode::NoSuchFile)
    }

    async fn rename(&mut self, id: u32, oldpath: String, newpath: String) -> Result<Status, StatusCode> {
        let mut files = self.files.lock().expect("no test panicked here");
        if files.contains_key(&newpath) {
            return Err(StatusCode::Failure);
        }
        let bytes = files.remove(&oldpath).ok_or(StatusCode::NoSuchFile)?;
        files.insert(newpath, bytes);
        Ok(done(id))
    }

    async fn extended(&mut self, id: u32, request: String, data: Vec<u8>) -> Result<Packet, StatusCode> {
        assert_eq!(request, "posix-rename@openssh.com");
        let (from, rest) = ssh_text(&data);
        let (to, _) = ssh_text(rest);
        let mut files = self.files.lock().expect("no test panicked here");
        let bytes = files.remove(&from).ok_or(StatusCode::NoSuchFile)?;
        files.insert(to, bytes);
        Ok(Packet::Status(done(id)))
    }
}

fn ssh_text(data: &[u8]) -> (String, &[u8]) {
    let (length, rest) = data.split_first_chunk::<4>().expect("a length");
    let (text, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
    (String::from_utf8(text.to_vec()).expect("text"), rest)
}
