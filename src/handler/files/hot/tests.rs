use bytes::Bytes;
use proptest::prelude::*;

use super::super::description::Description;
use super::super::representation::Content;
use super::*;
use crate::http::MediaTypes;

/// A state of some length: no two files of different length are the same.
fn state(length: u64) -> State {
    let file = tempfile::tempfile().unwrap();
    file.set_len(length).unwrap();
    State::from(&file.metadata().unwrap())
}

fn file(path: &[u8], state: &State) -> Rc<Representation> {
    let bytes = Bytes::from(vec![b'x'; usize::try_from(state.length).unwrap()]);
    Rc::new(Representation::plain(path, Content::Memory(bytes), *state, &description()))
}

fn open_file(path: &[u8], state: &State) -> Rc<Representation> {
    let content = Content::from(tempfile::tempfile().unwrap());
    Rc::new(Representation::plain(path, content, *state, &description()))
}

fn description() -> Description {
    let types = MediaTypes::default();
    Description { types, auto_cache: false, is_private: false, precompressed: false, compress: None }
}

fn cache(entries: usize, bytes: usize) -> (HotFiles, Space) {
    let hot = HotFiles::new(Limits { entries, bytes, open: 2 });
    let space = hot.space();
    (hot, space)
}

fn keep(hot: &HotFiles, space: Space, path: &[u8], length: u64, now: Instant) -> State {
    let state = state(length);
    hot.keep(space, path, now, file(path, &state));
    state
}

#[test]
fn a_file_is_trusted_for_a_second_and_then_looked_at_again() {
    let (hot, space) = cache(8, 1 << 20);
    let start = Instant::now();
    let state = keep(&hot, space, b"a", 10, start);
    assert!(hot.fresh(space, b"a", start + Duration::from_millis(999)).is_some());
    let later = start + TRUSTED;
    assert!(hot.fresh(space, b"a", later).is_none());
    assert!(hot.renew(space, b"a", state, later).is_some());
    assert!(hot.fresh(space, b"a", later).is_some());
}

#[test]
fn a_changed_file_is_not_renewed() {
    let (hot, space) = cache(8, 1 << 20);
    let now = Instant::now();
    keep(&hot, space, b"a", 10, now);
    assert!(hot.renew(space, b"a", state(11), now).is_none());
}

#[test]
fn what_one_location_may_read_another_may_not() {
    let (hot, one) = cache(8, 1 << 20);
    let now = Instant::now();
    keep(&hot, one, b"a", 10, now);
    assert!(hot.fresh(hot.space(), b"a", now).is_none());
}

#[test]
fn few_files_are_kept_open_and_those_in_memory_stay() {
    let (hot, space) = cache(8, 1 << 20);
    let now = Instant::now();
    keep(&hot, space, b"small", 10, now);
    for name in [b"1", b"2", b"3"] {
        hot.keep(space, name, now, open_file(name, &state(100_000)));
    }
    let kept = |name: &[u8]| hot.fresh(space, name, now).is_some();
    assert_eq!([kept(b"1"), kept(b"2"), kept(b"3")], [false, true, true]);
    assert!(kept(b"small"));
    assert_eq!(hot.0.borrow().open, 2);
}

#[test]
fn files_that_nobody_asks_for_are_closed_after_a_minute() {
    let (hot, space) = cache(8, 1 << 20);
    let start = Instant::now();
    keep(&hot, space, b"small", 10, start);
    hot.keep(space, b"1", start, open_file(b"1", &state(100_000)));
    hot.close_idle(start + IDLE.mul_f32(0.99));
    assert!(hot.known(space, b"1").is_some());
    hot.close_idle(start + IDLE);
    assert!(hot.known(space, b"1").is_none() && hot.known(space, b"small").is_some());
    assert_eq!(hot.0.borrow().open, 0);
}

#[test]
fn forgotten_files_are_gone_and_their_room_is_used_again() {
    let (hot, space) = cache(8, 1 << 20);
    let now = Instant::now();
    keep(&hot, space, b"a", 10, now);
    hot.forget(space, b"a");
    assert!(hot.fresh(space, b"a", now).is_none());
    assert_eq!(hot.0.borrow().bytes, 0);
    keep(&hot, space, b"b", 10, now);
    assert_eq!(hot.0.borrow().slots.len(), 1);
}

#[test]
fn keeping_a_path_again_replaces_it() {
    let (hot, space) = cache(8, 1 << 20);
    let now = Instant::now();
    keep(&hot, space, b"a", 10, now);
    keep(&hot, space, b"a", 20, now);
    assert_eq!(hot.fresh(space, b"a", now).unwrap().length, 20);
    assert_eq!(hot.0.borrow().len(), 1);
}

#[test]
fn wanted_files_outlive_a_scan() {
    let (hot, space) = cache(4, 1 << 20);
    let now = Instant::now();
    keep(&hot, space, b"hot", 10, now);
    for n in 0..100_u32 {
        assert!(hot.fresh(space, b"hot", now).is_some(), "evicted by file {n}");
        keep(&hot, space, &n.to_be_bytes(), 10, now);
    }
}

#[test]
fn a_file_larger_than_the_whole_cache_is_not_kept() {
    let (hot, space) = cache(4, OVERHEAD + 100);
    let now = Instant::now();
    keep(&hot, space, b"small", 10, now);
    keep(&hot, space, b"large", 1000, now);
    assert!(hot.fresh(space, b"large", now).is_none());
    assert!(hot.fresh(space, b"small", now).is_some());
    let (off, space) = cache(0, 1 << 20);
    keep(&off, space, b"small", 10, now);
    assert!(off.fresh(space, b"small", now).is_none());
}

proptest! {
    #[test]
    fn eviction_keeps_within_bounds_and_the_books_straight(
        steps in prop::collection::vec((0_u8..4, 0_u8..24, 0_u64..4000), 1..200)
    ) {
        let limits = Limits { entries: 6, bytes: 12_000, open: 2 };
        let (hot, space) = cache(limits.entries, limits.bytes);
        let now = Instant::now();
        let states: Vec<State> = vec![state(0), state(700), state(2500), state(3999)];
        for (step, path, length) in steps {
            let state = states[usize::try_from(length % 4).unwrap()];
            match step {
                0 => hot.keep(space, &[path], now, file(&[path], &state)),
                1 => hot.forget(space, &[path]),
                2 => hot.keep(space, &[path], now, open_file(&[path], &state)),
                _ => drop(hot.fresh(space, &[path], now)),
            }
            let cache = hot.0.borrow();
            let kept: Vec<&Kept> = cache.slots.iter().flatten().collect();
            prop_assert!(kept.len() <= limits.entries && cache.bytes <= limits.bytes);
            prop_assert_eq!(kept.len(), cache.len());
            prop_assert_eq!(kept.len(), cache.spaces[0].len());
            let open = kept.iter().filter(|kept| kept.file.is_open()).count();
            prop_assert!(open <= limits.open && open == cache.open);
            prop_assert_eq!(kept.iter().map(|kept| kept.cost()).sum::<usize>(), cache.bytes);
        }
    }
}
