//! Strings with `$variables`, parsed once and rendered per request: nginx's names with nginx's meanings.

/// A string with `$variables` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
}

impl Template {
    pub fn literal(text: &str) -> Self {
        Self { pieces: vec![Piece::Literal(text.to_owned())] }
    }
}
