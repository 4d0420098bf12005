//! The written shape of a file: every key there is, as written, with its place. Nothing is judged here
//! but names and types.

#[macro_use]
mod tables;
mod scalars;

use toml::de::DeValue;

pub use scalars::{Buffering, Count, Duration, Mask, Size};

use super::cursor::Cursor;
use super::later::{Later, Today};
use super::node::{At, Either, List, Map, Node};
use super::read::{Read, below};
use super::report::{Report, Spot};

tables! {
    /// A whole file.
    File = "" {
        include: List<String>,
        server: Server,
        log: Log,
        timeouts: Timeouts,
        mime_types: Map<String>,
        site: List<Site>,
        upstream: Map<Upstream>,
        test: List<Test>,
    }

    Server = "[server]" {
        workers: Count,
        shutdown_grace: Duration,
        upgrade_grace: Duration,
        trusted_proxies: List<String>,
        admin: String,
        spool: Spool,
        max_connections: Count,
        user: String,
        group: String,
        state: String,
        tls_key_log: String,
    }
    + later {
        "proxy_protocol": Today::False,
    }

    /// `spool = { directory = "…", size = "…" }`
    Spool = "spool" {
        directory: String,
        size: Size,
    }

    Log = "[log]" {
        level: String,
        format: String,
        error: String,
        access: String,
        access_format: String,
    }

    /// Of the file, a site or a location.
    Timeouts = "[timeouts]" {
        header: Duration,
        body: Duration,
        keep_alive: Duration,
        send: Duration,
        handshake: Duration,
    }

    Site = "[[site]]" {
        listen: List<Either<String, Listener>>,
        listen_tls: List<Either<String, Listener>>,
        https_only: bool,
        http2: bool,
        h2c: bool,
        tls: SiteTls,
        hosts: List<String>,
        max_body: Size,
        timeouts: Timeouts,
        errors: Map<String>,
        mime_types: Map<String>,
        charset: String,
        location: List<Location>,
    }
    + later {
        "http3": Today::False,
    }

    SiteTls = "[site.tls]" {
        cert: Either<String, List<String>>,
        key: Either<String, List<String>>,
        acme: Acme,
        client_ca: String,
        client_verify: String,
        hsts: Either<bool, Hsts>,
        https_only: bool,
    }

    /// `acme = { email = "…", … }`
    Acme = "acme" {
        email: String,
        directory: String,
        ca: String,
        challenge: String,
        hook: List<String>,
    }

    /// `hsts = { max_age = "1y", … }`
    Hsts = "hsts" {
        max_age: Duration,
        subdomains: bool,
        preload: bool,
    }

    /// A Unix socket that is written as a table.
    Listener = "listen" {
        address: String,
        mode: String,
        user: String,
        group: String,
    }

    Location = "[[site.location]]" {
        pattern "match": String,
        files: Either<String, FilesRoot>,
        proxy: String,
        redirect: Redirect,
        respond: Respond,
        index: List<String>,
        attempts "try": List<String>,
        symlinks: String,
        buffer_request: Buffering,
        buffer_response: bool,
        accel: bool,
        rewrite: Rewrite,
        headers: Headers,
        max_body: Size,
        timeouts: Timeouts,
        internal: bool,
        listing: bool,
        mime_types: Map<String>,
        charset: String,
        cache: Either<bool, String>,
        cache_control: String,
        nosniff: bool,
        precompressed: List<String>,
        compress: Either<bool, Compress>,
        limit_rate: Either<Size, LimitRate>,
    }
    + later {
        "access": Today::Nothing,
        "basic_auth": Today::Nothing,
        "auth_request": Today::Nothing,
        "rate_limit": Today::Nothing,
    }

    /// `files = { root = "…" }`
    FilesRoot = "files" {
        root: String,
    }

    Redirect = "redirect" {
        to: String,
        status: i64,
    }

    Respond = "respond" {
        status: i64,
        body: String,
        content_type "type": String,
    }

    Rewrite = "rewrite" {
        from: String,
        to: String,
    }

    Headers = "headers" {
        request: Fields,
        response: Fields,
    }

    /// `headers.request` or `headers.response`
    Fields = "headers.…" {
        set: Map<String>,
        remove: List<String>,
    }

    /// `compress = { codings = ["br"], … }`
    Compress = "compress" {
        codings: List<String>,
        types: List<String>,
        min_size: Size,
        levels: Levels,
        cookies: bool,
    }

    Levels = "levels" {
        zstd: i64,
        brotli "br": i64,
        gzip: i64,
    }

    /// `limit_rate = { rate = "1MiB", after = "10MiB" }`
    LimitRate = "limit_rate" {
        rate: Size,
        after: Size,
    }

    Upstream = "[upstream.…]" {
        servers: List<Either<String, Member>>,
        keep_alive: KeepAlive,
        timeouts: UpstreamTimeouts,
        balance: Either<String, Balance>,
        queue: Queue,
        retry: Retry,
        passive: Passive,
        slow_start: Duration,
        health: Either<bool, Health>,
        resolve: Duration,
        process: Process,
        protocol: String,
        http2: bool,
        tls: UpstreamTls,
    }

    UpstreamTls = "[upstream.….tls]" {
        name: String,
        ca: String,
        verify: bool,
        cert: String,
        key: String,
    }

    /// A server of an upstream that is written as a table.
    Member = "servers" {
        address: String,
        weight: i64,
        max_conns: i64,
        backup: bool,
        drain: bool,
    }

    /// `balance = { hash = "…" }` or `{ cookie = "…" }`
    Balance = "balance" {
        hash: String,
        cookie: String,
        secret: String,
    }

    Queue = "queue" {
        size: i64,
        timeout: Duration,
    }

    Retry = "retry" {
        attempts: i64,
        on: List<String>,
        non_idempotent: bool,
        window: Duration,
        budget: i64,
    }

    Passive = "passive" {
        fails: i64,
        window: Duration,
        eject: Duration,
    }

    Health = "health" {
        path: String,
        interval: Duration,
        timeout: Duration,
        rise: i64,
        fall: i64,
        status: Either<i64, String>,
        body: String,
        host: String,
    }

    KeepAlive = "keep_alive" {
        idle: i64,
        timeout: Duration,
    }

    /// Of an upstream.
    UpstreamTimeouts = "timeouts" {
        connect: Duration,
        send: Duration,
        read: Duration,
    }

    Process = "[upstream.….process]" {
        command: List<String>,
        directory: String,
        environment: Map<String>,
        user: String,
        group: String,
        umask: Mask,
        socket_activation: bool,
        start_timeout: Duration,
        stop_timeout: Duration,
    }

    Test = "[[test]]" {
        url: String,
        method: String,
        headers: Map<String>,
        peer: String,
        status: i64,
        site: String,
        location: String,
        header: Map<Either<bool, String>>,
        file: String,
        upstream: String,
        uri: String,
        redirect: String,
    }
}
