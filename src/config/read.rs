//! What a value of the tree can be read as, and what to say if it is something else.

use toml::de::DeValue;

use super::node::{At, Either, List, Map, Node, in_order, node, quoted};
use super::report::{ANY, Problem, Report, Spot};

/// What can be read from a value of the tree.
pub trait Read: Sized {
    /// What to write, in words: "a string".
    fn wanted() -> String;
    /// The same for many: "strings".
    fn wanted_many() -> String;
    /// Whether the value is of the right type.
    fn accepts(value: &DeValue<'_>) -> bool;
    /// Reads a value of the right type; `None` if it has been reported.
    fn read(node: Node<'_>, report: &mut Report) -> Option<Self>;

    /// Visits every key that was written in this value, which is called `name` and stands at `key` itself.
    fn each_key(&self, name: &str, key: Spot, visit: &mut dyn FnMut(String, Spot)) {
        visit(name.to_owned(), key);
    }
}

/// The name of a key in a table of that name.
pub fn below(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
}

/// Reads a value or reports its type.
pub fn read<T: Read>(node: Node<'_>, report: &mut Report) -> Option<At<T>> {
    if !T::accepts(node.value) {
        report.push(wrong_type::<T>(node));
        return None;
    }
    let value = T::read(node, report)?;
    Some(At { value, spot: node.spot, key: node.key })
}

fn wrong_type<T: Read>(node: Node<'_>) -> Problem {
    let found = kind(node.value);
    let message = if node.key == node.spot && !matches!(node.value, DeValue::Table(_)) {
        format!("`{}` must hold {}, not {found}", node.name, T::wanted_many())
    } else {
        format!("`{}` must be {}, not {found}", node.name, T::wanted())
    };
    Problem::error(node.spot, message).maybe_help(retype::<T>(node))
}

/// How the value would be written in the right type.
fn retype<T: Read>(node: Node<'_>) -> Option<String> {
    let name = node.name;
    let is_list = T::wanted().starts_with("a list");
    match node.value {
        DeValue::String(text) if is_list => Some(format!("write `{name} = [{}]`", quoted(text))),
        DeValue::Table(_) if T::wanted() == "a list of tables" => {
            Some(format!("write the header with two brackets: `[[{name}]]`"))
        }
        DeValue::String(text) if name == "health" && text.starts_with('/') => {
            Some(format!("write `health = {{ path = {} }}`", quoted(text)))
        }
        DeValue::String(text) if T::accepts(&DeValue::Boolean(true)) => {
            matches!(text.as_ref(), "true" | "false").then(|| format!("write `{text}` without quotes"))
        }
        DeValue::String(text) if name == "redirect" => {
            Some(format!("write `redirect = {{ to = {} }}`", quoted(text)))
        }
        DeValue::String(text) if name == "spool" => {
            Some(format!("write `spool = {{ directory = {} }}`", quoted(text)))
        }
        DeValue::String(text) if name == "respond" => {
            Some(format!("write `respond = {{ body = {} }}`", quoted(text)))
        }
        DeValue::Integer(number) if name == "respond" => {
            Some(format!("write `respond = {{ status = {} }}`", number.as_str()))
        }
        DeValue::Integer(number) if T::wanted().starts_with("a duration") => {
            Some(format!("write `{name} = \"{}s\"` for seconds", number.as_str()))
        }
        DeValue::String(text) if T::wanted() == "an integer" => {
            text.parse::<i64>().ok().map(|number| format!("write `{number}` without quotes"))
        }
        _ => None,
    }
}

/// What a value is, in words.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

impl Read for String {
    fn wanted() -> String {
        "a string".into()
    }

    fn wanted_many() -> String {
        "strings".into()
    }

    fn accepts(value: &DeValue<'_>) -> bool {
        value.is_str()
    }

    fn read(node: Node<'_>, report: &mut Report) -> Option<Self> {
        let text = node.value.as_str()?;
        // No path, header or pattern has one, and the kernel would cut the text there.
        if text.contains('\0') {
            report.push(Problem::error(node.spot, format!("`{}` must not contain a NUL", node.name)));
            return None;
        }
        Some(text.to_owned())
    }
}

impl Read for i64 {
    fn wanted() -> String {
        "an integer".into()
    }

    fn wanted_many() -> String {
        "integers".into()
    }

    fn accepts(value: &DeValue<'_>) -> bool {
        value.is_integer()
    }

    fn read(node: Node<'_>, report: &mut Report) -> Option<Self> {
        let integer = node.value.as_integer()?;
        let number = Self::from_str_radix(integer.as_str(), integer.radix()).ok();
        if number.is_none() {
            report.push(Problem::error(node.spot, format!("`{}` is too large a number", node.name)));
        }
        number
    }
}

impl Read for bool {
    fn wanted() -> String {
        "`true` or `false`".into()
    }

    fn wanted_many() -> String {
        "booleans".into()
    }

    fn accepts(value: &DeValue<'_>) -> bool {
        value.is_bool()
    }

    fn read(node: Node<'_>, _report: &mut Report) -> Option<Self> {
        node.value.as_bool()
    }
}

impl<T: Read> Read for List<T> {
    fn wanted() -> String {
        format!("a list of {}", T::wanted_many())
    }

    fn wanted_many() -> String {
        "lists".into()
    }

    fn accepts(value: &DeValue<'_>) -> bool {
        value.is_array()
    }

    /// All elements that can be read; the others have been reported.
    fn read(node: Node<'_>, report: &mut Report) -> Option<Self> {
        let elements = node.value.as_array()?.iter();
        let file = node.spot.file;
        let elements = elements.map(|element| {
            let span = element.span();
            let spot = Spot { file, start: span.start, end: span.end };
            read(Node { name: node.name, key: spot, spot, value: element.get_ref() }, report)
        });
        let elements: Vec<Option<At<T>>> = elements.collect();
        if elements.iter().any(Option::is_none) {
            report.mark_unread(node.spot, ANY);
        }
        Some(elements.into_iter().flatten().collect())
    }
}

impl<T: Read> Read for Map<T> {
    fn wanted() -> String {
        format!("a table of {}", T::wanted_many())
    }

    fn wanted_many() -> String {
        "tables".into()
    }

    fn accepts(value: &DeValue<'_>) -> bool {
        value.is_table()
    }

    fn read(owner: Node<'_>, report: &mut Report) -> Option<Self> {
        let entries = in_order(owner.value.as_table()?).into_iter();
        let entries = entries.filter_map(|(key, value)| {
            let name: &str = key.get_ref();
            let value = read(node(owner.spot.file, name, &key.span(), value), report)?;
            Some((name.to_owned(), value))
        });
        Some(entries.collect())
    }

    fn each_key(&self, name: &str, _key: Spot, visit: &mut dyn FnMut(String, Spot)) {
        for (key, at) in self {
            at.value.each_key(&below(name, key), at.key, visit);
        }
    }
}

impl<A: Read, B: Read> Read for Either<A, B> {
    fn wanted() -> String {
        format!("{} or {}", A::wanted(), B::wanted())
    }

    fn wanted_many() -> String {
        format!("{} or {}", A::wanted_many(), B::wanted_many())
    }

    fn accepts(value: &DeValue<'_>) -> bool {
        A::accepts(value) || B::accepts(value)
    }

    fn read(node: Node<'_>, report: &mut Report) -> Option<Self> {
        if A::accepts(node.value) {
            A::read(node, report).map(Self::A)
        } else {
            B::read(node, report).map(Self::B)
        }
    }

    fn each_key(&self, name: &str, key: Spot, visit: &mut dyn FnMut(String, Spot)) {
        match self {
            Self::A(value) => value.each_key(name, key, visit),
            Self::B(value) => value.each_key(name, key, visit),
        }
    }
}
