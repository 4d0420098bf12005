//! Sets of statuses.

use ::http::StatusCode;

/// A set of statuses from 400 to 599.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statuses([u64; 4]);

impl Statuses {
    pub const NONE: Self = Self([0; 4]);
    const FIRST: u16 = 400;

    #[must_use]
    pub fn with(mut self, status: u16) -> Self {
        if let Some((word, bit)) = Self::place(status)
            && let Some(word) = self.0.get_mut(word)
        {
            *word |= bit;
        }
        self
    }

    pub fn contains(&self, status: StatusCode) -> bool {
        self.has(status.as_u16())
    }

    /// Its members in ascending order.
    pub fn iter(self) -> impl Iterator<Item = u16> {
        (Self::FIRST..Self::FIRST + 200).filter(move |status| self.has(*status))
    }

    fn has(&self, status: u16) -> bool {
        Self::place(status).is_some_and(|(word, bit)| self.0.get(word).is_some_and(|word| word & bit != 0))
    }

    fn place(status: u16) -> Option<(usize, u64)> {
        let index = usize::from(status.checked_sub(Self::FIRST)?);
        Some((index / 64, 1 << (index % 64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_in_the_set_they_were_put_in() {
        let set = [400, 463, 464, 503, 599].into_iter().fold(Statuses::default(), Statuses::with);
        let found: Vec<u16> = (100..1000)
            .filter(|status| StatusCode::from_u16(*status).is_ok_and(|status| set.contains(status)))
            .collect();
        assert_eq!(found, [400, 463, 464, 503, 599]);
        assert!(set.iter().eq(found));
        assert_eq!(Statuses::default().with(200), Statuses::default());
    }
}
