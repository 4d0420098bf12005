//! The command that sets a DNS record, and removes it.

use std::io;
use std::pin::pin;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::acme::trouble::Trouble;

/// Name servers may take their time until they all have a record, and the command waits for them.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a command may say for the log.
const MOST_SAID: u64 = 4096;

/// For what a command has said right before its end.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A record that is set. Removed when this value is dropped.
#[derive(Debug)]
pub(in crate::acme) struct Record(Arc<Hook>);

#[derive(Debug)]
struct Hook {
    command: Vec<String>,
    domain: String,
    value: String,
}

impl Record {
    /// Has the command set the record `_acme-challenge.DOMAIN` to `value` (RFC 8555 8.4). Of the same name there
    /// may be two at once: for a name and for the wildcard below it.
    pub async fn present(command: &[String], domain: &str, value: &str) -> Result<Self, Trouble> {
        let hook = Hook { command: command.to_vec(), domain: domain.to_owned(), value: value.to_owned() };
        // It is removed even if the command fails or is interrupted: it may have come half the way.
        let record = Self(Arc::new(hook));
        let result = record.0.run("present").await;
        result.map_err(|why| record.0.failed("present", &why))?;
        Ok(record)
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // At the end of the process nobody is left to do it; an old record does no harm.
        if let Ok(runtime) = Handle::try_current() {
            let hook = Arc::clone(&self.0);
            runtime.spawn(async move { hook.clean_up().await });
        }
    }
}

/// A command with what it has started itself. Ended when dropped before it has ended.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Nobody else has its number as long as its end has not been heard of.
        let group = self.0.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Hook {
    fn name(&self) -> String {
        format!("_acme-challenge.{}", self.domain)
    }

    async fn run(&self, action: &str) -> Result<(), String> {
        let child = self.spawn(action).map_err(|error| format!("it cannot be started: {error}"))?;
        let mut running = Running(child);
        let result = timeout(PATIENCE, finish(&mut running.0)).await;
        result.unwrap_or_else(|_| Err(format!("it has not ended within {PATIENCE:?}, and was ended")))
    }

    fn spawn(&self, action: &str) -> io::Result<Child> {
        let Some((program, arguments)) = self.command.split_first() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let name = self.name();
        Command::new(program)
            .args(arguments)
            .args([action, &name, &self.value])
            .env("ACME_DOMAIN", &self.domain)
            .env("ACME_RECORD", &name)
            .env("ACME_VALUE", &self.value)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }

    fn failed(&self, action: &str, why: &str) -> Trouble {
        let program = self.command.first().map_or("", String::as_str);
        let what = format!("the hook `{program}` of `acme` failed at `{action} {}`: {why}", self.name());
        Trouble::new(what, format!("try it: `{} {action} {} test`", self.command.join(" "), self.name()))
    }

    async fn clean_up(&self) {
        if let Err(why) = self.run("cleanup").await {
            let Trouble { what, remedy, .. } = self.failed("cleanup", &why);
            tracing::warn!(remedy, "{what}");
        }
    }
}

/// Waits for the end, and passes on what is said meanwhile.
async fn finish(child: &mut Child) -> Result<(), String> {
    let mut said = Vec::new();
    let status = match child.stderr.take() {
        None => child.wait().await,
        Some(stderr) => {
            let mut reading = pin!(read(stderr, &mut said));
            tokio::select! {
                // What the command leaves running in the background may keep it open.
                status = child.wait() => {
                    let _ = timeout(LAST_WORDS, reading).await;
                    status
                }
                () = &mut reading => child.wait().await,
            }
        }
    };
    let status = status.map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&said);
    match said.trim() {
        "" if status.success() => Ok(()),
        "" => Err(status.to_string()),
        said if status.success() => {
            tracing::info!("the hook of `acme` says: {said}");
            Ok(())
        }
        said => Err(format!("{status}: {said}")),
    }
}

/// Reads all of it, so that nobody is held up by a full pipe, and keeps the beginning.
async fn read(mut stderr: impl AsyncRead + Unpin, said: &mut Vec<u8>) {
    let _ = (&mut stderr).take(MOST_SAID).read_to_end(said).await;
    let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::acme::store::blocking;

    fn shell(script: &str) -> Vec<String> {
        ["sh", "-c", script, "hook"].map(String::from).to_vec()
    }

    #[tokio::test]
    async fn a_record_is_set_and_removed_again() {
        let state = tempfile::tempdir().unwrap();
        let file = state.path().join("said");
        let script = format!("echo \"$* $ACME_DOMAIN $ACME_RECORD $ACME_VALUE\" >> {}", file.display());
        let record = Record::present(&shell(&script), "a.test", "v").await.unwrap();
        let line = |action| format!("{action} _acme-challenge.a.test v a.test _acme-challenge.a.test v\n");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), line("present"));
        drop(record);
        wait_for(&file, &(line("present") + &line("cleanup"))).await;
    }

    /// Waits until that is in a file.
    async fn wait_for(file: &Path, content: &str) {
        let seen = async {
            while blocking({
                let file = file.to_owned();
                move || Ok(std::fs::read_to_string(file).unwrap_or_default())
            })
            .await
            .unwrap()
                != content
            {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(30), seen).await.unwrap();
    }

    #[tokio::test]
    async fn a_record_that_is_given_up_while_it_is_set_is_removed() {
        let state = tempfile::tempdir().unwrap();
        let file = state.path().join("said");
        let script = format!("echo $1 >> {}; [ $1 = cleanup ] || {{ sleep 30; }}", file.display());
        let presented =
            tokio::spawn(async move { Record::present(&shell(&script), "a.test", "v").await.map(drop) });
        wait_for(&file, "present\n").await;
        presented.abort();
        wait_for(&file, "present\ncleanup\n").await;
    }

    #[tokio::test]
    async fn a_command_that_fails_is_quoted() {
        let trouble = Record::present(&shell("echo no token >&2; exit 3"), "a.test", "v").await.unwrap_err();
        let told =
            "the hook `sh` of `acme` failed at `present _acme-challenge.a.test`: exit status: 3: no token";
        assert_eq!(trouble.what, told);
        let trouble = Record::present(&["/no/such/hook".into()], "a.test", "v").await.unwrap_err();
        assert!(trouble.what.contains("it cannot be started: No such file"), "{}", trouble.what);
    }

    #[tokio::test]
    async fn a_command_may_leave_something_in_the_background() {
        let script = "sleep 20 & echo said >&2";
        timeout(Duration::from_secs(10), Record::present(&shell(script), "a.test", "v"))
            .await
            .unwrap()
            .unwrap();
    }
}
