//! `[[site.location]]`

use ::http::{HeaderName, header};

use super::{
    Settings, Value, entry, limit, list, pattern_of, quoted_key, secret, set, table, text, timeouts,
};
use crate::config::model::{
    Action, CachePolicy, Compress, Config, Fallback, Files, HeaderRules, Levels, LimitRate, Location,
    RequestBuffering, Site, Symlinks, Try,
};
use crate::config::value::show_size;
use crate::http::Template;

/// The settings of a location, its action first and apart.
pub struct LocationSettings {
    pub pattern: Value,
    /// What it does, then how.
    pub action: Settings,
    pub others: Settings,
}

pub fn location(location: &Location, site: &Site, config: &Config) -> LocationSettings {
    let mut others = Settings::default();
    let out = &mut others;
    delivery(out, location);
    if let Some(rewrite) = &location.rewrite {
        let from = entry("from", text(rewrite.from.as_str()));
        out.key("rewrite", table([from, entry("to", text(&rewrite.to))]));
    }
    headers(out, "headers.request", &location.request_headers);
    headers(out, "headers.response", &location.response_headers);
    out.key("max_body", limit(location.max_body));
    out.key("timeouts", table(timeouts(location.timeouts)));
    LocationSettings { pattern: text(&location.pattern), action: action(location, site, config), others }
}

fn action(location: &Location, site: &Site, config: &Config) -> Settings {
    let mut settings = Settings::default();
    let out = &mut settings;
    match &location.action {
        Action::Files(given) => files(out, given, site),
        Action::Proxy(proxy) => {
            out.key("proxy", text(config.upstreams.get(proxy.upstream).map_or("", |one| one.name.as_str())));
            out.key("buffer_request", buffering(proxy.buffer_request));
            out.key("buffer_response", proxy.buffer_response);
            out.key("accel", proxy.accel);
        }
        Action::Redirect { to, status } => {
            out.key("redirect", table([entry("to", text(to)), entry("status", status.as_u16())]));
        }
        Action::Respond { status, body, content_type } => {
            let status = entry("status", status.as_u16());
            out.key("respond", table([status, entry("body", text(body)), entry("type", text(content_type))]));
        }
    }
    settings
}

const fn buffering(buffering: RequestBuffering) -> &'static str {
    match buffering {
        RequestBuffering::Off => "false",
        RequestBuffering::On => "true",
        RequestBuffering::Required => "\"required\"",
    }
}

fn files(out: &mut Settings, files: &Files, site: &Site) {
    let directory = text(&files.directory);
    let kept = || table([entry("root", directory.clone())]);
    out.key("files", if files.keep_prefix { kept() } else { directory.clone() });
    out.key("index", list(&files.index));
    out.key("listing", files.listing);
    out.key(
        "symlinks",
        match files.symlinks {
            Symlinks::Inside => "\"inside\"",
            Symlinks::Follow => "\"follow\"",
            Symlinks::Deny => "\"deny\"",
        },
    );
    if let Some(attempts) = &files.r#try {
        out.key("try", list(attempts_of(attempts, site)));
    }
    out.key("precompressed", list(files.precompressed.iter().map(|coding| coding.token())));
    if files.cache == CachePolicy::Auto {
        out.key("cache", text("auto"));
    }
    if !files.mime_types.is_empty() {
        let types = files
            .mime_types
            .iter()
            .map(|(extension, found)| (quoted_key(&extension.to_string()), text(found)));
        out.key("mime_types", table(types));
    }
    out.key("charset", text(&files.charset));
}

/// How answers are sent, whatever they come from.
fn delivery(out: &mut Settings, location: &Location) {
    if location.internal {
        out.key("internal", true);
    }
    if let Some(value) = &location.cache_control {
        out.key("cache_control", text(value));
    }
    out.key("nosniff", location.nosniff);
    if let Some(compress) = &location.compress {
        out.key("compress", compression(compress));
    }
    if let Some(LimitRate { rate, after }) = location.limit_rate {
        let entries = [("rate", rate.get()), ("after", after)];
        out.key("limit_rate", table(entries.map(|(key, bytes)| entry(key, text(show_size(bytes))))));
    }
}

fn compression(compress: &Compress) -> Value {
    let Levels { zstd, brotli, gzip } = compress.levels;
    let levels = [("zstd", zstd.to_string()), ("br", brotli.to_string()), ("gzip", gzip.to_string())];
    let types = compress.types.as_ref().map(|types| entry("types", set(types)));
    let entries = [
        entry("codings", list(compress.codings.iter().map(|coding| coding.token()))),
        entry("min_size", text(show_size(compress.min_size))),
        entry("levels", table(levels.map(|(key, level)| entry(key, level)))),
        entry("cookies", compress.cookies),
    ];
    table(entries.into_iter().chain(types))
}

fn attempts_of(attempts: &Try, site: &Site) -> Vec<String> {
    let last = match &attempts.last {
        Fallback::Location(index) => pattern_of(site, *index),
        Fallback::Path(path) => path.to_string(),
        Fallback::Status(status) => format!("={}", status.as_u16()),
    };
    attempts.candidates.iter().map(|one| one.path.to_string()).chain([last]).collect()
}

fn headers(out: &mut Settings, key: &str, rules: &HeaderRules) {
    if rules.is_empty() {
        return;
    }
    let fields = rules.set.iter().map(|(name, value)| (quoted_key(name.as_str()), field(name, value)));
    let fields = (!rules.set.is_empty()).then(|| entry("set", table(fields)));
    let remove = (!rules.remove.is_empty()).then(|| entry("remove", set(&rules.remove)));
    out.key(key, table(fields.into_iter().chain(remove)));
}

/// Whoever reads a log need not learn how rproxy shows who it is.
fn field(name: &HeaderName, value: &Template) -> Value {
    let is_secret = [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE].contains(name);
    if is_secret { secret(value) } else { text(value) }
}
