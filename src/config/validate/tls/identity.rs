//! `cert` and `key`, and whom else's certificates are to be from: the files are read and checked here.

use std::sync::Arc;
use std::time::SystemTime;

use crate::config::node::{At, Either, List};
use crate::config::raw;
use crate::config::report::{ANY, Problem, Report};
use crate::config::validate::{not_empty, scalar};
use crate::config::value::show_day;
use crate::tls::{self, Authorities, Identity};

const KEY_HELP: &str = "name the file of the key as well: `key = \"site.key\"`";
const CERT_HELP: &str = "name the file of the certificate as well: `cert = \"site.pem\"`";

/// Of a site: at most one for each kind of key.
pub fn identities(at: &At<raw::SiteTls>, report: &mut Report) -> Vec<At<Arc<Identity>>> {
    let raw = &at.value;
    let (cert, key) = match (&raw.cert, &raw.key) {
        (Some(cert), Some(key)) => (cert, key),
        (cert, key) => {
            lacks_other(cert.as_ref(), key.as_ref(), report);
            return Vec::new();
        }
    };
    let (certs, keys) = (each("cert", cert, report), each("key", key, report));
    let partly = [cert.spot, key.spot].iter().any(|spot| report.is_unread(*spot, ANY));
    if certs.len() != keys.len() && !partly {
        let (certs, keys) = (certs.len(), keys.len());
        let message = format!("`cert` has {certs} of them, but `key` has {keys}");
        let help = "each certificate has its key at the same place of the other list";
        report
            .push(Problem::error(key.spot, message).also(cert.spot, "the certificates are here").help(help));
        return Vec::new();
    }
    let identities: Vec<_> =
        certs.iter().zip(&keys).filter_map(|(cert, key)| pair(cert, key, report)).collect();
    refuse_twins(&identities, report);
    identities
}

/// One without the other.
pub fn lacks_other<A, B>(cert: Option<&At<A>>, key: Option<&At<B>>, report: &mut Report) {
    let problem = match (cert, key) {
        (Some(cert), None) => Problem::error(cert.key, "`cert` is nothing without `key`").help(KEY_HELP),
        (None, Some(key)) => Problem::error(key.key, "`key` is nothing without `cert`").help(CERT_HELP),
        _ => return,
    };
    report.push(problem.absent());
}

fn each(key: &str, written: &At<Either<String, List<String>>>, report: &mut Report) -> Vec<At<String>> {
    match &written.value {
        Either::A(text) => vec![written.with(text.clone())],
        Either::B(list) => {
            let help = "write one file, or one for each kind of key";
            not_empty(key, &written.with(list.clone()), help, report);
            list.clone()
        }
    }
}

/// A certificate with its key.
pub fn pair(cert: &At<String>, key: &At<String>, report: &mut Report) -> Option<At<Arc<Identity>>> {
    let files = (scalar::path("cert", cert, report), scalar::path("key", key, report));
    let (file, secret) = (files.0?, files.1?);
    report.watch(&file);
    report.watch(&secret);
    match Identity::load(&file, &secret) {
        Ok(identity) => {
            warn_of_time(cert, &identity, report);
            Some(cert.with(Arc::new(identity)))
        }
        Err(problem) => {
            let at = if problem.file == file { cert } else { key };
            report.push(refused(at, problem));
            None
        }
    }
}

/// Certificates of authorities; `key` is whose value the file is.
pub fn authorities(key: &str, at: &At<String>, report: &mut Report) -> Option<Arc<Authorities>> {
    let file = scalar::path(key, at, report)?;
    report.watch(&file);
    Authorities::load(&file).map(Arc::new).map_err(|problem| report.push(refused(at, problem))).ok()
}

fn refused(at: &At<String>, problem: tls::Problem) -> Problem {
    let message = format!("`{}` cannot be used: {}", at.value, problem.what);
    Problem::error(at.spot, message).maybe_help(problem.help)
}

/// A server with an expired certificate is still better than none.
fn warn_of_time(at: &At<String>, identity: &Identity, report: &mut Report) {
    let now = SystemTime::now();
    let (first, last) = (show_day(identity.not_before), show_day(identity.not_after));
    let message = if identity.not_after <= now {
        format!("the certificate in `{}` has expired: it was valid until {last}", at.value)
    } else if identity.not_before > now {
        format!("the certificate in `{}` is not valid before {first}", at.value)
    } else {
        return;
    };
    report.push(Problem::warning(at.spot, message).help("clients will refuse it: put a valid one there"));
}

/// Nobody could say which of two a client gets.
fn refuse_twins(identities: &[At<Arc<Identity>>], report: &mut Report) {
    for (index, at) in identities.iter().enumerate() {
        let same = |other: &&At<Arc<Identity>>| other.value.kind == at.value.kind;
        if let Some(first) = identities.iter().take(index).find(same) {
            let message = format!("the site has two certificates with {} keys", at.value.kind.name());
            let help = "one for each kind of key is taken: put all names into it, or write two sites";
            report.push(Problem::error(at.spot, message).also(first.spot, "the first is here").help(help));
        }
    }
}
