//! The other side: one thread, which ends as the app.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::Mode;
use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{
    Gid, Pid, Signal, Uid, getegid, geteuid, getppid, set_parent_process_death_signal, umask,
};
use rustix::thread::{
    clear_ambient_capability_set, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use super::{FIRST_DESCRIPTOR, Launch, MOST_DESCRIPTORS};
use crate::handover::PRIVATE_VARIABLES;
use crate::process::Account;

/// Becomes what the process at the other end of stdin says. Returns only if that cannot be done, and has told
/// so there.
///
/// # Errors
/// When nobody is there.
pub fn launch() -> io::Result<()> {
    let (launch, sockets) = receive()?;
    // Closed by becoming the app.
    let channel = fcntl_dupfd_cloexec(io::stdin(), FIRST_DESCRIPTOR)?;
    let reason = become_app(&launch, &sockets);
    UnixStream::from(channel).write_all(reason.as_bytes())
}

fn receive() -> io::Result<(Launch, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut message = vec![0; 4096];
    let mut parts = [IoSliceMut::new(&mut message)];
    let received = recvmsg(io::stdin(), &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    message.truncate(received.bytes);
    let mut sockets = Vec::new();
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = part {
            sockets.extend(descriptors);
        }
    }
    io::stdin().read_to_end(&mut message)?;
    Ok((serde_json::from_slice(&message)?, sockets))
}

/// Returns why not.
fn become_app(launch: &Launch, sockets: &[OwnedFd]) -> String {
    if let Err(reason) = prepare(launch, sockets) {
        return reason;
    }
    let Some((program, arguments)) = launch.command.split_first() else {
        return "the command is empty".into();
    };
    let mut command = Command::new(program_path(program, &launch.directory));
    command.args(arguments);
    for name in PRIVATE_VARIABLES {
        command.env_remove(name);
    }
    // Python buffers a pipe by the block: what an app prints would show minutes late.
    command.env("PYTHONUNBUFFERED", "1");
    if let Some(account) = &launch.account {
        describe_user(account, &mut command);
    }
    if let Some(name) = &launch.activation {
        let names = vec![name.as_str(); sockets.len()].join(":");
        command
            .env("LISTEN_PID", std::process::id().to_string())
            .env("LISTEN_FDS", sockets.len().to_string())
            .env("LISTEN_FDNAMES", names);
    }
    command.envs(&launch.environment);
    let error = command.exec();
    explain(program, &launch.directory, launch.environment.get("PATH").map(OsStr::new), &error)
}

/// What login(1) would set.
fn describe_user(account: &Account, command: &mut Command) {
    if let Some(login) = &account.login {
        command.env("USER", login).env("LOGNAME", login);
    }
    if let Some(home) = &account.home {
        command.env("HOME", home);
    }
}

fn prepare(launch: &Launch, sockets: &[OwnedFd]) -> Result<(), String> {
    let nothing = File::open("/dev/null").map_err(|error| format!("cannot open /dev/null: {error}"))?;
    rustix::stdio::dup2_stdin(&nothing).map_err(|error| format!("cannot close stdin: {error}"))?;
    pass_on(launch, sockets).map_err(|error| format!("its sockets cannot be passed on: {error}"))?;
    if let Some(mask) = launch.umask {
        umask(Mode::from_raw_mode(mask));
    }
    if let Some(account) = &launch.account {
        become_user(account)?;
    }
    // The right to bind low ports is for listeners; an app has what its user has.
    clear_ambient_capability_set().map_err(|error| format!("it cannot give up rproxy's rights: {error}"))?;
    end_with_helper(launch.helper)
        .map_err(|error| format!("it could not be bound to its helper: {error}"))?;
    std::env::set_current_dir(&launch.directory).map_err(|error| {
        let directory = launch.directory.display();
        match error.kind() {
            io::ErrorKind::NotFound => format!("its directory {directory} is not there"),
            _ => {
                format!("its directory {directory} cannot be entered ({error}); let the pool's user into it")
            }
        }
    })
}

/// The kernel has given them the lowest numbers that were free, in order.
fn pass_on(launch: &Launch, sockets: &[OwnedFd]) -> io::Result<()> {
    if sockets.len() != launch.sockets {
        return Err(io::Error::other(format!("{} of {} arrived", sockets.len(), launch.sockets)));
    }
    for (number, socket) in (FIRST_DESCRIPTOR..).zip(sockets) {
        if socket.as_raw_fd() != number {
            return Err(io::Error::other(format!("descriptor {number} is taken")));
        }
        fcntl_setfd(socket, FdFlags::empty())?;
    }
    Ok(())
}

fn become_user(account: &Account) -> Result<(), String> {
    let groups: Vec<Gid> = account.groups.iter().map(|id| Gid::from_raw(*id)).collect();
    let (uid, gid) = (Uid::from_raw(account.uid), Gid::from_raw(account.gid));
    if (geteuid(), getegid()) == (uid, gid) {
        return Ok(());
    }
    // Groups first: afterwards it is nobody who could change them.
    set_thread_groups(&groups)
        .and_then(|()| set_thread_res_gid(gid, gid, gid))
        .and_then(|()| set_thread_res_uid(uid, uid, uid))
        .map_err(|error| {
            let name = account.login.clone().unwrap_or_else(|| account.uid.to_string());
            format!(
                "it cannot run as {name} ({error}): only root may choose; start rproxy as root, or leave `user` and `group` out"
            )
        })
}

/// However the helper ends, its apps are told to. Changing the user would undo that, so it comes later.
fn end_with_helper(helper: i32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::TERM))?;
    // It may have ended before.
    if getppid().map(Pid::as_raw_pid) == Some(helper) {
        Ok(())
    } else {
        Err(io::Error::other("that has ended"))
    }
}

/// `exec` would take a relative path from our own directory or the child's, depending on the platform.
fn program_path(program: &str, directory: &Path) -> PathBuf {
    if program.contains('/') { directory.join(program) } else { PathBuf::from(program) }
}

/// Why the program could not be started, and what to do about it.
fn explain(program: &str, directory: &Path, path: Option<&OsStr>, error: &io::Error) -> String {
    let directory = directory.display();
    match error.kind() {
        io::ErrorKind::NotFound if program.contains('/') => format!(
            "there is no such file (or its #! interpreter is missing); relative paths are taken from {directory}"
        ),
        io::ErrorKind::NotFound => {
            let path = path.map_or_else(|| std::env::var_os("PATH").unwrap_or_default(), OsStr::to_owned);
            format!(
                "it is not in PATH ({}); install it, or write its path, like \"venv/bin/{program}\"",
                path.to_string_lossy()
            )
        }
        io::ErrorKind::PermissionDenied => {
            format!("it may not be executed ({error}); check its permissions (chmod +x)")
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_explained_with_its_remedy() {
        let text = explain("gunicorn", Path::new("/"), None, &io::ErrorKind::NotFound.into());
        assert!(text.contains("PATH") && text.contains("install"), "{text}");
        let text = explain("./app", Path::new("/srv"), None, &io::ErrorKind::NotFound.into());
        assert!(text.contains("no such file") && text.contains("/srv"), "{text}");
    }
}
