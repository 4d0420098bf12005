//! What somebody may have meant by a name that is not known.

use super::raw;

/// How alike two names must be for one to be suggested.
const ALIKE: f64 = 0.6;

/// The name most like the one that was written.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    known
        .into_iter()
        .map(|name| (likeness(&written, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        // Of equals the first, as the lists are in the order of the reference.
        .reduce(|best, other| if other.0 > best.0 { other } else { best })
        .map(|(_, name)| name)
}

/// Typing errors count by their number; a common beginning, as of `host` and `hosts`, counts as well.
fn likeness(a: &str, b: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(a, b).max(strsim::jaro_winkler(a, b) - 0.25)
}

/// "did you mean `x`?", if there is one.
pub fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(written, known).map(|name| format!("did you mean `{name}`?"))
}

/// "did you mean `x`?", or else all there are.
pub fn did_you_mean_or_all(written: &str, known: &[&str]) -> Option<String> {
    did_you_mean(written, known.iter().copied()).or_else(|| (!known.is_empty()).then(|| there_is(known)))
}

/// "a, b and c"
pub fn and(names: &[String]) -> String {
    join(names, "and")
}

/// "a, b or c"
pub fn or(names: &[String]) -> String {
    join(names, "or")
}

fn join(names: &[String], word: &str) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} {word} {last}", rest.join(", ")),
    }
}

/// What to write instead of a key that `table` does not have.
pub fn instead_of(key: &str, table: &str, known: &[&str], later: &[&str]) -> Option<String> {
    let close = nearest(key, known.iter().chain(later).copied());
    if let Some(close) = close.filter(|close| strsim::damerau_levenshtein(key, close) <= 2) {
        return Some(format!("did you mean `{close}`?"));
    }
    if let Some((_, here)) = FOREIGN.iter().find(|(foreign, _)| *foreign == key) {
        return Some((*here).to_owned());
    }
    let close = || close.map(|close| format!("did you mean `{close}`?"));
    let all = || (known.len() <= FEW).then(|| there_is(known));
    home(key, table).or_else(close).or_else(all)
}

/// So many keys are quickly read.
const FEW: usize = 8;

/// The tables that have such a key.
pub fn home(key: &str, table: &str) -> Option<String> {
    let homes: Vec<String> = raw::TABLES
        .iter()
        .filter(|(name, keys)| *name != table && keys.contains(&key))
        .map(|(name, _)| if name.is_empty() { "the top of the file".into() } else { format!("`{name}`") })
        .collect();
    (!homes.is_empty()).then(|| format!("`{key}` belongs to {}", or(&homes)))
}

fn there_is(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("there is {}", and(&names))
}

/// What nginx and Caddy call things, and how they are written here.
const FOREIGN: &[(&str, &str)] = &[
    ("alias", "write `files = \"directory\"`, which strips the prefix that matched"),
    ("root", "write `files = { root = \"directory\" }`, which keeps the whole path"),
    ("path", "a location's pattern is its `match`"),
    ("proxy_pass", "write `proxy = \"http://127.0.0.1:8000\"`, or the name of an upstream"),
    ("reverse_proxy", "write `proxy = \"http://127.0.0.1:8000\"`, or the name of an upstream"),
    ("return", "write `redirect = { to = \"/\" }` or `respond = { status = 404 }`"),
    ("server_name", "names stand in `hosts = [\"example.com\"]`"),
    ("try_files", "write `try = [\"$uri\", \"$uri/\", \"=404\"]`"),
    ("client_max_body_size", "write `max_body = \"10MiB\"`"),
    ("proxy_set_header", "write `headers.request = { set = { X-Name = \"value\" } }`"),
    ("add_header", "write `headers.response = { set = { X-Name = \"value\" } }`"),
    ("error_page", "error pages stand in `[site.errors]`: `\"404\" = \"404.html\"`"),
    ("error_log", "the error log is `error` in `[log]`, and how much it says is `level`"),
    ("access_log", "the access log is `access` in `[log]`"),
    ("worker_processes", "write `workers = \"auto\"` in `[server]`"),
    ("worker_connections", "write `max_connections = 10000` in `[server]`, which counts those of clients"),
    ("keepalive_timeout", "write `keep_alive = \"75s\"` in `[timeouts]`"),
    ("client_header_timeout", "write `header = \"15s\"` in `[timeouts]`"),
    ("client_body_timeout", "write `body = \"60s\"` in `[timeouts]`"),
    ("send_timeout", "write `send = \"60s\"` in `[timeouts]`"),
    ("proxy_read_timeout", "write `timeouts = { read = \"65s\" }` in the upstream"),
    ("proxy_send_timeout", "write `timeouts = { send = \"60s\" }` in the upstream"),
    ("proxy_connect_timeout", "write `timeouts = { connect = \"5s\" }` in the upstream"),
    ("autoindex", "write `listing = true`"),
    ("expires", "write `cache_control = \"max-age=3600\"`, or `cache = \"auto\"`"),
    ("gzip", "write `compress = true`"),
    ("brotli", "write `compress = true`"),
    ("encode", "write `compress = true`"),
    ("gzip_static", "write `precompressed = [\"gzip\"]`"),
    ("gzip_types", "write `compress = { types = [\"text/*\"] }`"),
    ("gzip_min_length", "write `compress = { min_size = \"1KiB\" }`"),
    ("types", "write `mime_types = { md = \"text/markdown\" }`"),
    ("default_type", "write `mime_types = { \"*\" = \"text/plain\" }`"),
    ("limit_rate_after", "write `limit_rate = { rate = \"1MiB\", after = \"10MiB\" }`"),
    ("browse", "write `listing = true`"),
    ("disable_symlinks", "write `symlinks = \"deny\"`, or `\"inside\"`"),
    ("sites", "write `[[site]]`, once for each site"),
    ("location", "write `[[site.location]]`, once for each location"),
    ("locations", "write `[[site.location]]`, once for each location"),
    ("env", "write `environment = { NAME = \"value\" }`"),
    ("chdir", "write `directory = \"/srv/app\"`"),
    ("working_directory", "write `directory = \"/srv/app\"`"),
    ("WorkingDirectory", "write `directory = \"/srv/app\"`"),
    ("cwd", "write `directory = \"/srv/app\"`"),
    ("ExecStart", "write `command = [\"gunicorn\", \"app:app\"]`"),
    ("upstreams", "write `[upstream.NAME]`, once for each upstream"),
    ("ssl", "write `listen_tls = [\":443\"]`"),
    ("ssl_certificate", "write `cert = \"site.pem\"` in `[site.tls]`"),
    ("ssl_certificate_key", "write `key = \"site.key\"` in `[site.tls]`"),
    ("tls_cert", "write `cert = \"site.pem\"` in `[site.tls]`"),
    ("tls_key", "write `key = \"site.key\"` in `[site.tls]`"),
    ("certificate", "write `cert = \"site.pem\"` in `[site.tls]`"),
    ("private_key", "write `key = \"site.key\"` in `[site.tls]`"),
    ("ssl_client_certificate", "write `client_ca = \"clients.pem\"` in `[site.tls]`"),
    ("ssl_trusted_certificate", "write `client_ca = \"clients.pem\"` in `[site.tls]`"),
    ("client_auth", "write `client_ca = \"clients.pem\"` in `[site.tls]`"),
    (
        "ssl_verify_client",
        "write `client_ca = \"clients.pem\"`, and `client_verify = \"optional\"` if it is that",
    ),
    ("ssl_protocols", "leave it out: TLS 1.2 and 1.3 are spoken, and nothing older"),
    ("ssl_ciphers", "leave it out: only ciphers without known weakness are agreed on"),
    ("ssl_prefer_server_ciphers", "leave it out: only ciphers without known weakness are agreed on"),
    ("ssl_session_cache", "leave it out: sessions are resumed by tickets whose keys change by themselves"),
    ("ssl_session_tickets", "leave it out: sessions are resumed by tickets whose keys change by themselves"),
    (
        "ssl_session_ticket_key",
        "leave it out: sessions are resumed by tickets whose keys change by themselves",
    ),
    ("ssl_session_timeout", "leave it out: sessions are resumed by tickets whose keys change by themselves"),
    ("ssl_handshake_timeout", "write `handshake = \"10s\"` in `[timeouts]`"),
    ("force_https", "write `https_only = true`"),
    ("https_redirect", "write `https_only = true`"),
    ("strict_transport_security", "write `hsts = true` in `[site.tls]`"),
    ("letsencrypt", "write `acme = { email = \"ops@example.com\" }` in `[site.tls]`"),
    (
        "proxy_ssl_verify",
        "certificates of an upstream are checked; `tls = { verify = false }` there does without",
    ),
    ("insecure_skip_verify", "write `tls = { verify = false }` in the upstream"),
    ("proxy_ssl_trusted_certificate", "write `tls = { ca = \"ca.pem\" }` in the upstream"),
    ("proxy_ssl_name", "write `tls = { name = \"app.internal\" }` in the upstream"),
    ("proxy_ssl_server_name", "leave it out: servers are always told whom they are asked as (SNI)"),
    (
        "proxy_ssl_certificate",
        "write `tls = { cert = \"client.pem\", key = \"client.key\" }` in the upstream",
    ),
    (
        "proxy_ssl_certificate_key",
        "write `tls = { cert = \"client.pem\", key = \"client.key\" }` in the upstream",
    ),
    ("grpc_pass", "write `proxy = \"app\"`, and `protocol = \"h2c\"` in `[upstream.app]`"),
    ("proxy_http_version", "write `protocol = \"h2c\"` in the upstream for HTTP/2; it is HTTP/1.1 otherwise"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested() {
        let known = ["listen", "hosts", "max_body", "timeouts"];
        assert_eq!(nearest("listne", known), Some("listen"));
        assert_eq!(nearest("Host", known), Some("hosts"));
        assert_eq!(nearest("maxbody", known), Some("max_body"));
        assert_eq!(nearest("cache", known), None);
    }

    #[test]
    fn a_misplaced_key_is_sent_home() {
        let help = instead_of("listen", "[server]", &["workers"], &[]).unwrap();
        assert_eq!(help, "`listen` belongs to `[[site]]`");
    }

    #[test]
    fn words_of_other_servers_are_translated() {
        assert!(instead_of("proxy_pass", "[[site.location]]", &["proxy"], &[]).unwrap().contains("proxy = "));
    }
}
