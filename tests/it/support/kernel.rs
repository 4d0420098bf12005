//! What the kernel knows of a running rproxy.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::PATIENCE;

/// Bytes of memory that are its own and present.
pub fn resident(pid: u32) -> u64 {
    kilobytes(pid, "VmRSS:")
}

/// The most that it has had of it.
pub fn most_resident(pid: u32) -> u64 {
    kilobytes(pid, "VmHWM:")
}

fn kilobytes(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}

/// The files below a directory that are open, whether or not they have a name there.
pub fn open_files(pid: u32, below: &Path) -> Vec<PathBuf> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    // One may close while they are looked at.
    let files = descriptors.filter_map(|descriptor| fs::read_link(descriptor.unwrap().path()).ok());
    files.filter(|file| file.starts_with(below)).collect()
}

/// How large those are.
pub fn open_file_sizes(pid: u32, below: &Path) -> Vec<u64> {
    let descriptors =
        fs::read_dir(format!("/proc/{pid}/fd")).unwrap().map(|descriptor| descriptor.unwrap().path());
    let files = descriptors.filter(|at| fs::read_link(at).is_ok_and(|file| file.starts_with(below)));
    files.filter_map(|at| fs::metadata(at).ok()).map(|facts| facts.len()).collect()
}

/// How many descriptors are open.
pub fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// How many threads of the process bear a name that begins so.
pub fn threads(pid: u32, name: &str) -> usize {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let names = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("comm")).unwrap());
    names.filter(|found| found.starts_with(name)).count()
}

/// Processor time used so far, of all threads, in user and kernel mode.
pub fn processor_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The command's name may hold blanks: fields are counted from behind it. proc(5): utime is 14, stime 15.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    // USER_HZ, which Linux shows as 100 on every machine whatever it counts in.
    Duration::from_millis(ticks * 10)
}

/// Asks until the answer is yes: for what the kernel counts but does not announce.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "still not so: {what}");
        rest();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test has a thread of its own, and nobody says when a count changes"
)]
fn rest() {
    std::thread::sleep(Duration::from_millis(10));
}
