//! A listing for programs: what nginx's `autoindex_format json` tells of an entry, and a little more.

use serde::Serialize;

use super::Wanted;
use super::entries::{Contents, Entry, Kind};
use super::page::link;

pub fn json(contents: &Contents, wanted: &Wanted) -> String {
    let view = View {
        path: String::from_utf8_lossy(&wanted.path).into(),
        entries: contents.entries.iter().map(Item::from).collect(),
        truncated: contents.truncated,
    };
    // Only maps with keys that are no strings could fail.
    serde_json::to_string(&view).unwrap_or_default() + "\n"
}

/// The shape that programs rely on: fields are added, never renamed.
#[derive(Serialize)]
struct View {
    path: String,
    entries: Vec<Item>,
    truncated: bool,
}

#[derive(Serialize)]
struct Item {
    name: String,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    modified: Option<String>,
    /// Relative to the directory: names that are not UTF-8 can be fetched by this only.
    href: String,
}

impl From<&Entry> for Item {
    fn from(entry: &Entry) -> Self {
        let (r#type, size) = match entry.kind {
            Kind::Directory => ("directory", None),
            Kind::File(size) => ("file", Some(size)),
        };
        Self {
            name: String::from_utf8_lossy(&entry.name).into(),
            r#type,
            size,
            modified: entry.modified.map(crate::http::Date::to_rfc3339),
            href: link(entry),
        }
    }
}
