use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStderr, Command, Stdio};

use tempfile::TempDir;

use crate::router::{CASES, Case, HOST_CASES, HOSTS, LOCATIONS, SPARSE, SPARSE_CASES, owned};

/// An nginx of our own, on Unix sockets below a directory that goes with it.
struct Nginx {
    child: Child,
    log: Option<BufReader<ChildStderr>>,
    directory: TempDir,
}

impl Nginx {
    /// `None` where nginx is not installed.
    fn start(servers: &str) -> Option<Self> {
        let directory = TempDir::new().unwrap();
        let prefix = directory.path();
        let config = format!(
            "daemon off; master_process off; pid nginx.pid; error_log stderr notice; events {{}}
             http {{ access_log off; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3;
             uwsgi_temp_path t4; scgi_temp_path t5; {servers} }}"
        );
        std::fs::write(prefix.join("nginx.conf"), config).unwrap();
        let mut command = Command::new("nginx");
        command
            .current_dir(prefix)
            .arg("-p")
            .arg(prefix)
            .arg("-c")
            .arg(prefix.join("nginx.conf"))
            .args(["-e", "stderr"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().ok()?;
        let mut nginx = Self { child, log: None, directory };
        nginx.wait_until_listening();
        Some(nginx)
    }

    /// nginx names its version once its sockets listen. The pipe stays open behind it, since nginx
    /// goes on to write there before it learns to ignore SIGPIPE.
    fn wait_until_listening(&mut self) {
        let mut stderr = BufReader::new(self.child.stderr.take().unwrap());
        let mut said = String::new();
        while stderr.read_line(&mut said).unwrap() > 0 {
            if said.contains(" nginx/") {
                self.log = Some(stderr);
                return;
            }
        }
        panic!("nginx did not start: {said}");
    }

    /// The status and the body of an answer.
    fn get(&self, socket: &str, host: &str, target: &str) -> (u16, String) {
        let mut stream = UnixStream::connect(self.directory.path().join(socket)).unwrap();
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        // In one piece: a refusal of its first line would meet a half-sent request, and reset it.
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn server(socket: &str, names: &str, body: &str) -> String {
    format!("server {{ listen unix:{socket}; server_name {names}; {body} }}\n")
}

/// Quoted for nginx, whose strings know backslash escapes and variables.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn locations(patterns: &[&str]) -> String {
    let mut text = String::new();
    for (index, pattern) in patterns.iter().enumerate().filter(|(_, pattern)| !pattern.starts_with('@')) {
        let (modifier, path) =
            if pattern.starts_with('/') { ("", *pattern) } else { pattern.split_once(' ').unwrap() };
        writeln!(text, "location {modifier} {} {{ return 200 \"{index}\\n$uri\"; }}", quoted(path)).unwrap();
    }
    text
}

fn compare(nginx: &Nginx, socket: &str, patterns: &[&str], cases: &[Case]) {
    for (target, expected) in cases {
        let (status, body) = nginx.get(socket, "x", target);
        let decided = match body.split_once('\n') {
            Some((index, path)) if status == 200 => {
                Ok((patterns[index.parse::<usize>().unwrap()].to_owned(), path.to_owned()))
            }
            _ => Err(status),
        };
        assert_eq!(decided, owned(*expected), "{target}");
    }
}

#[test]
fn nginx_chooses_the_same_locations() {
    let config = server("full", "x", &locations(LOCATIONS)) + &server("sparse", "x", &locations(SPARSE));
    let Some(nginx) = Nginx::start(&config) else { return };
    compare(&nginx, "full", LOCATIONS, CASES);
    compare(&nginx, "sparse", SPARSE, SPARSE_CASES);
}

#[test]
fn nginx_chooses_the_same_sites() {
    let mut config = server("hosts", "_", "return 421;");
    for (index, names) in HOSTS.iter().enumerate() {
        config += &server("hosts", &names.join(" "), &format!("return 200 {index};"));
    }
    let Some(nginx) = Nginx::start(&config) else { return };
    for (host, expected) in HOST_CASES {
        let (status, body) = nginx.get("hosts", host, "/");
        assert_eq!((status == 200).then(|| body.parse().unwrap()), *expected, "{host}");
    }
}
