//! Certificates that were replaced: the files are called as before, and there is something else in them.

use std::sync::Arc;

use crate::config::model::{Site, Upstream};
use crate::config::value::show_day;
use crate::tls::{Authorities, Identity};

pub fn of_site(old: &Site, new: &Site) -> Vec<String> {
    let mut told: Vec<String> = replaced(&old.tls.identities, &new.tls.identities).collect();
    let authorities = |site: &Site| {
        let clients = site.tls.client.as_ref().map(|client| Arc::clone(&client.authorities));
        let acme = site.tls.acme.as_ref().and_then(|acme| acme.authorities.clone());
        [clients, acme]
    };
    told.extend(others(authorities(old), authorities(new)));
    told
}

pub fn of_upstream(old: &Upstream, new: &Upstream) -> Vec<String> {
    let identity =
        |one: &Upstream| one.tls.as_ref().and_then(|tls| tls.identity.clone()).into_iter().collect();
    let (was, is): (Vec<_>, Vec<_>) = (identity(old), identity(new));
    let mut told: Vec<String> = replaced(&was, &is).collect();
    let authorities = |one: &Upstream| [one.tls.as_ref().and_then(|tls| tls.authorities.clone())];
    told.extend(others(authorities(old), authorities(new)));
    told
}

/// Where another file is named, that is told as the change of a key.
fn replaced(old: &[Arc<Identity>], new: &[Arc<Identity>]) -> impl Iterator<Item = String> {
    let was_other = |new: &&Arc<Identity>| {
        let same = |old: &&Arc<Identity>| old.cert == new.cert && old.key == new.key;
        old.iter().find(same).is_some_and(|old| old != *new)
    };
    new.iter().filter(was_other).map(|one| {
        format!("the certificate in {} (valid until {})", one.cert.display(), show_day(one.not_after))
    })
}

fn others<const COUNT: usize>(
    old: [Option<Arc<Authorities>>; COUNT],
    new: [Option<Arc<Authorities>>; COUNT],
) -> Vec<String> {
    let pairs = old.into_iter().zip(new).filter_map(|(old, new)| Some((old?, new?)));
    let replaced = pairs.filter(|(old, new)| old.file == new.file && old != new);
    replaced.map(|(_, new)| format!("the authorities in {}", new.file.display())).collect()
}
