//! Keys of the contract whose feature comes with a later release. They are refused, never ignored,
//! unless they ask for what happens anyway.

use toml::de::DeValue;

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
}

impl Later {
    pub fn check(self, node: Node<'_>, report: &mut Report) {
        let message = format!("`{}` is not yet supported", self.key);
        let refused = Problem::error(node.key, message);
        let problem = match (self.today, node.value) {
            (Today::False, DeValue::Boolean(false)) => return,
            (Today::Nothing, _) => refused.help("leave it out: it comes with a later release"),
            (Today::False, _) => {
                refused.help("this release can only do without: write `false` or leave it out")
            }
        };
        report.push(problem);
    }
}
