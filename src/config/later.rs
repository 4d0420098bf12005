//! Keys of the contract whose feature comes with a later release. They are refused, never ignored,
//! unless they ask for what happens anyway.

use toml::de::DeValue;

use super::names;
use super::node::Node;
use super::report::{Problem, Report};

#[derive(Clone, Copy, Debug)]
pub struct Later {
    pub key: &'static str,
    pub today: Today,
}

/// The value that says what this release does.
#[derive(Clone, Copy, Debug)]
pub enum Today {
    Nothing,
    False,
    EmptyList,

    /// A word, and the words that later releases know.
    Word(&'static str, &'static [&'static str]),
}

impl Later {
    pub fn check(self, node: Node<'_>, report: &mut Report) {
        let message = format!("`{}` is not yet supported", self.key);
        let refused = Problem::error(node.key, message);
        let problem = match (self.today, node.value) {
            (Today::False, DeValue::Boolean(false)) => return,
            (Today::EmptyList, DeValue::Array(list)) if list.is_empty() => return,
            (Today::Word(today, _), DeValue::String(word)) if word == today => return,
            (Today::Word(today, later), DeValue::String(word)) => {
                return Self::word(node, word, today, later, report);
            }
            (Today::Nothing, _) => refused.help("leave it out: it comes with a later release"),
            (Today::False, _) => {
                refused.help("this release can only do without: write `false` or leave it out")
            }
            (Today::EmptyList, _) => {
                refused.help("this release can only do without: write `[]` or leave it out")
            }
            (Today::Word(today, _), _) => refused.help(format!("this release knows \"{today}\" only")),
        };
        report.push(problem);
    }

    fn word(node: Node<'_>, word: &str, today: &'static str, later: &[&'static str], report: &mut Report) {
        let name = node.name;
        let known: Vec<&str> = std::iter::once(today).chain(later.iter().copied()).collect();
        report.push(if later.is_empty() || later.contains(&word) {
            Problem::error(node.spot, format!("`{name} = \"{word}\"` is not yet supported"))
                .help(format!("this release knows \"{today}\" only"))
        } else {
            Problem::error(node.spot, format!("`{name}` cannot be \"{word}\""))
                .maybe_help(names::did_you_mean_or_all(word, &known))
        });
    }
}
