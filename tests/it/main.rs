//! What rproxy promises, kept against the real binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

/// What applications say to their front server, and who it listens to.
mod accel;
/// One line for each request, whatever becomes of it.
mod access_log;
/// Certificates from an authority, Let's Encrypt's own for tests.
mod acme;
/// The status page, metrics and the API.
mod admin;
/// Which of several servers answers.
mod balance;
/// Every named cause of failure, and a ledger that none is left out of.
mod causes;
/// A film in a browser.
mod chromium;
/// The system's clock is set while rproxy runs.
mod clock;
/// Files that are not in memory: nobody waits for their disk but who asked for them.
mod cold_files;
/// What a user meets in the shell.
mod command_line;
/// Files that are compressed on their way.
mod compressed_files;
/// Answers of applications, compressed on their way and decoded by others.
mod compression;
/// Preconditions and ranges of files.
mod conditional;
/// What another configuration would change.
mod config_diff;
/// Every file of `static_fixtures/config_errors` gets the report that stands beside it.
mod config_errors;
/// Many clients at once, rude ones among them.
mod crowds;
/// How files are described, kept and found: types, caching, directories named by requests.
mod delivery;
/// Signals, and an orderly end.
mod drain;
/// What the operator reads of failures.
mod error_log;
/// Errors that a location of the site shows.
mod error_pages;
/// What a client sees of errors.
mod errors;
/// Every file of `conf/` is one that rproxy accepts.
mod examples;
/// What `rproxy explain` says is what happens, and what `[[test]]` expects is held to it.
mod explain;
/// What attackers, and deployments without care, do to a directory that is served.
mod file_attacks;
/// A directory served by rproxy and by nginx, asked the same.
mod files_nginx;
/// Smuggling and malformed input, byte for byte.
mod framing;
/// gRPC, by its own client and server.
mod grpc;
/// A new binary takes the listening sockets over.
mod handover;
/// Servers that are checked: who is down is not asked, and who is busy is not down.
mod health;
/// Which site and location answer.
mod hosts;
/// HTTP/2 to clients.
mod http2;
/// What is too large is refused early.
mod limits;
/// Directories that are shown.
mod listing;
/// Logs that are rotated, whose disk is full, or that nobody reads.
mod logs;
/// Root's rights are given up.
mod privileges;
/// Pools of workers that rproxy runs itself.
mod process;
/// Downloads that an application allows and rproxy sends: django-sendfile2, and Flask's `USE_X_SENDFILE`.
mod protected_media;
/// Bodies through the proxy: every framing, any size, in bounded memory.
mod proxy_bodies;
/// Connections to applications: kept, taken in turns, and ended when nobody wants the answer.
mod proxy_connections;
/// Applications that fail, each in its own way.
mod proxy_faults;
/// What an application is told about its client.
mod proxy_headers;
/// Applications that are away for a moment.
mod proxy_patience;
/// Servers that do so many requests at once and no more.
mod queue;
/// Several ranges at once, and files of more than 4 GiB.
mod ranges;
/// WebSockets to a bare ASGI application on uvicorn.
mod real_asgi;
/// A Django project on gunicorn's sync workers.
mod real_django;
/// A Flask application on gunicorn's threads, behind werkzeug's ProxyFix.
mod real_flask;
/// A changed configuration, taken up while serving.
mod reload;
/// Slow uploads, large ones, and a disk that is full: none of them occupies a worker or disturbs others.
mod request_buffering;
/// Slow downloads occupy no application, and cost little.
mod response_buffering;
/// Workers that die with a request, servers that keep failing.
mod retries;
/// `rewrite`, `redirect` and `respond`.
mod rewrites;
/// How many clients there may be at once.
mod room;
/// Which location and which site a request finds, against a plain model of nginx's rules.
mod router;
/// The same tables against nginx itself.
mod router_nginx;
/// tower-http's file service as a second opinion on ranges and conditions.
mod second_opinion;
/// How the bytes of files get to the socket, as the kernel saw it.
mod sendfile;
/// What a `files` location answers with, and what it never does.
mod static_files;
/// Clients that stay with their server.
mod sticky;
/// Service managers: sockets they pass, and what they are told.
mod systemd;
/// Listening on addresses and ports.
mod tcp_listener;
/// How long a client may take.
mod timeouts;
/// TLS to clients.
mod tls;
/// Files that lie there compressed.
mod twins;
/// Listening on a Unix socket.
mod unix_listener;
/// WebSocket and its like.
mod upgrade;
/// Applications that are spoken to by HTTP/2.
mod upstream_http2;
/// Applications that are spoken to over TLS.
mod upstream_tls;
