fn main() {
    for a in std::env::args().skip(1) {
        match rproxy::config::load(a.as_ref()) {
            Ok(l) => {
                eprint!("{}", l.warnings.render(false));
                eprintln!("{}", rproxy::config::summary(&l.config));
                print!("{}", rproxy::config::print(&l.config));
            }
            Err(r) => eprint!("{}", r.render(false)),
        }
    }
}
