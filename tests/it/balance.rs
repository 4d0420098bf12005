//! Which of several servers answers: the choice is the whole process's, whichever event loop makes it.

use std::collections::HashMap;

use crate::support::{Origin, Proxy};

/// Origins that answer with their own index.
fn origins(count: usize) -> Vec<Origin> {
    (0..count).map(|index| Origin::ok(&index.to_string())).collect()
}

/// Two event loops before these servers.
fn balanced(servers: &str, more: &str) -> Proxy {
    Proxy::config(&format!(
        "[server]\nworkers = 2\n[log]\naccess = \"stdout\"\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n[upstream.app]\nservers = [{servers}]\n{more}\n"
    ))
    .start()
}

/// How many of `count` requests, each on a connection of its own, each server answered.
fn answers(proxy: &Proxy, count: usize) -> HashMap<String, usize> {
    let mut answers = HashMap::new();
    for _ in 0..count {
        *answers.entry(proxy.get("/").text().to_owned()).or_default() += 1;
    }
    answers
}

#[test]
fn each_server_answers_by_its_weight() {
    let [a, b, c] = &origins(3)[..] else { panic!("three were made") };
    let proxy = balanced(
        &format!(
            "{{ address = \"{}\", weight = 5 }}, \"{}\", {{ address = \"{}\", weight = 2 }}",
            a.address(),
            b.address(),
            c.address()
        ),
        "",
    );
    let answers = answers(&proxy, 16);
    assert_eq!([answers["0"], answers["1"], answers["2"]], [10, 2, 4]);
}

#[test]
fn a_backup_answers_only_when_the_others_cannot_be_reached() {
    let mut origins = origins(2);
    let proxy = balanced(
        &format!("{{ address = \"{}\", backup = true }}, \"{}\"", origins[0].address(), origins[1].address()),
        "",
    );
    assert_eq!(answers(&proxy, 6), HashMap::from([("1".to_owned(), 6)]));
    drop(origins.remove(1));
    assert_eq!(answers(&proxy, 6), HashMap::from([("0".to_owned(), 6)]));
}
