//! Templates between request and answer.

use ::http::HeaderValue;
use bytes::Bytes;

use super::template::{Piece, Template, into_header_value};
use super::variable::{Known, Variable};
use super::{Request, Scope, Trace};

/// A template that has taken what it needs of the request, which may then go, and awaits the answer.
#[derive(Debug)]
pub struct Bound(Box<[Part]>);

#[derive(Debug)]
enum Part {
    Known(Bytes),
    /// The servers tried.
    UpstreamAddr,
}

impl Template {
    pub fn bind(&self, request: &Request) -> Bound {
        let scope = Scope::from(request);
        let bind = |piece: &Piece| match piece {
            Piece::Literal(text) => Part::Known(text.clone()),
            Piece::Variable(Variable::Known(Known::UpstreamAddr)) => Part::UpstreamAddr,
            Piece::Variable(variable) => {
                let mut value = Vec::new();
                scope.write(variable, &mut value);
                Part::Known(value.into())
            }
        };
        Bound(self.pieces().iter().map(bind).collect())
    }
}

impl Bound {
    /// The text as a field's value, by the rules of [`Template::render_header`].
    pub fn render_header(&self, trace: &Trace) -> HeaderValue {
        let mut upstream = Vec::new();
        trace.upstream.write_addresses(&mut upstream);
        let parts: Vec<&[u8]> = self.0.iter().map(|part| part.bytes(&upstream)).collect();
        into_header_value(&parts.concat().into())
    }
}

impl Part {
    fn bytes<'a>(&'a self, upstream: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Known(text) => text,
            Self::UpstreamAddr => upstream,
        }
    }
}
