use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::support::django::{cookies, form_token, prepared};
use crate::support::venv::output;
use crate::support::{Client, Gunicorn, Proxy, Request, Response, Transport, over_tcp_and_unix, repository};

over_tcp_and_unix! {
    admin_login_works_with_its_csrf_protection,
    a_form_without_its_token_is_refused,
    collected_static_files_come_from_disk,
    an_upload_of_50_mib_arrives_unchanged,
    a_chunked_upload_of_50_mib_arrives_unchanged,
    a_streamed_answer_arrives_in_pieces,
    django_knows_scheme_host_and_url,
    claims_of_the_client_have_no_effect,
}

/// A Django project of its own on one sync worker, with rproxy in front.
struct Site {
    proxy: Proxy,
    data: TempDir,
    _gunicorn: Gunicorn,
}

impl Site {
    fn start(transport: Transport) -> Self {
        let project = repository("tests/apps/django_site");
        let prepared = prepared();
        let data = TempDir::new().unwrap();
        fs::copy(prepared.join("db.sqlite3"), data.path().join("db.sqlite3")).unwrap();
        std::os::unix::fs::symlink(prepared.join("static"), data.path().join("static")).unwrap();
        let gunicorn = Gunicorn::serving("project.wsgi", &project, "sync", transport)
            .env("SITE_DATA", data.path())
            .start();
        let proxy = Proxy::site(&format!(
            "[[site.location]]\nmatch = \"/static/\"\nfiles = \"{}\"\n\n\
             [[site.location]]\nmatch = \"/\"\nproxy = \"django\"\n\n\
             [upstream.django]\nservers = [\"{}\"]\n",
            prepared.join("static").display(),
            gunicorn.address(),
        ));
        Self { proxy: proxy.start(), data, _gunicorn: gunicorn }
    }

    /// With the Host that a browser would send.
    fn host(&self) -> String {
        self.proxy.addr().to_string()
    }

    fn get(&self, path: &str) -> Response {
        self.proxy.send(&Request::get(path).header("Host", &self.host()))
    }

    fn post_form(&self, path: &str, cookies: &str, fields: &str) -> Response {
        let request = Request::post(path, fields)
            .header("Host", &self.host())
            .header("Origin", &format!("http://{}", self.host()))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Cookie", cookies);
        self.proxy.send(&request)
    }
}

fn admin_login_works_with_its_csrf_protection(transport: Transport) {
    let site = Site::start(transport);
    let form = site.get("/admin/login/?next=/admin/");
    let fields =
        format!("csrfmiddlewaretoken={}&username=admin&password=open+sesame&next=/admin/", form_token(&form));
    let login = site.post_form("/admin/login/", &cookies(&form), &fields);
    assert_eq!((login.status, login.header("location")), (302, Some("/admin/")), "{}", login.text());
    let session = cookies(&login);
    let admin =
        site.proxy.send(&Request::get("/admin/").header("Host", &site.host()).header("Cookie", &session));
    assert!(admin.text().contains("Site administration"), "{}", admin.text());
}

fn a_form_without_its_token_is_refused(transport: Transport) {
    let site = Site::start(transport);
    let form = site.get("/form/");
    let with = format!("csrfmiddlewaretoken={}&name=Ada", form_token(&form));
    assert_eq!(site.post_form("/form/", &cookies(&form), &with).text(), "Thank you, Ada.");
    assert_eq!(site.post_form("/form/", &cookies(&form), "name=Mallory").status, 403);
}

fn collected_static_files_come_from_disk(transport: Transport) {
    let site = Site::start(transport);
    let login = site.get("/admin/login/");
    let link = regex::Regex::new(r#"href="(/static/admin/css/base\.[0-9a-f]+\.css)""#).unwrap();
    let path = &link.captures(login.text()).expect("a style sheet with a hash in its name")[1];
    let css = site.get(path);
    assert_eq!(css.status, 200);
    assert!(css.header("content-type").unwrap().starts_with("text/css"));
    let on_disk = site.data.path().join(path.trim_start_matches('/'));
    assert_eq!(css.body, fs::read(on_disk).unwrap());
}

/// The bytes 0 to 250 over and over. In Python: `(bytes(range(251)) * size)[:size]`.
fn pattern(size: usize) -> Vec<u8> {
    (0..=250).cycle().take(size).collect()
}

const SIZE: usize = 50 * 1024 * 1024;
const SHA256: &str = "3a7aef326b898081e6fb7b9599db2618b4f5e5301b64078f0f4e1f5382f634b9";

fn an_upload_of_50_mib_arrives_unchanged(transport: Transport) {
    let site = Site::start(transport);
    let answer = site.proxy.send(&Request::post("/upload/", pattern(SIZE)));
    assert_eq!((answer.json("bytes"), answer.json("sha256")), (SIZE.to_string().as_str(), SHA256));
}

/// Django reads nothing of a body without Content-Length: it gets one.
fn a_chunked_upload_of_50_mib_arrives_unchanged(transport: Transport) {
    let site = Site::start(transport);
    let mut client = site.proxy.connect();
    client.send("POST /upload/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    for chunk in pattern(SIZE).chunks(1_000_000) {
        client.send(format!("{:x}\r\n", chunk.len())).send(chunk).send("\r\n");
    }
    let answer = client.send("0\r\n\r\n").response();
    assert_eq!((answer.json("bytes"), answer.json("sha256")), (SIZE.to_string().as_str(), SHA256));
}

fn a_streamed_answer_arrives_in_pieces(transport: Transport) {
    let site = Site::start(transport);
    let go = site.data.path().join("go");
    output(Command::new("mkfifo").arg(&go));
    let mut client = site.proxy.connect();
    client.send(Request::get("/stream/").bytes());
    assert_eq!(client.head().header("transfer-encoding"), Some("chunked"));
    assert_eq!(client.chunk().unwrap(), b"first\n");
    // Only now may the worker go on: had anything waited for the whole answer, nothing would have come.
    fs::write(go, "on").unwrap();
    assert_eq!(client.chunk().unwrap(), b"second\n");
    assert_eq!(client.chunk(), None);
}

fn django_knows_scheme_host_and_url(transport: Transport) {
    let site = Site::start(transport);
    let host = format!("shop.example:{}", site.proxy.addr().port());
    let mut client = Client::connect_from("127.0.0.7", site.proxy.addr());
    let seen = client.exchange(&Request::get("/whoami/?q=a%20b&r=%C3%BC").header("Host", &host));
    assert_eq!(seen.json("scheme"), "http");
    assert_eq!(seen.json("host"), host);
    assert_eq!(seen.json("uri"), format!("http://{host}/whoami/?q=a%20b&r=%C3%BC"));
    assert_eq!(seen.json("forwarded_for"), "127.0.0.7");
    // gunicorn tells of its own peer: rproxy, which has an address on TCP only.
    assert_eq!(seen.json("remote_addr"), if transport == Transport::Tcp { "127.0.0.1" } else { "" });
}

fn claims_of_the_client_have_no_effect(transport: Transport) {
    let site = Site::start(transport);
    let honest = Request::get("/whoami/");
    let forged = honest
        .clone()
        .header("X-Forwarded-For", "6.6.6.6")
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Ssl", "on")
        .header("X-Forwarded-Protocol", "ssl")
        .header("X-Forwarded-Host", "evil.example")
        .header("X-Forwarded-Port", "666")
        .header("X_Forwarded_For", "6.6.6.6")
        .header("X-Real-IP", "6.6.6.6")
        .header("Forwarded", "for=6.6.6.6;proto=https;host=evil.example")
        .header("Script-Name", "/evil")
        .header("Script_Name", "/evil");
    assert_eq!(site.proxy.send(&forged).text(), site.proxy.send(&honest).text());
}
