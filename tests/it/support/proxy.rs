//! A real rproxy in a directory of its own.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::kernel;
use super::lines::Lines;
use super::raw::{Client, Request, Response};

/// What to write before the start: the configuration, and files beside it.
#[derive(Debug)]
pub struct Builder {
    dir: TempDir,
    config: PathBuf,
    environment: Vec<(String, String)>,
    /// Nobody reads the standard output.
    deaf: bool,
    /// Of open files: soft and hard.
    limit: Option<u32>,
    /// What is mounted where nobody else sees it: the arguments of mount(8), for a shell.
    mount: Option<String>,
    /// Permissions hold for it, whoever runs the tests.
    unprivileged: bool,
    /// It is not root, whoever runs the tests.
    stranger: bool,
    /// What is started in place of the program itself.
    program: Option<PathBuf>,
}

/// A running rproxy. It ends with this value, and shows its logs when the test failed.
#[derive(Debug)]
pub struct Proxy {
    child: Child,
    /// Another process than `child` after an upgrade.
    serving: Pid,
    upgrades: usize,
    /// `127.0.0.1:41231` or `unix:/path`, in the order of the configuration.
    addresses: Vec<String>,
    pub access: Lines,
    pub log: Lines,
    dir: TempDir,
}

/// The program as cargo has built it.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_rproxy");

/// What most tests share: a free port, and the access log where it can be read.
const SITE: &str = "[log]\naccess = \"stdout\"\n\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n";

/// An upstream that is not there, and is not waited for.
pub const ABSENT: &str =
    "[upstream.absent]\nservers = [\"unix:missing.sock\"]\nretry = { window = \"0s\" }\n";

impl Proxy {
    /// A whole configuration. Relative paths in it are relative to the directory of [`Builder::file`].
    pub fn config(toml: &str) -> Builder {
        let dir = tempfile::Builder::new().prefix("rproxy-").tempdir().unwrap();
        let config = dir.path().join("site.toml");
        fs::write(&config, toml).unwrap();
        Builder {
            dir,
            config,
            environment: Vec::new(),
            deaf: false,
            limit: None,
            mount: None,
            unprivileged: false,
            stranger: false,
            program: None,
        }
    }

    /// One site on a free port: `rest` follows its `listen` line, and may open further tables.
    pub fn site(rest: &str) -> Builder {
        Self::config(&format!("{SITE}{rest}"))
    }

    /// One site that gives everything to the server at `address`.
    pub fn to(address: &str) -> Builder {
        Self::site(&format!(
            "[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\n[upstream.app]\nservers = [\"{address}\"]\n"
        ))
    }

    /// One site that serves the directory `www`.
    pub fn files() -> Builder {
        Self::site("[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n").directory("www")
    }

    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Of the first listener.
    pub fn addr(&self) -> SocketAddr {
        self.addresses[0].parse().expect("the first listener is TCP")
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr())
    }

    /// The directory of the configuration.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn connect(&self) -> Client {
        Client::connect(&self.addresses[0])
    }

    pub fn get(&self, path: &str) -> Response {
        self.send(&Request::get(path))
    }

    /// One request on a connection of its own.
    pub fn send(&self, request: &Request) -> Response {
        self.connect().exchange(request)
    }

    /// A line of the error log that contains `text`.
    pub fn wait_for_log(&self, text: &str) -> String {
        self.log.wait_for(text)
    }

    /// A line of the access log that contains `text`.
    pub fn wait_for_access(&self, text: &str) -> String {
        self.access.wait_for(text)
    }

    /// How many bodies are on disk, in files that nobody sees. For those with a temp directory of their own.
    pub fn spooled(&self) -> usize {
        let temp = self.dir.path().join("tmp");
        assert_eq!(fs::read_dir(&temp).unwrap().count(), 0, "a file of a body can be seen");
        kernel::open_files(self.pid(), &temp).len()
    }

    pub fn pid(&self) -> u32 {
        u32::try_from(self.serving.as_raw_nonzero().get()).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.serving, signal).unwrap();
    }

    /// Has a new process take over, and returns when it has.
    pub fn upgrade(&mut self) {
        self.signal(Signal::USR2);
        self.follow();
    }

    /// Waits until another process has taken over, and goes on with that.
    pub fn follow(&mut self) {
        self.upgrades += 1;
        let line = self.log.wait_for_nth("the new process serves", self.upgrades);
        let (_, pid) = line.split_once("pid=").expect("the log names the pid");
        self.serving = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    }

    /// Waits until the process that was started first has ended.
    pub fn wait_for_first(&mut self) -> ExitStatus {
        let status = self.child.wait().unwrap();
        assert_ne!(self.serving, Pid::from_child(&self.child), "no other process has taken over");
        status
    }

    /// Puts another configuration in the place of its own, as an editor does.
    pub fn write(&self, toml: &str) {
        let config = self.dir.path().join("site.toml");
        let new = config.with_extension("new");
        fs::write(&new, toml).unwrap();
        fs::rename(new, config).unwrap();
    }

    /// Has it take up another configuration. What it says of that to whoever asks for it.
    pub fn reload(&self, toml: &str) -> String {
        self.write(toml);
        let Output { status, stdout, stderr } = self.order(&["reload"]);
        let told = String::from_utf8([stdout, stderr].concat()).unwrap();
        // It may have found the change by itself a moment before.
        if status.success() { format!("in force: {told}") } else { format!("refused: {told}") }
    }

    /// Gives it an order from another shell.
    pub fn order(&self, words: &[&str]) -> Output {
        let mut command = Command::new(PROGRAM);
        command.args(words).arg("-c").arg(self.dir.path().join("site.toml"));
        command.stdin(Stdio::null()).env("NO_COLOR", "1").output().unwrap()
    }

    /// Has it read its configuration again.
    pub fn hang_up(&self) -> String {
        self.outcome_of(|| self.signal(Signal::HUP))
    }

    /// What it says of a reload that follows on something done to it or its files.
    pub fn outcome_of(&self, done: impl FnOnce()) -> String {
        const OUTCOME: &str = " reload: ";
        let before = self.log.all().iter().filter(|line| line.contains(OUTCOME)).count();
        done();
        self.log.wait_for_nth(OUTCOME, before + 1)
    }

    /// Whether it has ended, whoever reads its logs.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until it has ended by itself or by a signal sent before.
    pub fn wait(&mut self) -> ExitStatus {
        assert!(self.log.wait_until_closed(), "rproxy does not end");
        self.child.wait().unwrap()
    }
}

impl Builder {
    /// A file below the configuration's directory.
    #[must_use]
    pub fn file(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
        self
    }

    #[must_use]
    pub fn directory(self, path: &str) -> Self {
        fs::create_dir_all(self.dir.path().join(path)).unwrap();
        self
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Starts it with a standard output whose reader is gone.
    #[must_use]
    pub fn deaf_stdout(mut self) -> Self {
        self.deaf = true;
        self
    }

    /// Starts it with no more than so many open files.
    #[must_use]
    pub fn file_limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Gives it a temp directory of its own: `tmp` in the directory of the configuration.
    #[must_use]
    pub fn own_temp(self) -> Self {
        let temp = self.dir.path().join("tmp");
        self.directory("tmp").env("TMPDIR", temp.to_str().unwrap())
    }

    /// Puts that temp directory on a disk of this size (`1m`), which nobody else sees.
    #[must_use]
    pub fn own_disk(mut self, size: &str) -> Self {
        self.mount = Some(format!("-t tmpfs -o size={size} tmpfs \"$TMPDIR\""));
        self.own_temp()
    }

    /// Has it see the files of `directory` in `at` too, on an overlay, as in a container. To be read only.
    #[must_use]
    pub fn overlay(mut self, directory: &Path, at: &Path) -> Self {
        let [directory, at] = [directory, at].map(Path::display);
        // Without a directory to write to, it takes two.
        self.mount = Some(format!("-t overlay -o lowerdir={directory}:{at} overlay {at}"));
        self
    }

    /// Has it obey the permissions of files, which root by itself does not.
    #[must_use]
    pub fn without_privileges(mut self) -> Self {
        self.unprivileged = rustix::process::geteuid().is_root();
        self
    }

    /// Has it run as a user of no account.
    #[must_use]
    pub fn without_rights(mut self) -> Self {
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(self.dir(), Some(65533), Some(65533)).unwrap();
            self.stranger = true;
        }
        self
    }

    /// Starts it by this path, below the configuration's directory: a link to the program that can be replaced.
    #[must_use]
    pub fn linked(mut self, name: &str) -> Self {
        let link = self.dir.path().join(name);
        std::os::unix::fs::symlink(PROGRAM, &link).unwrap();
        self.program = Some(link);
        self
    }

    /// Starts this script in place of the program.
    #[must_use]
    pub fn script(self, name: &str, text: &str) -> Self {
        let mut builder = self.file(name, text);
        let path = builder.dir.path().join(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        builder.program = Some(path);
        builder
    }

    /// The directory of the configuration, to be filled before the start.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Starts and waits until it serves.
    pub fn start(self) -> Proxy {
        let mut proxy = self.launch();
        let is_ready = proxy
            .log
            .wait_for_line(|line| line.contains("INFO ready") || line.contains(r#""message":"ready""#));
        assert!(is_ready.is_some(), "rproxy did not start");
        proxy.addresses = proxy.log.all().iter().filter_map(|line| listening(line)).collect();
        proxy
    }

    /// Starts what does not say on its standard error that it serves.
    pub fn launch(self) -> Proxy {
        let mut command = self.command();
        command.stdout(if self.deaf { std::io::pipe().unwrap().1.into() } else { Stdio::piped() });
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        // Holds our copy of a deaf standard output.
        drop(command);
        let access = child.stdout.take().map(Lines::of).unwrap_or_default();
        let log = Lines::of(child.stderr.take().unwrap());
        let serving = Pid::from_child(&child);
        Proxy { child, serving, upgrades: 0, addresses: Vec::new(), access, log, dir: self.dir }
    }

    /// Starts what is expected to end by itself.
    pub fn run(&self) -> Output {
        self.command().output().unwrap()
    }

    fn command(&self) -> Command {
        let program = self.program.as_deref().map_or(PROGRAM, |path| path.to_str().unwrap());
        let mut command = match (self.limit, &self.mount) {
            (None, None) if self.unprivileged => {
                let mut setpriv = Command::new("setpriv");
                setpriv.args(["--bounding-set=-dac_override,-dac_read_search", program]);
                setpriv
            }
            (None, None) => {
                let mut command = Command::new(program);
                if self.stranger {
                    std::os::unix::process::CommandExt::uid(&mut command, 65533);
                    std::os::unix::process::CommandExt::gid(&mut command, 65533);
                }
                command
            }
            (Some(limit), _) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\""), program]);
                shell
            }
            (None, Some(mount)) => {
                // In namespaces of its own anybody may mount.
                let mut unshare = Command::new("unshare");
                let script = format!("mount {mount} && exec \"$0\" \"$@\"");
                unshare.args(["--map-root-user", "--mount", "sh", "-c", &script, program]);
                unshare
            }
        };
        command.arg("-c").arg(&self.config).stdin(Stdio::null()).envs(self.environment.clone());
        // Whatever the developer's shell says, tests see what a new user sees.
        command.env_remove("RUST_LOG").env("NO_COLOR", "1");
        command
    }
}

/// The address in `… listening on http://127.0.0.1:41231`.
fn listening(line: &str) -> Option<String> {
    let (_, address) = line.split_once("listening on ")?;
    let address = address.split_whitespace().next()?;
    let bare = address.strip_prefix("http://").or_else(|| address.strip_prefix("https://"));
    Some(bare.unwrap_or(address).to_owned())
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of rproxy ---\n{}", self.log.all().join("\n"));
            eprintln!("--- its access log ---\n{}", self.access.all().join("\n"));
        }
        // An orderly end, so that pools it runs end too; the second signal cuts what is in flight.
        self.access.resume();
        self.log.resume();
        for pid in [self.serving, Pid::from_child(&self.child)] {
            if self.child.try_wait().is_ok_and(|status| status.is_none()) || pid == self.serving {
                let _ = kill_process(pid, Signal::TERM);
                let _ = kill_process(pid, Signal::INT);
            }
        }
        self.log.wait_until_closed();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
