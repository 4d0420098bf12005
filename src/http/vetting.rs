//! Which request fields may go to an upstream, by their name.

/// Whether a field is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Keep,
    Drop,
    /// Says who the client is or what it did before; only a trusted proxy may.
    DropUntrusted,
}

/// The fate of a field by its name, in lower case.
pub fn fate(name: &str) -> Fate {
    // WSGI, CGI and uwsgi turn dashes into underscores, and then cannot tell the two apart.
    let twin = name.bytes().any(|byte| byte == b'_');
    if twin || is_hop_by_hop(name) || is_dropped(name) {
        Fate::Drop
    } else if is_account(name) {
        Fate::DropUntrusted
    } else {
        Fate::Keep
    }
}

/// RFC 9110 7.6.1; all of `proxy-*`; and Proxy, which CGI turns into HTTP_PROXY (CVE-2016-5385).
pub fn is_hop_by_hop(name: &str) -> bool {
    HOP_BY_HOP.contains(&name) || name.starts_with("proxy-")
}

fn is_dropped(name: &str) -> bool {
    [OURS, VARIABLES, DIALECTS, OTHER_TARGETS].iter().any(|names| names.contains(&name))
}

fn is_account(name: &str) -> bool {
    ACCOUNTS.contains(&name) || FAMILIES.iter().any(|start| name.starts_with(start))
}

const HOP_BY_HOP: &[&str] =
    &["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings", "proxy"];

/// Written anew, by the codec or as our own account; and by then an expectation has been answered here.
const OURS: &[&str] = &[
    "host",
    "expect",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-real-ip",
    "x-request-id",
];

/// Taken for a variable of the CGI environment by one server or another.
const VARIABLES: &[&str] = &[
    "https",
    "script-name",
    "script-filename",
    "path-info",
    "path-translated",
    "document-root",
    "remote-user",
    "remote-addr",
    "remote-host",
    "remote-port",
    "remote-ident",
    "auth-type",
    "request-uri",
    "request-method",
    "query-string",
    "server-name",
    "server-port",
];

/// Other ways of saying what is said in one: gunicorn refuses two that disagree.
const DIALECTS: &[&str] = &[
    "forwarded",
    "forwarded-for",
    "x-forwarded",
    "x-forwarded-by",
    "x-forwarded-server",
    "x-forwarded-ssl",
    "x-forwarded-protocol",
    "x-forwarded-scheme",
    "x-scheme",
    "x-url-scheme",
    "front-end-https",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "x-originating-ip",
    "x-remote-ip",
    "x-remote-addr",
    "x-original-forwarded-for",
];

/// Another path or host than the one that was matched, which some frameworks prefer.
const OTHER_TARGETS: &[&str] = &[
    "x-original-url",
    "x-original-uri",
    "x-rewrite-url",
    "x-original-host",
    "x-host",
    "x-http-host-override",
];

/// The last two choose files to send, by way of Rack (`X-Accel-Mapping`, `X-Sendfile-Type`), or by an
/// application that repeats what it was sent.
const FAMILIES: &[&str] = &["x-forwarded-", "x-accel-", "x-sendfile"];

/// What proxies add and applications believe.
const ACCOUNTS: &[&str] =
    &["x-request-start", "x-queue-start", "x-remote-user", "cf-connecting-ip", "fastly-client-ip"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_read_as_others_are_dropped() {
        for name in
            ["x_forwarded_for", "script_name", "content_length", "script-name", "remote-user", "proxy", "te"]
        {
            assert_eq!(fate(name), Fate::Drop, "{name}");
        }
    }

    #[test]
    fn there_is_one_dialect() {
        for name in
            ["forwarded", "x-forwarded-ssl", "x-forwarded-protocol", "front-end-https", "x-original-url"]
        {
            assert_eq!(fate(name), Fate::Drop, "{name}");
        }
    }

    #[test]
    fn some_accounts_are_a_trusted_proxys_to_give() {
        for name in ["x-forwarded-prefix", "x-forwarded-user", "x-request-start"] {
            assert_eq!(fate(name), Fate::DropUntrusted, "{name}");
        }
    }

    #[test]
    fn ordinary_fields_pass() {
        for name in [
            "accept",
            "user-agent",
            "traceparent",
            "via",
            "x-csrftoken",
            "origin",
            "range",
            "cookie",
            "x-real",
        ] {
            assert_eq!(fate(name), Fate::Keep, "{name}");
        }
    }
}
