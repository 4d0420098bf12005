//! Debian packages that a test cannot do without, installed once where that is possible.

use std::process::Command;

use super::once;

/// Makes sure that `works` holds, by installing the package of that name.
pub fn require(package: &str, works: fn() -> bool) {
    if works() {
        return;
    }
    once::directory(package, "", |_| {
        // A fresh machine may have no list of packages yet.
        let install = &["install", "--yes", "--quiet", "--no-install-recommends", package];
        for arguments in [&["update", "--quiet"][..], install] {
            // Tests run side by side, and each may need another package.
            let mut command = Command::new("apt-get");
            command.args(["-o", "DPkg::Lock::Timeout=600"]).args(arguments);
            let _ = command.env("DEBIAN_FRONTEND", "noninteractive").output();
        }
        assert!(works(), "this test needs the Debian package {package}: apt-get install {package}");
    });
}
