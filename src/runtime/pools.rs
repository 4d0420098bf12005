//! The pools that the configuration has rproxy run, in the terms of those who run them.

use crate::config::Config;
use crate::config::model::{Process, Protocol, Upstream};
use crate::http::StatusSet;
use crate::privileges::Account;
use crate::process::{self, Check, ProcessSpec};

/// What is asked where no check says better: any answer shows that somebody answers.
const PATH: &str = "/";

/// Those that do not say otherwise run as `own`, which is as [`own_account`] has it.
pub fn processes(config: &Config, own: Option<&Account>) -> Vec<ProcessSpec> {
    let managed = config.upstreams.iter().filter_map(|upstream| Some((upstream, upstream.process.as_ref()?)));
    managed.map(|(upstream, process)| spec(upstream, process, own)).collect()
}

/// Names of upstreams that rproxy runs.
pub fn pool_names(config: &Config) -> impl Iterator<Item = &str> {
    let managed = config.upstreams.iter().filter(|upstream| upstream.process.is_some());
    managed.map(|upstream| upstream.name.as_str())
}

/// Who rproxy is once it has given up its rights; `None` is whoever has started it. To be asked at the start: no
/// reload changes it, and a helper that has kept root's rights would run as root what says nothing.
pub fn own_account(config: &Config) -> Option<Account> {
    let account = config.server.account.as_ref();
    account.filter(|account| account.is_present() || Account::can_be_taken_on()).cloned()
}

/// Whether some of them run as others than rproxy itself is going to be: their helper needs the rights that
/// rproxy has at its start.
pub fn wants_accounts(config: &Config) -> bool {
    let mut processes = config.upstreams.iter().filter_map(|upstream| upstream.process.as_ref());
    processes.any(|process| process.account.is_some() && process.account != config.server.account)
}

fn spec(upstream: &Upstream, process: &Process, own: Option<&Account>) -> ProcessSpec {
    let account = process.account.as_ref().or(own);
    ProcessSpec {
        name: upstream.name.clone(),
        command: process.command.clone(),
        directory: process.directory.clone(),
        environment: process.environment.clone(),
        account: account.map(self::account),
        umask: process.umask,
        socket_activation: process.socket_activation,
        start_timeout: process.start_timeout,
        stop_timeout: process.stop_timeout,
        servers: upstream.servers.iter().map(|server| server.address.clone()).collect(),
        check: check(upstream),
    }
}

fn account(account: &Account) -> process::Account {
    let Account { user_id: uid, group_id: gid, groups, login, home, .. } = account.clone();
    process::Account { login, home, uid, gid, groups }
}

fn check(upstream: &Upstream) -> Check {
    let http2 = matches!(upstream.protocol, Protocol::H2c | Protocol::H2);
    let secured = upstream.tls.is_some();
    match upstream.health.as_ref().and_then(|health| health.request.as_ref()) {
        Some(request) => Check {
            path: request.path.clone(),
            host: request.host.clone(),
            status: request.status,
            body: request.body.clone(),
            http2,
            secured,
        },
        None => Check { path: PATH.into(), host: None, status: StatusSet::ALL, body: None, http2, secured },
    }
}
