//! The fields of a head or of a trailer section, in the order they came.

use std::sync::Arc;

use ::http::{HeaderName, HeaderValue};
use bytes::{Bytes, BytesMut};

use super::wire;

type Field = (HeaderName, HeaderValue);

/// Header or trailer fields.
///
/// A list, since what passes through here has a dozen of them, is looked into a few times, and is then
/// written out again: comparing names costs less than hashing them, nothing can be made to collide,
/// and a proxy keeps the order. Their number is limited where they are parsed.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// The first of them, where many messages begin with the same.
    common: Option<Arc<Common>>,
    own: Vec<Field>,
}

/// Fields that do not change, with their lines as they are sent.
#[derive(Debug)]
struct Common {
    fields: Vec<Field>,
    lines: Bytes,
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "names come as constants and as references, both in few words"
)]
impl Fields {
    pub const fn new() -> Self {
        Self { common: None, own: Vec::new() }
    }

    pub fn with_capacity(count: usize) -> Self {
        Self { common: None, own: Vec::with_capacity(count) }
    }

    /// The same, to be cloned often and added to: their lines are made once. Taking one out or replacing one
    /// undoes that for the clone.
    #[must_use]
    pub fn into_common(self) -> Self {
        let mut lines = BytesMut::new();
        wire::fields::write(&mut lines, &self, |_| false);
        let fields = self.into_list().collect();
        Self { common: Some(Arc::new(Common { fields, lines: lines.freeze() })), own: Vec::new() }
    }

    /// Those with their lines ready, and the lines.
    pub(super) fn prepared(&self) -> (&[Field], &[u8]) {
        self.common.as_ref().map_or((&[], &[]), |common| (&common.fields, &common.lines))
    }

    /// Those behind them.
    pub(super) fn unprepared(&self) -> &[Field] {
        &self.own
    }

    pub fn len(&self) -> usize {
        self.prepared().0.len() + self.own.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first value of that name.
    pub fn get<N>(&self, name: N) -> Option<&HeaderValue>
    where
        HeaderName: PartialEq<N>,
    {
        self.iter().find(|(known, _)| **known == name).map(|(_, value)| value)
    }

    /// The values of that name, line by line.
    pub fn get_all<N>(&self, name: N) -> impl DoubleEndedIterator<Item = &HeaderValue>
    where
        HeaderName: PartialEq<N>,
    {
        self.iter().filter(move |(known, _)| **known == name).map(|(_, value)| value)
    }

    /// The value of a field that is there exactly once: who sends two means to be misread.
    pub fn get_single<N>(&self, name: N) -> Option<&HeaderValue>
    where
        HeaderName: PartialEq<N>,
    {
        let mut values = self.get_all(name);
        values.next().filter(|_| values.next().is_none())
    }

    pub fn contains_key<N>(&self, name: N) -> bool
    where
        HeaderName: PartialEq<N>,
    {
        self.get(name).is_some()
    }

    pub fn append(&mut self, name: impl Into<HeaderName>, value: HeaderValue) {
        self.own.push((name.into(), value));
    }

    /// Has one value of that name instead of whatever was there.
    pub fn insert(&mut self, name: impl Into<HeaderName>, value: HeaderValue) {
        let name = name.into();
        self.remove(&name);
        self.own.push((name, value));
    }

    pub fn remove<N>(&mut self, name: N)
    where
        HeaderName: PartialEq<N>,
    {
        self.retain(|known| *known != name);
    }

    pub fn retain(&mut self, keep: impl Fn(&HeaderName) -> bool) {
        if !self.prepared().0.iter().all(|(name, _)| keep(name)) {
            self.own = std::mem::take(self).into_list().collect();
        }
        self.own.retain(|(name, _)| keep(name));
    }

    /// Of each line, so that a name that is there twice comes twice.
    pub fn keys(&self) -> impl Iterator<Item = &HeaderName> {
        self.iter().map(|(name, _)| name)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&HeaderName, &HeaderValue)> {
        self.prepared().0.iter().chain(&self.own).map(|(name, value)| (name, value))
    }

    fn into_list(mut self) -> impl Iterator<Item = Field> {
        let common = self.common.take();
        let common = common.into_iter().flat_map(|common| common.fields.clone());
        common.chain(self.own)
    }
}

/// What they say counts, not how they are kept.
impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Fields {}

impl FromIterator<(HeaderName, HeaderValue)> for Fields {
    fn from_iter<I: IntoIterator<Item = (HeaderName, HeaderValue)>>(fields: I) -> Self {
        Self { common: None, own: fields.into_iter().collect() }
    }
}

/// Where a test fails if the field is not there.
#[cfg(test)]
impl std::ops::Index<&str> for Fields {
    type Output = HeaderValue;

    fn index(&self, name: &str) -> &HeaderValue {
        self.get(name).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use ::http::header::{ACCEPT, COOKIE, SET_COOKIE};

    use super::*;

    fn fields() -> Fields {
        let value = HeaderValue::from_static;
        [(SET_COOKIE, value("a")), (ACCEPT, value("b")), (SET_COOKIE, value("c"))].into_iter().collect()
    }

    #[test]
    fn lines_of_one_name_keep_their_order() {
        let fields = fields();
        assert_eq!(fields.get(SET_COOKIE).unwrap(), "a");
        assert_eq!(fields.get_all("set-cookie").collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(fields.keys().map(HeaderName::as_str).collect::<String>(), "set-cookieacceptset-cookie");
    }

    #[test]
    fn a_field_inserted_is_the_only_one_of_its_name() {
        let mut fields = fields();
        fields.insert(SET_COOKIE, HeaderValue::from_static("d"));
        assert_eq!(fields.get_all(SET_COOKIE).collect::<Vec<_>>(), ["d"]);
        assert_eq!(fields.len(), 2);
    }

    #[test]
    fn a_single_value_is_one_line() {
        let fields = fields();
        assert_eq!(fields.get_single(ACCEPT).unwrap(), "b");
        assert!(fields.get_single(SET_COOKIE).is_none() && fields.get_single(COOKIE).is_none());
    }

    #[test]
    fn all_lines_of_a_name_are_removed() {
        let mut fields = fields();
        fields.remove(SET_COOKIE);
        assert_eq!(fields.keys().collect::<Vec<_>>(), [ACCEPT]);
    }

    #[test]
    fn common_fields_are_like_others_and_come_first() {
        let mut clone = fields().into_common();
        assert_eq!(clone, fields());
        clone.append(COOKIE, HeaderValue::from_static("e"));
        assert_eq!(clone.keys().last(), Some(&COOKIE));
        assert_eq!((clone.len(), clone.prepared().0.len()), (4, 3));
    }

    #[test]
    fn taking_out_a_common_field_leaves_the_others_and_their_order() {
        let common = fields().into_common();
        let mut clone = common.clone();
        clone.remove(ACCEPT);
        assert_eq!(clone.get_all(SET_COOKIE).collect::<Vec<_>>(), ["a", "c"]);
        assert!(clone.prepared().0.is_empty() && !clone.contains_key(ACCEPT));
        assert_eq!(common, fields(), "others still have it");
    }
}
