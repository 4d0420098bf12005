//! The written shape of a file: every key there is, as written, with its place. Nothing is judged here
//! but names and types.

use toml::de::DeValue;

use super::cursor::Cursor;
use super::later::{Later, Today};
use super::node::{At, Either, List, Map, Node};
use super::read::{Read, below};
use super::report::{Report, Spot};

macro_rules! tables {
    ($(
        $(#[$doc:meta])*
        $table:ident = $shown:literal { $( $field:ident $($key:literal)? : $shape:ty, )* }
        $(+ later { $( $later:literal: $today:expr, )* })?
    )*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug)]
            pub struct $table {
                $( pub $field: Option<At<$shape>>, )*
            }

            impl Read for $table {
                fn wanted() -> String {
                    "a table".into()
                }

                fn wanted_many() -> String {
                    "tables".into()
                }

                fn accepts(value: &DeValue<'_>) -> bool {
                    value.is_table()
                }

                fn read(node: Node<'_>, report: &mut Report) -> Option<Self> {
                    let cursor = Cursor::new(node.value.as_table()?, node.spot);
                    let table = Self {
                        $( $field: cursor.take(key!($field $($key)?), report), )*
                    };
                    let known = [ $( key!($field $($key)?), )* ];
                    let later = [ $( $( Later { key: $later, today: $today }, )* )? ];
                    cursor.finish($shown, &known, &later, report);
                    Some(table)
                }

                fn each_key(&self, name: &str, _key: Spot, visit: &mut dyn FnMut(String, Spot)) {
                    $(
                        if let Some(at) = &self.$field {
                            at.value.each_key(&below(name, key!($field $($key)?)), at.key, visit);
                        }
                    )*
                }
            }
        )*

        /// Every table and its keys, to say where a misplaced key belongs.
        pub const TABLES: &[(&str, &[&str])] = &[ $(
            ($shown, &[ $( key!($field $($key)?), )* $( $( $later, )* )? ]),
        )* ];

        /// Those of them that no setting comes of yet.
        #[cfg(test)]
        pub const LATER: &[(&str, &[&str])] = &[ $( ($shown, &[ $( $( $later, )* )? ]), )* ];
    };
}

/// A key is called as its field, unless that is a word of Rust.
macro_rules! key {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}

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
    }

    Site = "[[site]]" {
        listen: List<Either<String, Listener>>,
        hosts: List<String>,
        max_body: Size,
        timeouts: Timeouts,
        errors: Map<String>,
        mime_types: Map<String>,
        charset: String,
        location: List<Location>,
    }
    + later {
        "listen_tls": Today::EmptyList,
        "http3": Today::False,
        "https_only": Today::False,
        "tls": Today::Nothing,
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
    }
    + later {
        "protocol": Today::Word("http", &["h2c", "https", "uwsgi", "fastcgi"]),
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

/// Scalars that say in their errors what they are to hold.
macro_rules! scalars {
    ($( $(#[$doc:meta])* $name:ident($inner:ty) = $wanted:literal; )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(pub $inner);

        impl Read for $name {
            fn wanted() -> String {
                $wanted.into()
            }

            fn wanted_many() -> String {
                <$inner>::wanted_many()
            }

            fn accepts(value: &DeValue<'_>) -> bool {
                <$inner>::accepts(value)
            }

            fn read(node: Node<'_>, report: &mut Report) -> Option<Self> {
                <$inner>::read(node, report).map(Self)
            }
        }
    )* };
}

scalars! {
    Duration(String) = "a duration in quotes, like \"30s\"";
    Size(Either<i64, String>) = "a size in quotes, like \"10MiB\", or a number of bytes";
    Count(Either<i64, String>) = "a number or \"auto\"";
    Buffering(Either<bool, String>) = "`true`, `false` or \"required\"";
    Mask(String) = "octal digits in quotes, like \"027\"";
}
