//! Values of settings, as TOML writes them.

use std::fmt::Display;

/// What a setting is set to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// A string, a number or a boolean, in the quotes that it needs.
    Plain(String),
    /// Like it, but not for logs.
    Secret(String),
    List(Vec<Value>),
    /// A list whose order says nothing.
    Set(Vec<Value>),
    Table(Vec<(String, Value)>),
}

/// What is already TOML. A value is no text itself: how it is written depends on who reads it.
impl<T: Display> From<T> for Value {
    fn from(toml: T) -> Self {
        Self::Plain(toml.to_string())
    }
}

impl Value {
    /// For a file.
    pub fn to_toml(&self) -> String {
        self.write(str::to_owned)
    }

    /// For people and logs.
    pub fn to_log(&self) -> String {
        self.write(|_| "\"…\"".to_owned())
    }

    fn write(&self, secret: fn(&str) -> String) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Secret(text) => secret(text),
            Self::List(values) | Self::Set(values) => {
                let values: Vec<String> = values.iter().map(|value| value.write(secret)).collect();
                format!("[{}]", values.join(", "))
            }
            Self::Table(entries) if entries.is_empty() => "{}".into(),
            Self::Table(entries) => {
                let entries = entries.iter().map(|(key, value)| format!("{key} = {}", value.write(secret)));
                format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_written_to_files_only() {
        let table = |value| Value::Table(vec![("name".into(), Value::from(1)), ("secret".into(), value)]);
        let secret = table(Value::Secret("\"hidden\"".into()));
        assert_eq!(secret.to_toml(), "{ name = 1, secret = \"hidden\" }");
        assert_eq!(secret.to_log(), "{ name = 1, secret = \"…\" }");
    }

    #[test]
    fn lists_and_tables_are_written_on_one_line() {
        let list = Value::List(vec![true.into(), Value::Set(Vec::new()), Value::Table(Vec::new())]);
        assert_eq!(list.to_toml(), "[true, [], {}]");
    }
}
