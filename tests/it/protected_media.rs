use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::support::django::{cookies, form_token, prepared};
use crate::support::{Gunicorn, Proxy, Request, Response, Transport, over_tcp_and_unix, repository};

over_tcp_and_unix! {
    django_gives_a_file_to_those_who_are_logged_in,
    django_has_files_of_any_name_sent,
    django_has_parts_and_known_files_sent_as_from_disk,
    django_keeps_what_it_says_of_a_download,
    flask_gives_a_file_to_its_members,
    flask_has_files_of_any_name_sent,
    flask_has_parts_and_known_files_sent_as_from_disk,
    flask_keeps_what_it_says_of_a_download,
    flask_may_not_send_what_lies_elsewhere,
    small_and_large_files_cost_no_connection_error,
}

const CONTENT: &str = "0123456789";

/// Names as they are on disk, and as a client asks for them.
const NAMES: &[(&str, &str)] = &[
    ("report.txt", "report.txt"),
    ("deep/er/b.txt", "deep/er/b.txt"),
    ("Jahresbericht für 100% aller Gäste.txt", "Jahresbericht%20f%C3%BCr%20100%25%20aller%20G%C3%A4ste.txt"),
    ("a%20b;c&d=e+f.txt", "a%2520b;c&d=e+f.txt"),
    ("\"quoted\" #1?.txt", "%22quoted%22%20%231%3F.txt"),
];

/// An application whose files rproxy sends.
struct Site {
    proxy: Proxy,
    /// Of somebody who may have them.
    cookies: String,
    _gunicorn: Gunicorn,
    _data: TempDir,
}

impl Site {
    fn get(&self, path: &str) -> Response {
        self.send(Request::get(path))
    }

    /// By somebody who may.
    fn send(&self, request: Request) -> Response {
        self.proxy.send(&request.header("Cookie", &self.cookies))
    }
}

fn media(data: &Path) {
    for (name, _) in NAMES {
        let path = data.join("media").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, CONTENT).unwrap();
    }
    fs::write(data.join("media/large.bin"), vec![b'x'; 1 << 20]).unwrap();
}

fn django(transport: Transport) -> Site {
    let data = TempDir::new().unwrap();
    media(data.path());
    let prepared = prepared();
    fs::copy(prepared.join("db.sqlite3"), data.path().join("db.sqlite3")).unwrap();
    std::os::unix::fs::symlink(prepared.join("static"), data.path().join("static")).unwrap();
    let gunicorn =
        Gunicorn::serving("project.wsgi", &repository("tests/apps/django_site"), "sync", transport)
            .env("SITE_DATA", data.path())
            .start();
    let proxy = front(&gunicorn, data.path());
    let cookies = log_in(&proxy);
    Site { proxy, cookies, _gunicorn: gunicorn, _data: data }
}

fn flask(transport: Transport) -> Site {
    let data = TempDir::new().unwrap();
    media(data.path());
    let gunicorn =
        Gunicorn::serving("media:app", &repository("tests/apps/flask_media"), "gthread", transport)
            .arg("--threads=4")
            .env("MEDIA", data.path().join("media"))
            .start();
    let proxy = front(&gunicorn, data.path());
    Site { proxy, cookies: "member=yes".into(), _gunicorn: gunicorn, _data: data }
}

/// What the README shows for either.
fn front(gunicorn: &Gunicorn, data: &Path) -> Proxy {
    Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/protected/\"\nfiles = \"{}\"\ninternal = true\n\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\n[upstream.app]\nservers = [\"{}\"]\n",
        data.join("media").display(),
        gunicorn.address()
    ))
    .start()
}

fn log_in(proxy: &Proxy) -> String {
    let form = proxy.get("/admin/login/");
    let fields =
        format!("csrfmiddlewaretoken={}&username=admin&password=open+sesame&next=/admin/", form_token(&form));
    let request = Request::post("/admin/login/", fields)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("Cookie", &cookies(&form));
    let login = proxy.send(&request);
    assert_eq!(login.status, 302, "{}", login.text());
    cookies(&login)
}

fn assert_is_file(response: &Response, what: &str) {
    assert_eq!((response.status, response.text()), (200, CONTENT), "{what}");
    assert_eq!(response.header("content-length"), Some("10"), "{what}");
}

/// There is no other way to a file than by the application.
fn assert_hidden(site: &Site) {
    for path in [
        "/protected/report.txt",
        "//protected/report.txt",
        "/protected//report.txt",
        "/./protected/report.txt",
        "/download/../protected/report.txt",
        "/download/%2e%2e/protected/report.txt",
        "/%70rotected/report.txt",
        "/protected%2freport.txt",
        "/%2fprotected/report.txt",
        "/protected/report.txt?x",
    ] {
        let response = site.get(path);
        assert_eq!(response.status, 404, "{path}");
        assert!(!response.text().contains(CONTENT), "{path}");
    }
}

fn assert_any_name(site: &Site) {
    for (name, asked) in NAMES {
        assert_is_file(&site.get(&format!("/download/{asked}")), name);
    }
    assert_eq!(site.get("/download/missing.txt").status, 404);
}

fn assert_parts(site: &Site) {
    let path = "/download/report.txt";
    let whole = site.get(path);
    let etag = whole.header("etag").unwrap();
    let part = site.send(Request::get(path).header("Range", "bytes=2-4"));
    assert_eq!((part.status, part.text()), (206, "234"));
    assert_eq!(part.header_values("content-range"), ["bytes 2-4/10"]);
    let same = site.send(Request::get(path).header("Range", "bytes=2-4").header("If-Range", etag));
    assert_eq!((same.status, same.text()), (206, "234"));
    let other = site.send(Request::get(path).header("Range", "bytes=2-4").header("If-Range", "\"other\""));
    assert_is_file(&other, "If-Range of another version");
    let known = site.send(Request::get(path).header("If-None-Match", etag));
    assert_eq!((known.status, known.header("etag"), known.body.len()), (304, Some(etag), 0));
    assert_eq!(site.send(Request::get(path).header("Range", "bytes=10-")).status, 416);
    let head = site.send(Request::new("HEAD", path));
    assert_eq!((head.status, head.header("content-length")), (200, Some("10")));
    assert_is_file(&site.send(Request::post(path, "why=audit")), "after a POST");
}

fn django_gives_a_file_to_those_who_are_logged_in(transport: Transport) {
    let site = django(transport);
    let stranger = site.proxy.get("/download/report.txt");
    assert_eq!(
        (stranger.status, stranger.header("location")),
        (302, Some("/admin/login/?next=/download/report.txt"))
    );
    assert_is_file(&site.get("/download/report.txt"), "a file");
    assert_hidden(&site);
}

fn django_has_files_of_any_name_sent(transport: Transport) {
    assert_any_name(&django(transport));
}

fn django_has_parts_and_known_files_sent_as_from_disk(transport: Transport) {
    assert_parts(&django(transport));
}

fn django_keeps_what_it_says_of_a_download(transport: Transport) {
    let site = django(transport);
    let response = site.get("/download/Jahresbericht%20f%C3%BCr%20100%25%20aller%20G%C3%A4ste.txt");
    assert_eq!(
        response.header("content-disposition"),
        Some(
            "attachment; filename=\"Jahresbericht fur 100% aller Gaste.txt\"; \
             filename*=UTF-8''Jahresbericht%20f%C3%BCr%20100%25%20aller%20G%C3%A4ste.txt"
        )
    );
    assert_eq!(response.header("set-cookie"), Some("downloaded=yes; Path=/"));
    assert_eq!(response.header("content-type"), Some("text/plain"));
    assert_eq!(response.header("x-frame-options"), Some("DENY"));
    assert_eq!(response.header("vary"), Some("Cookie"));
    assert_eq!(response.header("x-accel-redirect"), None);
}

fn flask_gives_a_file_to_its_members(transport: Transport) {
    let site = flask(transport);
    assert_eq!(site.proxy.get("/download/report.txt").status, 403);
    assert_is_file(&site.get("/download/report.txt"), "a file");
    assert_hidden(&site);
}

fn flask_has_files_of_any_name_sent(transport: Transport) {
    assert_any_name(&flask(transport));
}

fn flask_has_parts_and_known_files_sent_as_from_disk(transport: Transport) {
    assert_parts(&flask(transport));
}

fn flask_keeps_what_it_says_of_a_download(transport: Transport) {
    let site = flask(transport);
    let response = site.get("/download/report.txt");
    assert_eq!(response.header("content-disposition"), Some("attachment; filename=report.txt"));
    assert_eq!(response.header("set-cookie"), Some("downloaded=yes; Path=/"));
    assert_eq!(response.header("cache-control"), Some("no-cache"));
    let view = site.get("/view/report.txt");
    assert_eq!(view.header("content-type"), Some("application/x-ours"));
    assert_eq!(view.header("cache-control"), Some("public, max-age=60"));
    assert_eq!(view.header("x-sendfile"), None);
}

fn flask_may_not_send_what_lies_elsewhere(transport: Transport) {
    let site = flask(transport);
    assert_eq!(site.get("/outside").status, 502);
    let line = site.proxy.wait_for_log("sendfile-outside");
    assert!(line.contains("X-Sendfile \"/etc/hostname\""), "{line}");
}

/// Both announce the length of the file with an empty body of their own.
fn small_and_large_files_cost_no_connection_error(transport: Transport) {
    for site in [django(transport), flask(transport)] {
        let mut client = site.proxy.connect();
        for _ in 0..20 {
            for (path, length) in [("/download/report.txt", 10), ("/download/large.bin", 1 << 20)] {
                let response = client.exchange(&Request::get(path).header("Cookie", &site.cookies));
                assert_eq!((response.status, response.body.len()), (200, length), "{path}");
            }
        }
        let log = site.proxy.log.all();
        assert!(!log.iter().any(|line| line.contains("ERROR") || line.contains("WARN")), "{log:#?}");
    }
}
