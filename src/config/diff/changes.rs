//! Two tables of settings, side by side.

use std::collections::{HashMap, HashSet};

use crate::config::settings::{Settings, Value};

/// Each change in a few words: `cache_control "no-cache" -> "public"`.
pub fn changes(old: &Settings, new: &Settings) -> Vec<String> {
    let mut told = Vec::new();
    entries("", &old.entries(), &new.entries(), &mut told);
    told
}

/// The same of keys alone.
pub fn changed_keys(old: &[(String, Value)], new: &[(String, Value)]) -> Vec<String> {
    let mut told = Vec::new();
    entries("", old, new, &mut told);
    told
}

fn entries(prefix: &str, old: &[(String, Value)], new: &[(String, Value)], told: &mut Vec<String>) {
    let before: HashMap<&str, &Value> = old.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let after: HashSet<&str> = new.iter().map(|(key, _)| key.as_str()).collect();
    for (key, value) in new {
        let name = format!("{prefix}{key}");
        match before.get(key.as_str()) {
            Some(before) => values(&name, before, value, told),
            None => told.push(format!("{name} {} added", value.to_log())),
        }
    }
    for (key, value) in old.iter().filter(|(key, _)| !after.contains(key.as_str())) {
        told.push(format!("{prefix}{key} {} removed", value.to_log()));
    }
}

fn values(name: &str, old: &Value, new: &Value, told: &mut Vec<String>) {
    if old == new {
        return;
    }
    match (old, new) {
        (Value::Table(old), Value::Table(new)) => entries(&format!("{name}."), old, new, told),
        (Value::Set(old), Value::Set(new)) => elements(name, old, new, told),
        (Value::Secret(_), Value::Secret(_)) => told.push(format!("{name} changed")),
        _ => told.push(format!("{name} {} -> {}", old.to_log(), new.to_log())),
    }
}

fn elements(name: &str, old: &[Value], new: &[Value], told: &mut Vec<String>) {
    let (before, after): (HashSet<_>, HashSet<_>) = (old.iter().collect(), new.iter().collect());
    let added = new.iter().filter(|value| !before.contains(value));
    told.extend(added.map(|value| format!("{name} {} added", value.to_log())));
    let removed = old.iter().filter(|value| !after.contains(value));
    told.extend(removed.map(|value| format!("{name} {} removed", value.to_log())));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(old: Value, new: Value) -> Vec<String> {
        changed_keys(&[("key".into(), old)], &[("key".into(), new)])
    }

    fn list(values: &[&str]) -> Vec<Value> {
        values.iter().map(Value::from).collect()
    }

    #[test]
    fn a_table_is_told_by_what_changed_in_it() {
        let table = |a: u32, more: Option<&str>| {
            let more = more.map(|value| ("b".to_owned(), Value::from(value)));
            Value::Table([("a".to_owned(), Value::from(a))].into_iter().chain(more).collect())
        };
        assert_eq!(told(table(1, None), table(2, Some("x"))), ["key.a 1 -> 2", "key.b x added"]);
        assert_eq!(told(table(1, Some("x")), table(1, None)), ["key.b x removed"]);
        assert_eq!(told(table(1, None), Value::from(false)), ["key { a = 1 } -> false"]);
    }

    #[test]
    fn order_counts_in_lists_and_not_in_sets() {
        assert_eq!(
            told(Value::List(list(&["a", "b"])), Value::List(list(&["b", "a"]))),
            ["key [a, b] -> [b, a]"]
        );
        assert!(told(Value::Set(list(&["a", "b"])), Value::Set(list(&["b", "a"]))).is_empty());
        assert_eq!(
            told(Value::Set(list(&["a", "b"])), Value::Set(list(&["c", "b"]))),
            ["key c added", "key a removed"]
        );
    }

    #[test]
    fn a_secret_is_not_told() {
        let secret = |text: &str| Value::Secret(text.into());
        assert_eq!(told(secret("\"old\""), secret("\"new\"")), ["key changed"]);
        assert_eq!(changed_keys(&[], &[("key".into(), secret("\"new\""))]), ["key \"…\" added"]);
    }
}
