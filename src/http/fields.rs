//! The fields of a head or of a trailer section, in the order they came.

use ::http::{HeaderName, HeaderValue};

/// Header or trailer fields.
///
/// A list, since what passes through here has a dozen of them, is looked into a few times, and is then
/// written out again: comparing names costs less than hashing them, nothing can be made to collide,
/// and a proxy keeps the order. Their number is limited where they are parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(HeaderName, HeaderValue)>);

#[expect(
    clippy::needless_pass_by_value,
    reason = "names come as constants and as references, both in few words"
)]
impl Fields {
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    pub fn with_capacity(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first value of that name.
    pub fn get<N>(&self, name: N) -> Option<&HeaderValue>
    where
        HeaderName: PartialEq<N>,
    {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The values of that name, line by line.
    pub fn get_all<N>(&self, name: N) -> impl DoubleEndedIterator<Item = &HeaderValue>
    where
        HeaderName: PartialEq<N>,
    {
        self.0.iter().filter(move |(known, _)| *known == name).map(|(_, value)| value)
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
        self.0.push((name.into(), value));
    }

    /// Has one value of that name instead of whatever was there.
    pub fn insert(&mut self, name: impl Into<HeaderName>, value: HeaderValue) {
        let name = name.into();
        self.remove(&name);
        self.0.push((name, value));
    }

    pub fn remove<N>(&mut self, name: N)
    where
        HeaderName: PartialEq<N>,
    {
        self.0.retain(|(known, _)| *known != name);
    }

    pub fn retain(&mut self, keep: impl Fn(&HeaderName) -> bool) {
        self.0.retain(|(name, _)| keep(name));
    }

    /// Of each line, so that a name that is there twice comes twice.
    pub fn keys(&self) -> impl Iterator<Item = &HeaderName> {
        self.0.iter().map(|(name, _)| name)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

impl FromIterator<(HeaderName, HeaderValue)> for Fields {
    fn from_iter<I: IntoIterator<Item = (HeaderName, HeaderValue)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
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
}
