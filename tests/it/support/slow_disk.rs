//! A mounted file system whose reads wait until a test lets them go on.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::lines::Lines;
use super::{package, repository, venv};

/// Ends, and is unmounted, with this value.
#[derive(Debug)]
pub struct SlowDisk {
    child: Child,
    pub log: Lines,
    directory: TempDir,
}

impl SlowDisk {
    pub const HELD_SIZE: usize = 300 << 20;
    pub const BROKEN_SIZE: usize = 16 << 20;

    pub fn mount() -> Self {
        assert!(
            Path::new("/dev/fuse").exists(),
            "this test mounts a file system of its own and needs /dev/fuse: modprobe fuse, and give a container the device"
        );
        package::require("libfuse2", library_is_there);
        package::require("fuse", fusermount_is_there);
        let directory = tempfile::Builder::new().prefix("slow-disk-").tempdir().unwrap();
        let mut child = Command::new(venv::python())
            .arg(repository("tests/apps/slow_disk/slow_disk.py"))
            .arg(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Lines::of(child.stdout.take().unwrap());
        let disk = Self { child, log, directory };
        assert!(disk.log.wait_for_line(|line| line == "mounted").is_some(), "the file system is not mounted");
        disk
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Lets all reads go on, from now on.
    pub fn go(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    }
}

impl Drop for SlowDisk {
    fn drop(&mut self) {
        // Reads that still wait fail with the connection to the kernel, and so does whoever made them.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = Command::new("umount").arg("--lazy").arg(self.directory.path()).status();
    }
}

fn library_is_there() -> bool {
    let found = Command::new("python3")
        .args(["-c", "import ctypes.util, sys; sys.exit(ctypes.util.find_library('fuse') is None)"])
        .status();
    found.is_ok_and(|status| status.success())
}

fn fusermount_is_there() -> bool {
    let version = Command::new("fusermount").arg("-V").stdout(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}
