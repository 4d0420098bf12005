//! Targets by the million, most of them meant to climb: none resolves to anything outside its directory.
//!
//! Ten million come with every run of the tests, which takes two cores some fifteen seconds. For more:
//! `RPROXY_PATHS=1000000000 cargo test --lib random_paths -- --nocapture`

use std::time::Instant;

use super::resolve::{Relative, Strip};
use crate::http::Target;

const PATHS: u64 = 10_000_000;

/// What ways out are spelled with.
const PIECES: &[&str] = &[
    "/",
    "/",
    "/",
    "..",
    "..",
    ".",
    "%2e",
    "%2E%2e",
    "%2f",
    "%5c",
    "\\",
    "%252e",
    "%c0%ae",
    "%00",
    "%",
    ";",
    "?",
    "a",
    "bc",
    "static",
    "~",
    "%20",
    "//",
    "/../",
    "/./",
    "%2e%2e%2f",
    "%ef%bc%8f",
    "é",
    ".git",
    ".well-known",
    "%61",
];

/// Marsaglia's xorshift: fast, and the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// What became of some of them.
#[derive(Debug, Default)]
struct Tally {
    refused: u64,
    nowhere: u64,
    inside: u64,
}

#[test]
fn no_random_path_leads_outside() {
    let paths = std::env::var("RPROXY_PATHS").map_or(PATHS, |count| count.parse().unwrap());
    let begun = Instant::now();
    let tallies = std::thread::scope(|scope| {
        let threads = [1, 2].map(|seed| scope.spawn(move || resolve(seed, paths / 2)));
        threads.map(|thread| thread.join().unwrap())
    });
    println!("{paths} paths in {:?}: {tallies:?}", begun.elapsed());
    // Each way of ending is common, so none of them went untested.
    for tally in tallies {
        assert!(
            [tally.refused, tally.nowhere, tally.inside].iter().all(|count| *count > paths / 200),
            "{tally:?}"
        );
    }
}

fn resolve(seed: u64, paths: u64) -> Tally {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut tally = Tally::default();
    for _ in 0..paths {
        let mut raw = String::from("/");
        for _ in 0..random.below(9) {
            raw.push_str(PIECES[random.below(PIECES.len())]);
        }
        let Ok(target) = Target::parse(raw.clone().into()) else {
            tally.refused += 1;
            continue;
        };
        let strip = [Strip::Nothing, Strip::Prefix, Strip::Parent][random.below(3)];
        let matched = random.below(target.path.len() + 1);
        match Relative::resolve(&target.path, matched, strip) {
            None => tally.nowhere += 1,
            Some(relative) => {
                assert!(is_inside(&relative.path), "{raw:?} as {strip:?} of {matched} leads to {relative:?}");
                tally.inside += 1;
            }
        }
    }
    tally
}

/// Judged by the standard library, which knows nothing of how it came about.
fn is_inside(path: &[u8]) -> bool {
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Component, Path};
    let path = Path::new(std::ffi::OsStr::from_bytes(path));
    let plain = path.components().enumerate().all(|(at, component)| match component {
        Component::Normal(name) => !name.as_bytes().starts_with(b".") || (at == 0 && name == ".well-known"),
        _ => false,
    });
    plain && !path.as_os_str().as_bytes().contains(&0)
}
