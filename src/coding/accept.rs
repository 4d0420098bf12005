//! Accept-Encoding (RFC 9110 12.5.3): what a client can decode, and how much it likes that.

use ::http::header::ACCEPT_ENCODING;

use super::Coding;
use crate::http::Fields;

/// In thousandths, as many digits as a weight may have (RFC 9110 12.4.2).
type Weight = u16;

const MOST: Weight = 1000;

/// The codings a client accepts. Without the field, or with nothing in it, that is none: it may accept any,
/// but who can decode says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    zstd: Option<Weight>,
    brotli: Option<Weight>,
    gzip: Option<Weight>,
    identity: Option<Weight>,
    /// `*`, for what is not named.
    others: Option<Weight>,
}

impl Accepted {
    /// Reads all lines of the field; members that cannot be read are as if they were not there.
    pub fn of(headers: &Fields) -> Self {
        let mut accepted = Self::default();
        for line in headers.get_all(ACCEPT_ENCODING) {
            for member in line.as_bytes().split(|byte| *byte == b',') {
                accepted.take(member);
            }
        }
        accepted
    }

    /// The coding of those `offered` that the client likes best; of equals the one offered first. None means
    /// identity, which also answers a client that refuses everything: it is more likely to cope with that
    /// than with a 406.
    pub fn choose(&self, offered: &[Coding]) -> Option<Coding> {
        let mut best = None;
        let mut highest = self.identity.unwrap_or(0).max(1);
        for coding in offered {
            let weight = self.weight(*coding);
            if weight > highest || (weight == highest && best.is_none()) {
                (best, highest) = (Some(*coding), weight);
            }
        }
        best
    }

    /// A repeated name counts with its lowest weight: a refusal is to be heard.
    fn take(&mut self, member: &[u8]) {
        let Some((name, weight)) = member_of(member) else { return };
        let slot = match Coding::from_token(name) {
            Some(coding) => self.slot(coding),
            None if name.eq_ignore_ascii_case(b"identity") => &mut self.identity,
            None if name == b"*" => &mut self.others,
            None => return,
        };
        *slot = Some(slot.map_or(weight, |known| known.min(weight)));
    }

    fn slot(&mut self, coding: Coding) -> &mut Option<Weight> {
        match coding {
            Coding::Zstd => &mut self.zstd,
            Coding::Brotli => &mut self.brotli,
            Coding::Gzip => &mut self.gzip,
        }
    }

    fn weight(&self, coding: Coding) -> Weight {
        let named = match coding {
            Coding::Zstd => self.zstd,
            Coding::Brotli => self.brotli,
            Coding::Gzip => self.gzip,
        };
        named.or(self.others).unwrap_or(0)
    }
}

/// Name and weight of one member.
fn member_of(member: &[u8]) -> Option<(&[u8], Weight)> {
    let mut parts = member.splitn(2, |byte| *byte == b';');
    let name = parts.next()?.trim_ascii();
    let Some(parameter) = parts.next() else { return Some((name, MOST)) };
    let mut sides = parameter.splitn(2, |byte| *byte == b'=');
    let is_weight = sides.next()?.trim_ascii().eq_ignore_ascii_case(b"q");
    let weight = weight_of(sides.next()?.trim_ascii())?;
    is_weight.then_some((name, weight))
}

/// `0` to `1` with up to three decimals (RFC 9110 12.4.2).
fn weight_of(text: &[u8]) -> Option<Weight> {
    let (whole, decimals) = match text {
        [whole] => (whole, &[][..]),
        [whole, b'.', decimals @ ..] if decimals.len() <= 3 => (whole, decimals),
        _ => return None,
    };
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| Weight::from(byte - b'0'));
    let mut weight = digit(whole)?;
    for place in 0..3 {
        weight = weight * 10 + decimals.get(place).map_or(Some(0), digit)?;
    }
    (weight <= MOST).then_some(weight)
}

#[cfg(test)]
mod tests;
