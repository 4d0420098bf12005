//! `cache = "auto"`: how long a file may be kept, told by its name.
//!
//! A file that is never changed, but given another name instead, needs no second question for a year. Who
//! takes a changing file for such a one shows its readers an old version for a year, and nobody can
//! take that back; so a name in doubt is asked about again, which costs a 304.

mod fingerprint;

use ::http::HeaderValue;

use fingerprint::is_fingerprinted;

/// Neither asked about again nor on reload (RFC 8246).
const FOREVER: &str = "public, max-age=31536000, immutable";
/// Pages name the files that belong to them, so an old one asks for files that are gone.
const PAGE: &str = "no-cache";
const REST: &str = "max-age=0, must-revalidate";

/// What build tools fill with files that they never change: Next.js, SvelteKit and Astro say so themselves.
const BUILT: [&[u8]; 3] = [b"_next/static/", b"_app/immutable/", b"_astro/"];

/// Where `next dev` puts what changes all the time.
const DEVELOPMENT: &[u8] = b"_next/static/development/";

/// Cache-Control of a file, by its path in the URL.
pub fn auto(path: &[u8]) -> HeaderValue {
    let start = memchr::memrchr(b'/', path).map_or(0, |slash| slash + 1);
    let (folder, name) = path.split_at_checked(start).unwrap_or_default();
    let name = original(name);
    HeaderValue::from_static(if is_page(name) {
        PAGE
    } else if is_built(folder) || is_fingerprinted(name) {
        FOREVER
    } else {
        REST
    })
}

/// The file that a source map or a precompressed twin belongs to: it is made together with it.
fn original(name: &[u8]) -> &[u8] {
    let twins: [&[u8]; 3] = [b".br", b".gz", b".zst"];
    let name = twins.iter().find_map(|suffix| name.strip_suffix(*suffix)).unwrap_or(name);
    name.strip_suffix(b".map").unwrap_or(name)
}

/// The index of a directory, too, when it is asked for by the directory's own path.
fn is_page(name: &[u8]) -> bool {
    let extension = memchr::memrchr(b'.', name).and_then(|dot| name.get(dot + 1..)).unwrap_or_default();
    let pages = ["html", "htm", "xhtml", "xht", "shtml"];
    name.is_empty() || pages.iter().any(|page| extension.eq_ignore_ascii_case(page.as_bytes()))
}

fn is_built(folder: &[u8]) -> bool {
    BUILT.iter().any(|built| is_within(folder, built)) && !is_within(folder, DEVELOPMENT)
}

/// Whether whole segments of a folder's path are those.
fn is_within(folder: &[u8], segments: &[u8]) -> bool {
    memchr::memmem::find_iter(folder, segments)
        .any(|at| at.checked_sub(1).is_none_or(|before| folder.get(before) == Some(&b'/')))
}

#[cfg(test)]
mod tests;
