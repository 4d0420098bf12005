//! What is asked.

use std::net::{IpAddr, Ipv4Addr};

use ::http::{HeaderName, HeaderValue, Method};

use crate::config::model::Test;
use crate::http::Url;
use crate::http::url::parse_method;

/// A request that somebody wants to know the fate of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub method: Method,
    pub url: Url,
    /// Besides Host, which the URL says.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Who asks.
    pub peer: IpAddr,
}

impl Question {
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: Vec::new(), peer: Ipv4Addr::LOCALHOST.into() }
    }

    /// What a command line asks: a URL, or a method and a URL, and fields as in a request.
    ///
    /// # Errors
    /// What cannot be asked, and what to write.
    pub fn read(words: &[String], headers: &[String], peer: IpAddr) -> Result<Self, String> {
        let (method, url) = match words {
            [url] => (Method::GET, url),
            [method, url] => (parse_method(method)?, url),
            _ => {
                return Err(
                    "what is asked for is a URL, with a method in front of it if that is not GET".into()
                );
            }
        };
        let mut question = Self { peer, ..Self::new(method, url.parse()?) };
        for header in headers {
            question.add_header(header)?;
        }
        Ok(question)
    }

    /// Adds a field that is written as in a request: `Name: value`.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub fn add_header(&mut self, text: &str) -> Result<(), String> {
        let (name, value) = text.split_once(':').ok_or_else(|| {
            format!("`{text}` is not a header field; write it as in a request, like \"Accept: text/html\"")
        })?;
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("`{name}` is not the name of a header field"))?;
        let value = HeaderValue::from_bytes(value.trim().as_bytes())
            .map_err(|_| format!("`{}` is not the value of a header field", value.trim().escape_debug()))?;
        match name.as_str() {
            "host" => Err("the host is that of the URL; leave `Host` out".into()),
            "transfer-encoding" => {
                Err("no body is sent; `Content-Length: 1000` says how long it would be".into())
            }
            _ => {
                self.headers.push((name, value));
                Ok(())
            }
        }
    }

    /// As it is sent to `host`.
    pub(super) fn head(&self, host: &[u8]) -> Vec<u8> {
        let mut head =
            [self.method.as_str().as_bytes(), b" ", &self.url.target, b" HTTP/1.1\r\nHost: ", host].concat();
        for (name, value) in &self.headers {
            head.extend_from_slice(b"\r\n");
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value.as_bytes());
        }
        head.extend_from_slice(b"\r\n\r\n");
        head
    }
}

impl From<&Test> for Question {
    fn from(test: &Test) -> Self {
        let mut question = Self::new(test.method.clone(), test.url.clone());
        question.headers.clone_from(&test.headers);
        question.peer = test.peer.unwrap_or(question.peer);
        question
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_sent_as_it_is_written() {
        let mut question = Question::new(Method::POST, "http://Example.com:81/a%2f?b".parse().unwrap());
        question.add_header("Content-Length: 5").unwrap();
        question.add_header("X-Empty:").unwrap();
        let head = String::from_utf8(question.head(b"Example.com:81")).unwrap();
        assert_eq!(
            head,
            "POST /a%2f?b HTTP/1.1\r\nHost: Example.com:81\r\ncontent-length: 5\r\nx-empty: \r\n\r\n"
        );
    }

    #[test]
    fn fields_that_cannot_be_sent_are_refused() {
        let mut question = Question::new(Method::GET, "/".parse().unwrap());
        for (text, expected) in [
            ("Accept", "\"Accept: text/html\""),
            ("a b: c", "`a b` is not the name"),
            ("A: b\r\nC: d", "is not the value"),
            ("Host: a", "that of the URL"),
            ("Transfer-Encoding: chunked", "Content-Length"),
        ] {
            let message = question.add_header(text).unwrap_err();
            assert!(message.contains(expected), "{text}: {message}");
        }
        assert_eq!(question.headers, []);
    }
}
