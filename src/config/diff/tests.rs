//! No key is forgotten: each of `every_key.toml`, changed alone, is told.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use toml::{Table, Value};

use crate::config::tls_tests::copy_certificates;
use crate::config::{Config, diff, load, print, raw};

/// What has no setting of its own to tell: tables, and files that are read as one.
const NOT_TOLD: &[&str] = &["include", "site", "location", "upstream", "headers", "test", "tls"];

/// What is expected of the settings is none of them.
const TEST: &str = "[[test]]";

/// What names things, which then are other things.
const NAMES: &[&str] = &["match", "servers", "address", "hosts"];

#[test]
fn every_key_that_is_changed_is_told() {
    let folder = tempfile::tempdir().unwrap();
    copy_certificates(folder.path());
    let file: Value = toml::from_str(include_str!("../print/every_key.toml")).unwrap();
    let before = config(folder.path(), &file).unwrap();
    let printed = print(&before);
    let mut told = BTreeSet::new();
    let mut paths = Vec::new();
    walk(&file, &[], &mut paths);
    for path in paths {
        for mutated in mutations(&file, &path) {
            let Some(after) = config(folder.path(), &mutated) else { continue };
            let diff = diff(&before, &after);
            let same = printed == print(&after);
            assert_eq!(diff.is_empty(), same, "{path:?}:\n{diff}\n{}", print(&after));
            let key = path.last().unwrap().as_str();
            let at = (table_of(&path), key.to_owned());
            // Names of the user's own may be told otherwise, as a host in lower case.
            if !same && keys().any(|(table, key)| (table, key) == (&at.0, &at.1)) {
                let is_named = diff.lines().any(|line| line.contains(key)) || NAMES.contains(&key);
                assert!(is_named, "{path:?} is not named in:\n{diff}");
                told.insert(at);
            }
        }
    }
    let untold: Vec<_> =
        keys().filter(|(table, key)| !told.contains(&((*table).into(), (*key).into()))).collect();
    assert!(
        untold.is_empty(),
        "never told: {untold:?}; write them in print/every_key.toml with other values than their defaults"
    );
}

fn keys() -> impl Iterator<Item = (&'static str, &'static str)> {
    let later =
        |table: &str, key: &str| raw::LATER.iter().any(|(name, keys)| *name == table && keys.contains(&key));
    let keys = raw::TABLES.iter().flat_map(|(table, keys)| keys.iter().map(|key| (*table, *key)));
    keys.filter(move |(table, key)| !later(table, key) && *table != TEST && !NOT_TOLD.contains(key))
}

fn config(folder: &Path, file: &Value) -> Option<Config> {
    let path = folder.join("site.toml");
    fs::write(&path, toml::to_string(file).unwrap()).unwrap();
    Some(load(&path).ok()?.config)
}

/// Where each value stands: keys, and places in lists.
fn walk(value: &Value, path: &[String], found: &mut Vec<Vec<String>>) {
    let below: Vec<(String, &Value)> = match value {
        Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(index, one)| (index.to_string(), one)).collect(),
        _ => Vec::new(),
    };
    if path.last().is_some_and(|key| key.parse::<usize>().is_err()) {
        found.push(path.to_vec());
    }
    for (key, value) in below {
        walk(value, &[path, &[key]].concat(), found);
    }
}

/// The file without the value, and with others in its place; not all of them can be loaded.
fn mutations(file: &Value, path: &[String]) -> Vec<Value> {
    let (key, owner) = path.split_last().unwrap();
    let value = table(&mut file.clone(), owner).get(key).cloned().unwrap();
    let others = match value {
        Value::String(text) => {
            let next = text.parse::<u32>().map(|number| (number + 1).to_string());
            let others = [format!("{text}x"), format!("x{text}"), format!("{text}:8999")];
            others.into_iter().chain(next).map(Value::from).collect()
        }
        Value::Integer(number) => vec![Value::from(number + 1)],
        Value::Array(mut list) => {
            list.pop();
            vec![list.into()]
        }
        Value::Table(mut table) => {
            let first = table.keys().next().cloned();
            first.and_then(|key| table.remove(&key));
            vec![table.into()]
        }
        _ => Vec::new(),
    };
    let mut without = file.clone();
    table(&mut without, owner).remove(key);
    let with = others.into_iter().map(|other| {
        let mut file = file.clone();
        table(&mut file, owner).insert(key.clone(), other);
        file
    });
    with.chain([without]).collect()
}

fn table<'a>(value: &'a mut Value, path: &[String]) -> &'a mut Table {
    match (path.split_first(), value) {
        (None, Value::Table(table)) => table,
        (Some((key, rest)), Value::Table(owner)) => table(&mut owner[key], rest),
        (Some((index, rest)), Value::Array(list)) => table(&mut list[index.parse::<usize>().unwrap()], rest),
        _ => panic!("{path:?} leads nowhere"),
    }
}

/// The name in [`raw::TABLES`] of the table that a key stands in.
fn table_of(path: &[String]) -> String {
    let owners = path[..path.len() - 1].iter().filter(|key| key.parse::<usize>().is_err());
    let owners: Vec<&str> = owners.map(String::as_str).collect();
    match owners[..] {
        [] => "",
        ["server"] => "[server]",
        ["log"] => "[log]",
        ["site"] => "[[site]]",
        ["site", "location"] => "[[site.location]]",
        ["timeouts"] | ["site", "timeouts"] | ["site", "location", "timeouts"] => "[timeouts]",
        [.., "headers", "request" | "response"] => "headers.…",
        ["upstream", _] => "[upstream.…]",
        ["site", "tls"] => "[site.tls]",
        ["upstream", _, "tls"] => "[upstream.….tls]",
        ["upstream", _, "process"] => "[upstream.….process]",
        [.., last] => last,
    }
    .to_owned()
}
