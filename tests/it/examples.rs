use std::process::Command;

use crate::support::repository;

#[test]
fn every_example_passes_the_check() {
    let examples: Vec<_> = std::fs::read_dir(repository("conf"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .chain([repository("packaging/rproxy.toml")])
        .collect();
    assert!(examples.len() >= 5, "only {examples:?}");
    for example in examples {
        let run =
            Command::new(env!("CARGO_BIN_EXE_rproxy")).args(["check", "-c"]).arg(&example).output().unwrap();
        let report = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(0), "{}:\n{report}", example.display());
    }
}
