//! Pools of workers that rproxy runs itself.

mod accounts;
mod crashes;
mod demo;
mod generations;
mod helper;
mod restarts;
mod servers;

use rustix::process::Pid;

use crate::support::Proxy;
use crate::support::proxy::Builder;

/// The smallest app server, with what happens before it listens, and then. `answer(text)` serves for ever.
fn server(before: &str, after: &str) -> String {
    format!(
        "import os, signal, socket, sys, time\n\
         def answer(text, times=-1):\n\
         \x20   body = text.encode()\n\
         \x20   while times:\n\
         \x20       times -= 1\n\
         \x20       peer, _ = s.accept()\n\
         \x20       peer.recv(65536)\n\
         \x20       head = b'HTTP/1.0 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(body)\n\
         \x20       try: peer.sendall(head + body)\n\
         \x20       except OSError: pass\n\
         \x20       peer.close()\n\
         {before}\n\
         s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()\n\
         {after}\n"
    )
}

/// Everything goes to a pool whose process is described so, by the keys of its table.
fn config(process: &str) -> String {
    format!(
        "[[site]]\nlisten = [\"127.0.0.1:0\"]\n[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\
         [upstream.app]\nservers = [\"unix:run/app.sock\"]\n[upstream.app.process]\n{process}\n"
    )
}

const COMMAND: &str = "command = [\"python3\", \"app.py\", \"{socket}\"]\n";

/// A pool of such a [`server`].
fn pool(before: &str, after: &str) -> Builder {
    Proxy::config(&config(COMMAND)).file("app.py", server(before, after))
}

/// The pids of processes whose parent this is.
fn children(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let lists = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).unwrap());
    lists
        .flat_map(|list| list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>())
        .collect()
}

fn pid(text: &str) -> Pid {
    Pid::from_raw(text.trim().parse().unwrap()).unwrap()
}

/// The pid of the `count`th process of a pool, from the line that tells of its start.
fn master(proxy: &Proxy, count: usize) -> Pid {
    let line = proxy.log.wait_for_nth("started `", count);
    let (_, pid_on) = line.split_once("pid=").expect("the log names the pid");
    pid(pid_on.split(|c: char| !c.is_ascii_digit()).next().unwrap())
}

fn is_alive(pid: Pid) -> bool {
    // A zombie has ended.
    let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).unwrap_or_default();
    status.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}
