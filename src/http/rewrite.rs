//! Another path for the location's handler, as by nginx's `rewrite … break`.

use bytes::Bytes;
use regex::bytes::Regex;

use super::escape::{encode_argument, encode_path};
use super::path::normalise;
use super::template::{Piece, Template};
use super::{Captures, Fault, Request, Scope, Target};

impl Request {
    /// Where `from` matches the decoded path, the path becomes `to`, whose `$1` and named groups are
    /// those of `from`. Says whether it did.
    ///
    /// The query is kept: it stays, or follows the arguments that `to` has behind a question mark of
    /// its own, or goes if `to` ends in one. Unlike nginx, the new path takes its normal form too, so
    /// that no capture can climb. Afterwards the captures are the location's again.
    pub fn rewrite(&mut self, from: &Regex, to: &Template) -> Result<bool, Fault> {
        let Some(captures) = Captures::of(from, &self.target.path) else { return Ok(false) };
        let before = std::mem::replace(&mut self.captures, captures);
        let written = Written::new(to, Scope::from(&*self));
        self.captures = before;
        self.target.replace(written)?;
        Ok(true)
    }
}

/// What a rewrite's template gave.
#[derive(Default)]
struct Written {
    /// Decoded.
    path: Vec<u8>,
    /// What stood behind a question mark of the template.
    query: Option<Vec<u8>>,
}

impl Written {
    /// Only the template's own question mark begins the query: one in a capture is part of the path.
    fn new(to: &Template, scope: Scope<'_>) -> Self {
        let mut written = Self::default();
        for piece in to.pieces() {
            match piece {
                Piece::Literal(text) => written.push_literal(text),
                Piece::Variable(variable) => match &mut written.query {
                    None => scope.write(variable, &mut written.path),
                    Some(query) if variable.is_decoded() => {
                        let mut value = Vec::new();
                        scope.write(variable, &mut value);
                        encode_argument(&value, query);
                    }
                    Some(query) => scope.write(variable, query),
                },
            }
        }
        written
    }

    fn push_literal(&mut self, text: &[u8]) {
        match (&mut self.query, memchr::memchr(b'?', text).and_then(|mark| text.split_at_checked(mark))) {
            (Some(query), _) => query.extend_from_slice(text),
            (None, None) => self.path.extend_from_slice(text),
            (None, Some((path, query))) => {
                self.path.extend_from_slice(path);
                self.query = Some(query.get(1..).unwrap_or_default().to_vec());
            }
        }
    }
}

impl Target {
    fn replace(&mut self, written: Written) -> Result<(), Fault> {
        self.path = normalise(written.path.into_iter().map(Ok))?.into();
        if let Some(query) = written.query {
            self.query = merge_queries(query, self.query.take());
        }
        let mut target = Vec::with_capacity(self.raw.len() + self.path.len());
        encode_path(&self.path, &mut target);
        if let Some(query) = self.query.as_ref().filter(|query| !query.is_empty()) {
            target.push(b'?');
            target.extend_from_slice(query);
        }
        self.rewritten = Some(target.into());
        Ok(())
    }
}

/// nginx's rule: a closing question mark drops the client's arguments, and itself.
fn merge_queries(mut new: Vec<u8>, old: Option<Bytes>) -> Option<Bytes> {
    if new.is_empty() {
        return None;
    }
    if new.ends_with(b"?") {
        new.pop();
    } else if let Some(old) = old.filter(|old| !old.is_empty()) {
        new.push(b'&');
        new.extend_from_slice(&old);
    }
    Some(new.into())
}

#[cfg(test)]
mod tests {
    use super::super::testing::request;
    use super::super::{Cause, encode_path};
    use super::*;

    fn rewrite(target: &str, from: &str, to: &str) -> Result<Option<(String, String)>, Cause> {
        let mut request = request(target);
        let done = request.rewrite(&Regex::new(from).unwrap(), &Template::parse(to).unwrap());
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        let shown = (text(&request.target.path), text(request.target.upstream()));
        done.map(|done| done.then_some(shown)).map_err(|fault| fault.cause)
    }

    #[test]
    fn rewrites_follow_nginx() {
        for (target, from, to, path, upstream) in [
            ("/old/a?q=1", "^/old/(.*)$", "/new/$1", "/new/a", "/new/a?q=1"),
            ("/old/a?", "^/old/(.*)$", "/new/$1", "/new/a", "/new/a"),
            ("/old/a", "^/old/(?<rest>.*)$", "/new/$rest", "/new/a", "/new/a"),
            ("/old/a%20b%3Fc%25", "^/old/(.*)$", "/$1", "/a b?c%", "/a%20b%3Fc%25"),
            ("/old/a?q=1", "^/old/(.*)$", "/n?p=$1", "/n", "/n?p=a&q=1"),
            ("/old/a?", "^/old/(.*)$", "/n?p=$1", "/n", "/n?p=a"),
            ("/old/a?q=1", "^/old/(.*)$", "/n?p=$1?", "/n", "/n?p=a"),
            ("/old/a?q=1", "^/old/(.*)$", "/n?", "/n", "/n"),
            ("/old/a&b", "^/old/(.*)$", "/n?p=$1", "/n", "/n?p=a%26b"),
            ("/a?q=1", "^/a$", "/b/$arg_q", "/b/1", "/b/1?q=1"),
            ("//x//old", "old", "/new", "/new", "/new"),
        ] {
            assert_eq!(rewrite(target, from, to), Ok(Some((path.into(), upstream.into()))), "{target} {to}");
        }
    }

    #[test]
    fn a_path_that_does_not_match_is_left_alone() {
        assert_eq!(rewrite("/other", "^/old", "/new"), Ok(None));
    }

    #[test]
    fn the_new_path_cannot_climb() {
        let up = rewrite("/old./secret", "^/old(.*)$", "/a/.$1");
        assert_eq!(up, Ok(Some(("/secret".into(), "/secret".into()))));
        assert_eq!(rewrite("/old./x", "^/old(.*)$", "/.$1"), Err(Cause::BadPath));
        assert_eq!(rewrite("/old/x", "^/old/(.*)$", "$1"), Err(Cause::BadPath));
    }

    #[test]
    fn paths_are_escaped_as_nginx_escapes_them() {
        let mut out = Vec::new();
        encode_path(b"/ !\"#$%&'()*+,-.:;<=>?@[\\]^_`{|}~\x7f\xff", &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "/%20!%22%23$%25&'()*+,-.:;%3C=%3E%3F@[%5C]^_`{|}~"
                .replace('^', "%5E")
                .replace('`', "%60")
                .replace('{', "%7B")
                .replace('|', "%7C")
                .replace('}', "%7D")
                + "%7F%FF"
        );
    }
}
