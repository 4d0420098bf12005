//! A real nginx: what rproxy is compared with.

use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::lines::Lines;
use super::package;
use super::raw::Client;

/// One process on Unix sockets below a directory that goes with it.
#[derive(Debug)]
pub struct Nginx {
    child: Child,
    /// Read to its end: nginx waits for room in the pipe, and is killed by SIGPIPE without a reader.
    log: Lines,
    directory: TempDir,
}

impl Nginx {
    /// With these `server` blocks, each of which listens on `unix:NAME`.
    pub fn start(servers: &str) -> Self {
        package::require("nginx", is_there);
        let directory = tempfile::Builder::new().prefix("nginx-").tempdir().unwrap();
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
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Lines::of(child.stderr.take().unwrap());
        let nginx = Self { child, log, directory };
        // It names its version once its sockets listen.
        nginx.log.wait_for(" nginx/");
        nginx
    }

    /// To the server on this socket.
    pub fn connect(&self, socket: &str) -> Client {
        Client::connect(&format!("unix:{}", self.directory.path().join(socket).display()))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of nginx ---\n{}", self.log.all().join("\n"));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_there() -> bool {
    Command::new("nginx").arg("-v").stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
