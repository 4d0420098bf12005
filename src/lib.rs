//! The front door for app servers: one TOML file, files from disk, everything else to a pool of workers.
//!
//! This page is the architecture: where what stands, how a request goes through it, and what holds
//! whatever else changes. How rproxy is used stands in the README.
//!
//! # The process
//!
//! One control thread reads the configuration and takes up its changes ([`reload`]), binds sockets, has worker
//! pools run by a helper process ([`process`]), checks the health of upstreams, obtains and renews
//! certificates ([`acme`]), takes orders by signal and from
//! the command line ([`control`]) and serves the status page ([`admin`]).
//! Beside it runs one event loop per core: a thread with a single-threaded runtime, its own listening
//! sockets (`SO_REUSEPORT`), its own copy of the compiled configuration, its own idle connections to
//! upstreams and its own access-log buffer. A request therefore takes no lock and changes no task:
//! reading, choosing a location, speaking to the upstream and writing happen in the connection's own
//! task. What has to be global is a few atomic counters; only those take a lock who wait for a server, or
//! whose server fails. Only a large body's way to disk and back, and reading files that are not in memory, is
//! another thread's work: that may take as long as the disk does.
//!
//! # Life of a request
//!
//! 1. [`server`] accepts the connection. Where TLS is spoken, [`tls::Acceptor`] reads the client's first words,
//!    finds the site that they name, and agrees on keys as that site wants it; from then on the stream ([`net::TlsStream`])
//!    looks like any other. While nothing comes, a connection holds neither buffer nor timer of its own beyond one
//!    lazily armed deadline.
//! 2. A head is searched for, bounded and parsed so strictly that no two parsers could differ on it; its
//!    target is decoded and normalised once ([`http::Target`]). What cannot be read becomes a
//!    [`server::Refused`], which is answered and logged like any other request.
//!    Over HTTP/2 ([`server`]'s `http2`) h2 keeps frames and windows, and the fields of a stream become the same
//!    request by the same rules; all streams of a connection are answered in its one task.
//! 3. [`runtime`]'s stack takes over: the record of the access log is begun, the client behind trusted
//!    proxies is found, the site is chosen by host ([`router`]; none is a 421), then the location.
//! 4. The location checks `max_body`, rewrites if it says so, and hands the request to its
//!    [`handler`]: files, proxy, redirect or a fixed answer. `try` may send it on to another location of the
//!    site, and so may an application's answer by what it says to its front server ([`http::accel`]).
//! 5. [`handler::files`] resolves the path to one below the directory and opens it there by the kernel's
//!    own means (`openat2`), unless it is kept: on the event loop as far as that needs no disk, else on another
//!    thread. It chooses the form of it that the client prefers, judges conditions and ranges, and answers
//!    from memory or with parts of an open file.
//! 6. For a proxy, [`middleware::RequestBuffer`] reads the body whole, into memory or the [`spool`], so that
//!    a slow client occupies no application. [`handler::Proxy`] prepares the header once and then makes
//!    attempts: pick a server of the [`upstream`] or wait in its queue for one, take a kept connection or
//!    make one, speak the request over it, judge what came of it and whether it may be sent again. To a server
//!    of HTTP/2 requests share connections, each of which has a task of its own for its frames.
//!    [`middleware::ResponseBuffer`] has the answer read on while its client takes nothing, so that a slow
//!    one occupies no application either; outside of it [`middleware::Compression`] has it coded as it goes
//!    out ([`coding`]).
//! 7. A failure is a [`http::Fault`] with a named [`http::Cause`]. It becomes a response and a line
//!    in the error log in one place, [`middleware::rescue`]; or a location of the site shows it.
//! 8. [`server`] writes: memory by one vectored write, a file by `sendfile(2)` as far as it is in memory, a
//!    stream as it comes. When the last byte is out, or is known never to be, the record becomes its line.
//!
//! Why a request goes the way it does can be asked: [`explain`] has the same stack answer without a client and
//! without an upstream, and a witness ([`http::Witness`]) notes each step. What serves clients has a witness
//! that notes nothing.
//!
//! # Life of a reload
//!
//! 1. A signal, an order or a changed file becomes one wish of the control thread's loop (`app/operate`).
//! 2. A thread that may wait for the disk reads, validates and compares the file, and makes a
//!    [`runtime::Snapshot`] of it. What is as before, it has from the one in force: the same
//!    [`upstream::Upstream`], or at least the same endpoints and queue.
//! 3. New addresses are bound, and every event loop compiles its copy and takes the new sockets. Up to here
//!    nobody sees anything of it, and any failure leaves all as it was.
//! 4. Every loop is told to serve it. Connections ask for the configuration of the moment with each request, so
//!    none is closed; a listener that is gone keeps the old one for its connections' last answers.
//! 5. The old snapshot is freed with the last request that began with it.
//!
//! # Life of an upgrade
//!
//! 1. SIGUSR2 has the process start the program anew ([`handover`]), and goes on serving.
//! 2. The new process gets every listening socket, reads its configuration, adopts what that asks for, binds what
//!    it asks for besides, and starts its pools and event loops. From then on both accept.
//! 3. It says that it serves. The former process tells the service manager ([`systemd`]) who is the service now,
//!    lets go, and ends with its last connection.
//! 4. A new process that does not come that far is ended, and nothing has changed.
//!
//! # Invariants
//!
//! - Imports point one way; `tests/layering.rs` keeps the table, and a folder's `mod.rs` is its only door.
//! - Written, validated and running configuration are three types: `config::raw`, [`config::model`],
//!   [`runtime::Snapshot`]. Only [`runtime`] knows both the model and the machinery.
//! - No framing of one side reaches the other: heads are written anew, bodies decoded and encoded again.
//! - A response that breaks off never looks whole: no last chunk, a short length, or a reset.
//! - Whether a request may be tried again is known from what was sent and received, never guessed.
//! - Every buffer has a bound, every wait a limit; so has what a client of HTTP/2 may ask for without getting further.
//! - A certificate and its key are checked to belong together before anybody is shown them, and a file that is no
//!   good leaves the one before in force.
//! - An event loop waits for no disk and no mount. What may wait for ever has few threads of many.
//! - No request sees two configurations, and no reload closes a connection that has a listener.
//! - No `unsafe`.
//!
//! # Why HTTP/1.1 is spoken by an engine of our own
//!
//! The first design had hyper serve clients. It is as fast, but it answers what it cannot parse by itself and
//! tells nobody, sends no interim responses, takes a bare LF for a line's end, and lets a file go out by
//! `sendfile(2)` only behind a buffer that pretends to hold bytes. The codec was needed for upstreams anyway;
//! serving clients from it as well does all of this in about as much code. hyper stays in the tests as the
//! other opinion on every request accepted, and serves the status page, where none of this matters.
//!
//! For HTTP/2 the same holds one layer higher: frames, header blocks, windows and the states of streams are h2's,
//! on which hyper stands as well. hyper would spawn a task for each stream and hide interim responses; asked
//! directly, h2 lets all streams of a connection be answered in one task, and what they send leave by one write.
//!
//! # Why rustls is asked for records only
//!
//! Its buffered interface keeps some kilobytes for each connection, idle or not. The unbuffered one takes records
//! from our memory and writes them there, so that event loops share it among their connections, and a silent
//! connection holds its keys alone.
//!
//! # The modules, in the order a request meets them

pub mod app;
pub mod cli;
pub mod control;
pub mod handover;
pub mod privileges;
pub mod signals;
pub mod systemd;

pub mod reload;

pub mod config;
pub mod runtime;

pub mod explain;

pub mod admin;

pub mod acme;

pub mod server;

pub mod router;

pub mod middleware;

pub mod handler;

pub mod upstream;

pub mod process;

pub mod spool;

pub mod coding;

pub mod http;
pub mod net;
pub mod observe;
pub mod tls;
