//! The Accept field (RFC 9110 12.5.1): what a client would rather have.

use ::http::header;

use super::Fields;

/// How much a media type is wanted: the weight decides, then how exactly it was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// In thousandths, never none.
    weight: u16,
    pub named: Named,
}

/// By which range a media type is covered. The most exact one has its say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// `*/*`
    Any,
    /// `text/*`
    Kind,
    /// `text/html`
    Exactly,
}

/// Whether a program asks, to which JSON says more than a page. Clients that name JSON and take anything
/// else as well, as axios does, want JSON; those that name both the same get the page.
pub fn prefers_json(headers: &Fields) -> bool {
    wanted(headers, b"application/json") > wanted(headers, b"text/html")
}

/// `None` is for what the client does not take, and for all there is when it does not say.
pub(super) fn wanted(headers: &Fields, media_type: &[u8]) -> Option<Wanted> {
    let covering = members(headers).filter_map(|member| {
        let (range, weight) = read(member)?;
        Some((covers(range, media_type)?, weight))
    });
    covering.max().filter(|(_, weight)| *weight > 0).map(|(named, weight)| Wanted { weight, named })
}

/// Whether the client leaves it to us: no field, or one that lists nothing.
pub(super) fn is_silent(headers: &Fields) -> bool {
    members(headers).next().is_none()
}

fn members(headers: &Fields) -> impl Iterator<Item = &[u8]> {
    let values = headers.get_all(header::ACCEPT);
    let members = values.flat_map(|value| value.as_bytes().split(outside_quotes(b',')));
    members.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

/// A range and its weight. Other parameters are read past: who wants `text/html;level=1` wants HTML.
/// `None` is a member that is written wrongly, which says nothing.
fn read(member: &[u8]) -> Option<(&[u8], u16)> {
    let mut parts = member.split(outside_quotes(b';')).map(<[u8]>::trim_ascii);
    let range = parts.next()?;
    let weight = parts.find_map(|part| part.strip_prefix(b"q=").or_else(|| part.strip_prefix(b"Q=")));
    Some((range, weight.map_or(Some(1000), thousandths)?))
}

/// RFC 9110 12.4.2: up to three decimals between 0 and 1.
fn thousandths(text: &[u8]) -> Option<u16> {
    let (whole, decimals) = match text {
        [whole] => (whole, &[][..]),
        [whole, b'.', decimals @ ..] if decimals.len() <= 3 => (whole, decimals),
        _ => return None,
    };
    if !decimals.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let places = decimals.iter().zip([100, 10, 1]);
    let below_one = places.map(|(digit, place)| u16::from(digit - b'0') * place).sum();
    match whole {
        b'0' => Some(below_one),
        b'1' if below_one == 0 => Some(1000),
        _ => None,
    }
}

fn covers(range: &[u8], media_type: &[u8]) -> Option<Named> {
    if range.eq_ignore_ascii_case(media_type) {
        return Some(Named::Exactly);
    }
    if range == b"*/*" {
        return Some(Named::Any);
    }
    let kind = range.strip_suffix(b"/*")?;
    let wanted = media_type.split(|byte| *byte == b'/').next()?;
    kind.eq_ignore_ascii_case(wanted).then_some(Named::Kind)
}

/// Finds a separator that stands in no quoted string, as long as it is asked byte by byte.
fn outside_quotes(separator: u8) -> impl FnMut(&u8) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    move |byte| {
        let is_escaped = std::mem::take(&mut escaped);
        match byte {
            b'"' if !is_escaped => quoted = !quoted,
            b'\\' if quoted && !is_escaped => escaped = true,
            _ => {}
        }
        !quoted && *byte == separator
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::request_with;
    use super::*;

    fn accept(value: &str) -> Fields {
        request_with("/", &[("accept", value)]).headers
    }

    #[test]
    fn json_is_for_who_wants_it_more_than_a_page() {
        for (value, expected) in [
            ("application/json", true),
            ("APPLICATION/JSON", true),
            ("application/json;charset=utf-8", true),
            ("application/json, */*;q=0.5", true),
            ("application/json, text/plain, */*", true),
            ("application/*, text/html;q=0.9", true),
            ("text/html;q=0.8, application/json;q=0.9", true),
            ("text/html;q=0, */*;q=0.1", true),
            ("application/json;q=0.001", true),
            ("application/json;x=\",;q=0\"", true),
            ("application/json, text/html", false),
            ("text/html, application/json;q=0.9", false),
            ("text/html;q=0.9, application/json;q=0.8", false),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", false),
            ("application/json;q=0", false),
            ("application/json;q=0, */*", false),
            ("application/json;q=2, text/html;q=0.1", false),
            ("application/json;q=0.5, application/*;q=1, text/*;q=0.7", false),
            ("*/*", false),
            ("image/*", false),
            ("text/plain", false),
            ("json", false),
            ("", false),
            (",,;,", false),
        ] {
            assert_eq!(prefers_json(&accept(value)), expected, "{value}");
        }
        assert!(!prefers_json(&Fields::new()));
    }

    #[test]
    fn lines_are_read_as_one_list() {
        let fields = [("accept", "text/html;q=0.5"), ("accept", "application/json;q=0.6")];
        assert!(prefers_json(&request_with("/", &fields).headers));
    }

    #[test]
    fn silence_is_no_field_or_an_empty_one() {
        assert!(is_silent(&Fields::new()) && is_silent(&accept(" , ")));
        assert!(!is_silent(&accept("x")));
    }

    #[test]
    fn weights_have_three_decimals_at_most() {
        for (text, expected) in [
            ("0", Some(0)),
            ("0.", Some(0)),
            ("0.5", Some(500)),
            ("0.05", Some(50)),
            ("0.999", Some(999)),
            ("1", Some(1000)),
            ("1.000", Some(1000)),
            ("1.001", None),
            ("2", None),
            ("0.1234", None),
            (".5", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(thousandths(text.as_bytes()), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_field_is_taken(value in "[ -~]{0,40}") {
            let fields = accept(&value);
            prop_assert!(!(prefers_json(&fields) && is_silent(&fields)));
        }
    }
}
