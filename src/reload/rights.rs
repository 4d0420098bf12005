//! Root's rights, given up between binding and serving.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use crate::config::Config;
use crate::config::model::UpstreamTls;
use crate::net::ListenAddr;
use crate::privileges::Account;
use crate::runtime;

/// Ports that only root, or who has the capability for it, may bind.
const LOW_PORTS: std::ops::Range<u16> = 1..1024;

/// Whom to become, if that is wanted and can be done.
pub(super) fn account(config: &Config) -> Option<&Account> {
    let account = config.server.account.as_ref().filter(|account| !account.is_present())?;
    if !Account::can_be_taken_on() {
        let remedy = "start rproxy as root, or leave `user` out (systemd has `User=` for it)";
        tracing::warn!(remedy, "`user` has no effect: only root can become {account}");
        return None;
    }
    Some(account)
}

/// Becomes it, before there is another thread.
///
/// # Errors
/// When the kernel refuses it.
pub(super) fn give_up(account: &Account, config: &Config) -> io::Result<()> {
    give_state(account, config);
    let listeners = runtime::listeners(config);
    let keep_low_ports = listeners.iter().filter_map(ListenAddr::port).any(|port| LOW_PORTS.contains(&port));
    account.take_on(keep_low_ports).map_err(|error| {
        let remedy = "start rproxy with the capabilities SETUID and SETGID, or without `user`";
        io::Error::new(error.kind(), format!("cannot become {account}: {error}; {remedy}"))
    })?;
    tracing::info!("running as {account}");
    warn_of_unreadable(account, config);
    Ok(())
}

/// Certificates that are obtained are kept there, which needs a directory that only root can make.
fn give_state(account: &Account, config: &Config) {
    let state = &config.server.tls.state;
    if config.sites.iter().all(|site| site.tls.acme.is_none()) || state.exists() {
        return;
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(state);
    let owner = (Some(account.user_id), Some(account.group_id));
    if let Err(error) = made.and_then(|()| std::os::unix::fs::chown(state, owner.0, owner.1)) {
        let remedy = "make it, and let it belong to the `user` of `[server]`";
        tracing::warn!(remedy, "{} cannot be made for {account}: {error}", state.display());
    }
}

/// A reload reads them as this user.
fn warn_of_unreadable(account: &Account, config: &Config) {
    let of_sites = config.sites.iter().flat_map(|site| site.tls.files());
    let of_upstreams =
        config.upstreams.iter().filter_map(|one| one.tls.as_ref()).flat_map(UpstreamTls::files);
    for path in config.sources.iter().map(PathBuf::as_path).chain(of_sites).chain(of_upstreams) {
        if let Err(error) = File::open(path) {
            let path = path.display();
            let remedy = "let its group read it: chgrp and chmod g+r, and g+x for its directories";
            tracing::warn!(remedy, "reloads will be refused: {account} cannot read {path}: {error}");
        }
    }
}
