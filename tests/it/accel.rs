//! What applications say to their front server: `X-Accel-Redirect`, `X-Sendfile` and their kin.

use std::os::unix::fs::symlink;

use crate::support::proxy::Builder;
use crate::support::{Origin, Proxy, Request, Response, Transport};

/// Files that only an application gives out at `/protected/`, others by name, and the application.
fn site(app: &Origin) -> Builder {
    Proxy::config(&format!(
        "[server]\nworkers = 1\n\
         [log]\nlevel = \"debug\"\naccess_format = \"$status $request <$upstream_addr> <$upstream_status> $cause\"\n\
         [[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/protected/\"\nfiles = \"media\"\ninternal = true\n\
         headers.response = {{ set = {{ X-Location = \"media\" }} }}\n\
         [[site.location]]\nmatch = \"@spare\"\nfiles = \"spare\"\n\
         [[site.location]]\nmatch = \"= /circle\"\nproxy = \"app\"\ninternal = true\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\
         headers.response = {{ set = {{ X-Location = \"app\" }} }}\n\
         [upstream.app]\nservers = [\"{}\"]\n",
        app.address()
    ))
    .file("media/a.txt", "0123456789")
    .file("media/sub/b.txt", "b")
    .file("media/ü %20.txt", "umlaut")
    .file("spare/app/x", "spare")
    .file("secret.txt", "secret")
}

/// An application that answers everything with these fields and no body.
fn saying(fields: &str) -> Origin {
    Origin::answering(format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{fields}\r\n"))
}

fn got(fields: &str, request: &Request) -> Response {
    site(&saying(fields)).start().send(request)
}

fn status_and_text(response: &Response) -> (u16, &str) {
    (response.status, response.text())
}

#[test]
fn a_redirect_has_the_file_sent_in_the_applications_stead() {
    let response = got("X-Accel-Redirect: /protected/a.txt\r\n", &Request::get("/download"));
    assert_eq!(status_and_text(&response), (200, "0123456789"));
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(response.header("content-length"), Some("10"));
    // Of the location that answers, as with `try`.
    assert_eq!(response.header("x-location"), Some("media"));
}

#[test]
fn nothing_of_what_it_said_to_us_reaches_the_client() {
    let said = "X-Accel-Redirect: /protected/a.txt\r\nX-Accel-Buffering: yes\r\nX-Accel-Expires: 5\r\n\
                X-Accel-Charset: utf-8\r\nX-Accel-Limit-Rate: 0\r\nX-Accel-New: 1\r\nX-Sendfile: /etc/passwd\r\n";
    let without = said.split_once("\r\n").unwrap().1.replace("X-Sendfile: /etc/passwd\r\n", "");
    for fields in [said, &without] {
        let response = got(fields, &Request::get("/"));
        assert_eq!(response.status, 200);
        let leaked = response.headers.iter().any(|(name, _)| {
            name.to_ascii_lowercase().starts_with("x-accel") || name.eq_ignore_ascii_case("x-sendfile")
        });
        assert!(!leaked, "{response:?}");
    }
}

#[test]
fn what_the_client_asks_of_the_file_counts() {
    let app =
        saying("X-Accel-Redirect: /protected/a.txt\r\nETag: \"theirs\"\r\nContent-Type: application/x\r\n");
    let proxy = site(&app).start();
    let whole = proxy.get("/");
    let etag = whole.header("etag").unwrap();
    assert_ne!(etag, "\"theirs\"");
    let part = proxy.send(&Request::get("/").header("Range", "bytes=2-4").header("If-Range", etag));
    assert_eq!(status_and_text(&part), (206, "234"));
    assert_eq!(part.header("content-type"), Some("application/x"));
    assert_eq!(part.header("content-range"), Some("bytes 2-4/10"));
    let known = proxy.send(&Request::get("/").header("If-None-Match", etag));
    assert_eq!((known.status, known.header("content-type"), known.header("etag")), (304, None, Some(etag)));
    let beyond = proxy.send(&Request::get("/").header("Range", "bytes=99-"));
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some("bytes */10")));
    let head = proxy.send(&Request::new("HEAD", "/"));
    assert_eq!((head.status, head.header("content-length")), (200, Some("10")));
}

#[test]
fn several_parts_keep_the_type_that_tells_them_apart() {
    let app = saying("X-Accel-Redirect: /protected/long.txt\r\nContent-Type: application/x\r\n");
    let proxy = site(&app).file("media/long.txt", "0123456789".repeat(100)).start();
    let parts = proxy.send(&Request::get("/").header("Range", "bytes=0-1,500-502"));
    assert_eq!(parts.status, 206);
    let content_type = parts.header("content-type").unwrap();
    assert!(content_type.starts_with("multipart/byteranges; boundary="), "{content_type}");
    assert!(parts.text().contains("bytes 500-502/1000\r\n\r\n012"), "{}", parts.text());
}

#[test]
fn it_works_after_a_post_whose_body_is_not_the_files_business() {
    let app = saying("X-Accel-Redirect: /protected/a.txt\r\n");
    let proxy = site(&app).start();
    let mut client = proxy.connect();
    for method in ["POST", "PUT", "DELETE"] {
        let request = Request::new(method, "/").body("what to send").header("Content-Type", "text/x");
        assert_eq!(status_and_text(&client.exchange(&request)), (200, "0123456789"), "{method}");
    }
    assert_eq!(app.requests()[0].body, b"what to send");
}

#[test]
fn names_beyond_ascii_come_in_every_spelling() {
    for value in ["/protected/%C3%BC%20%2520.txt", "/protected/ü %2520.txt"] {
        let response = got(&format!("X-Accel-Redirect: {value}\r\n"), &Request::get("/"));
        assert_eq!(status_and_text(&response), (200, "umlaut"), "{value}");
    }
    let latin =
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Accel-Redirect: /protected/\xfc%20%2520.txt\r\n\r\n";
    let app = Origin::answering(latin);
    let response = site(&app).start().get("/");
    assert_eq!(status_and_text(&response), (200, "umlaut"));
}

#[test]
fn a_name_leads_to_a_named_location_with_the_same_path() {
    let response = got("X-Accel-Redirect: @spare\r\n", &Request::get("/app/x?y"));
    assert_eq!(status_and_text(&response), (200, "spare"));
}

#[test]
fn what_the_application_says_stands_on_the_file() {
    let said = "X-Accel-Redirect: /protected/a.txt\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\
                Content-Disposition: attachment; filename=x\r\nCache-Control: private\r\n\
                Content-Security-Policy: sandbox\r\nContent-Encoding: gzip\r\nX-Accel-Charset: koi8-r\r\n\
                Content-Type: text/csv\r\n";
    let response = got(said, &Request::get("/"));
    assert_eq!(response.header_values("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(response.header("content-disposition"), Some("attachment; filename=x"));
    assert_eq!(response.header("cache-control"), Some("private"));
    assert_eq!(response.header("content-security-policy"), Some("sandbox"));
    assert_eq!(response.header("content-type"), Some("text/csv; charset=koi8-r"));
    assert_eq!((response.header("content-encoding"), response.text()), (None, "0123456789"));
}

#[test]
fn its_word_on_expiry_is_the_clients() {
    let said = "X-Accel-Redirect: /protected/a.txt\r\nX-Accel-Expires: 3600\r\n";
    assert_eq!(got(said, &Request::get("/")).header("cache-control"), Some("private, max-age=3600"));
    // Of an answer that it gives itself it is for nginx's cache.
    assert_eq!(got("X-Accel-Expires: 3600\r\n", &Request::get("/")).header("cache-control"), None);
}

/// As in nginx the file decides on the status, whatever the application said with it.
#[test]
fn the_status_is_the_files() {
    for status in ["201 Created", "403 Forbidden", "500 Oops", "304 Not Modified"] {
        let answer =
            format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nX-Accel-Redirect: /protected/a.txt\r\n\r\n");
        let response = site(&Origin::answering(answer)).start().get("/");
        assert_eq!(status_and_text(&response), (200, "0123456789"), "{status}");
    }
}

#[test]
fn an_internal_location_is_not_there_for_those_outside() {
    let proxy = site(&Origin::ok("app")).start();
    for path in [
        "/protected/a.txt",
        "//protected/a.txt",
        "/./protected/a.txt",
        "/x/../protected/a.txt",
        "/%70rotected/a.txt",
        "/protected%2fa.txt",
        "/protected//a.txt",
        "/protected/sub/../a.txt",
        "/protected/",
        "/protected/nothing",
    ] {
        let response = proxy.get(path);
        assert_eq!((response.status, response.header("x-location")), (404, None), "{path}");
        assert!(response.text().starts_with("404 Not Found: there is nothing here"), "{path}");
    }
}

#[test]
fn what_a_client_says_to_us_is_nobodys_business() {
    // The application sends back the head it was sent.
    let app = Origin::echo();
    let proxy = site(&app).start();
    let asked = Request::get("/")
        .header("X-Accel-Redirect", "/protected/a.txt")
        .header("X-Sendfile", "/etc/passwd")
        .header("X-Accel-Mapping", "/=/protected/")
        .header("X-Sendfile-Type", "X-Accel-Redirect");
    let response = proxy.send(&asked);
    assert_eq!(response.status, 200);
    let seen = response.text().to_ascii_lowercase();
    assert!(!seen.contains("x-accel") && !seen.contains("x-sendfile"), "{seen}");
}

#[test]
fn another_sites_internal_location_is_out_of_reach() {
    let app = Origin::new(Transport::Tcp, |peer| {
        while let Some(request) = peer.request() {
            let said = request.header("x-said").unwrap();
            peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{said}\r\n\r\n"));
        }
    });
    let proxy = Proxy::config(&format!(
        "[[site]]\nlisten = [\"127.0.0.1:0\"]\nhosts = [\"ours.test\"]\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n\
         [[site]]\nlisten = [\"127.0.0.1:0\"]\nhosts = [\"theirs.test\"]\n\
         [[site.location]]\nmatch = \"/theirs/\"\nfiles = \"theirs\"\ninternal = true\n\
         [[site.location]]\nmatch = \"@theirs\"\nfiles = \"theirs\"\n",
        app.address()
    ))
    .file("theirs/a.txt", "theirs");
    let on_disk = proxy.dir().join("theirs/a.txt");
    let proxy = proxy.start();
    for (said, status) in [
        ("X-Accel-Redirect: @theirs".to_owned(), 404),
        (format!("X-Sendfile: {}", on_disk.display()), 502),
        // There it is matched by the application's own location, and so goes in a circle.
        ("X-Accel-Redirect: /theirs/a.txt".to_owned(), 500),
    ] {
        let request = Request::get("/").header("Host", "ours.test").header("X-Said", &said);
        let response = proxy.send(&request);
        assert_eq!(response.status, status, "{said}");
        assert!(!response.text().contains("theirs"), "{said}");
    }
}

#[test]
fn a_target_that_leads_nowhere_is_told_to_the_operator() {
    for said in [
        "X-Accel-Redirect: /protected/missing.txt",
        "X-Accel-Redirect: /protected/sub",
        "X-Accel-Redirect: /protected/../secret.txt",
        "X-Accel-Redirect: /protected/%zz",
        "X-Accel-Redirect: http://elsewhere.test/",
        "X-Accel-Redirect: @nobody",
        "X-Accel-Redirect:",
    ] {
        let app = saying(&format!("{said}\r\nSet-Cookie: a=1\r\nContent-Type: image/png\r\n"));
        let proxy = site(&app).start();
        let response = proxy.get("/x");
        assert_eq!((response.status, response.header("location")), (404, None), "{said}");
        assert_eq!(response.header("set-cookie"), Some("a=1"));
        assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
        let line = proxy.wait_for_log("cause=\"accel-target-missing\"");
        let value = said.split_once(':').unwrap().1.trim();
        assert!(line.contains("ERROR") && line.contains("site.toml:"), "{line}");
        assert!(line.contains(&format!("X-Accel-Redirect \"{value}\"")), "{line}");
        proxy.wait_for_access(&format!("404 GET /x HTTP/1.1 <{}", "127.0.0.1"));
    }
}

#[test]
fn a_file_that_may_not_be_sent_is_told_with_who_wanted_it() {
    let app = saying("X-Accel-Redirect: /protected/out\r\n");
    let builder = site(&app);
    symlink("../secret.txt", builder.dir().join("media/out")).unwrap();
    let proxy = builder.start();
    assert_eq!(proxy.get("/").status, 403);
    let line = proxy.wait_for_log("cause=\"forbidden\"");
    assert!(line.contains("X-Accel-Redirect \"/protected/out\""), "{line}");
}

#[test]
fn applications_that_lead_in_a_circle_are_stopped() {
    let app = saying("X-Accel-Redirect: /circle\r\n");
    let proxy = site(&app).start();
    assert_eq!(proxy.get("/").status, 500);
    let line = proxy.wait_for_log("cause=\"routing-loop\"");
    assert!(line.contains("X-Accel-Redirect \"/circle\""), "{line}");
    assert_eq!(app.requests().len(), 10);
}

#[test]
fn the_log_has_the_application_that_sent_the_file() {
    let app = saying("X-Accel-Redirect: /protected/a.txt\r\n");
    let proxy = site(&app).start();
    proxy.get("/paid");
    proxy.wait_for_access(&format!("200 GET /paid HTTP/1.1 <{}> <200> -", app.address()));
}

#[test]
fn another_application_is_told_nothing_of_the_first() {
    let (first, second) =
        (saying("X-Accel-Redirect: /second/%C3%BC%20x?a=b\r\nSet-Cookie: a=1\r\n"), Origin::echo());
    let proxy = Proxy::config(&format!(
        "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n[log]\naccess_format = \"$upstream_addr $upstream_status\"\n\
         [[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n\
         headers.request = {{ set = {{ Authorization = \"secret\", Host = \"first.test\" }}, remove = [\"Range\"] }}\n\
         [[site.location]]\nmatch = \"/second/\"\nproxy = \"http://{}\"\ninternal = true\n",
        first.address(),
        second.address()
    ))
    .start();
    let request = Request::post("/", "body")
        .header("X-Forwarded-For", "192.0.2.1")
        .header("Authorization", "mine")
        .header("Range", "bytes=0-1");
    let response = proxy.send(&request);
    assert_eq!((response.status, response.header("set-cookie")), (200, Some("a=1")));
    let told = first.wait_for_request(1);
    assert_eq!((told.header("authorization"), told.header("host")), (Some("secret"), Some("first.test")));
    assert_eq!(told.header("range"), None);
    let seen = second.wait_for_request(1);
    assert_eq!(seen.request_line(), "GET /second/%C3%BC%20x?a=b HTTP/1.1");
    assert_eq!((seen.header("authorization"), seen.header("host")), (Some("mine"), Some("localhost")));
    assert_eq!(seen.header("x-forwarded-for"), Some("192.0.2.1, 127.0.0.1"));
    assert_eq!((seen.header("range"), seen.header("content-length")), (Some("bytes=0-1"), None));
    proxy.wait_for_access(&format!("{} : {} 200 : 200", first.address(), second.address()));
}

#[test]
fn the_log_has_both_when_the_client_leaves_the_second() {
    let (first, second) = (saying("X-Accel-Redirect: /second\r\n"), Origin::hanging());
    let proxy = Proxy::config(&format!(
        "[log]\naccess_format = \"$status $upstream_addr <$upstream_status>\"\n\
         [[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n\
         [[site.location]]\nmatch = \"/second\"\nproxy = \"http://{}\"\n",
        first.address(),
        second.address()
    ))
    .start();
    let mut client = proxy.connect();
    client.send(Request::get("/").bytes());
    second.wait_for_request(1);
    drop(client);
    proxy.wait_for_access(&format!("499 {} : {} <200 : ->", first.address(), second.address()));
}

/// werkzeug announces the length of the file, and sends nothing.
#[test]
fn a_body_that_never_comes_is_not_waited_for() {
    let app = Origin::new(Transport::Tcp, |peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX-Accel-Redirect: /protected/a.txt\r\n\r\n");
        peer.wait_for_close();
    });
    let proxy = site(&app).start();
    assert_eq!(status_and_text(&proxy.get("/")), (200, "0123456789"));
    proxy.wait_for_access("200 GET / HTTP/1.1");
    assert_eq!(app.connections(), 1);
}

/// As gunicorn's sync workers do: what was announced does not come, and the connection ends.
#[test]
fn a_body_that_breaks_off_is_no_failure_when_nobody_wants_it() {
    let app = Origin::new(Transport::Tcp, |peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX-Accel-Redirect: /protected/a.txt\r\n\r\n");
    });
    let proxy = site(&app).start();
    for _ in 0..3 {
        assert_eq!(status_and_text(&proxy.get("/")), (200, "0123456789"));
    }
    assert_eq!(app.requests().len(), 3);
}

#[test]
fn a_large_body_that_is_not_sent_ends_its_connection() {
    let app = Origin::new(Transport::Tcp, |peer| {
        peer.request();
        peer.send(
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\nX-Accel-Redirect: /protected/a.txt\r\n\r\n",
        );
        peer.wait_for_close();
        peer.record(crate::support::origin::Received { head: "closed".into(), body: vec![], connection: 0 });
    });
    let proxy = site(&app).start();
    assert_eq!(status_and_text(&proxy.get("/")), (200, "0123456789"));
    assert_eq!(app.wait_for_request(2).head, "closed");
}

/// A site whose application sends files by their path on disk.
fn disk(path: &str) -> (Builder, Origin) {
    let app = Origin::new(Transport::Tcp, |peer| {
        while let Some(request) = peer.request() {
            let path = request.header("x-path").unwrap();
            peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Sendfile: {path}\r\n\r\n"));
        }
    });
    let builder = Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/m/\"\nfiles = \"{path}\"\ninternal = true\n\
         [[site.location]]\nmatch = \"@deep\"\nfiles = \"{path}/deep\"\ninternal = true\n\
         headers.response = {{ set = {{ X-Location = \"deep\" }} }}\n\
         [[site.location]]\nmatch = \"/open/\"\nfiles = \"open\"\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n",
        app.address()
    ));
    (builder, app)
}

fn send(proxy: &Proxy, path: &str) -> Response {
    proxy.send(&Request::get("/").header("X-Path", path))
}

#[test]
fn a_path_on_disk_is_served_by_the_internal_location_nearest_above() {
    let (builder, _app) = disk("media");
    let proxy = builder
        .file("media/a b%20.txt", "a")
        .file("media/deep/c.txt", "c")
        .file("media/deeper/d.txt", "d")
        .start();
    let media = proxy.dir().join("media").display().to_string();
    assert_eq!(status_and_text(&send(&proxy, &format!("{media}/a b%20.txt"))), (200, "a"));
    let deep = send(&proxy, &format!("{media}/deep/c.txt"));
    assert_eq!((deep.text(), deep.header("x-location")), ("c", Some("deep")));
    let deeper = send(&proxy, &format!("{media}//deeper/./d.txt"));
    assert_eq!((deeper.text(), deeper.header("x-location")), ("d", None));
    let part = proxy.send(
        &Request::get("/").header("X-Path", &format!("{media}/deep/c.txt")).header("Range", "bytes=0-0"),
    );
    assert_eq!((part.status, part.header("content-range")), (206, Some("bytes 0-0/1")));
}

#[test]
fn a_path_on_disk_outside_of_them_is_refused_and_told() {
    let (builder, _app) = disk("media");
    let proxy = builder.file("open/o.txt", "open").file("media2/x", "x").file("media/a", "a").start();
    let dir = proxy.dir().display().to_string();
    for path in [
        "/etc/passwd",
        "media/a",
        &format!("{dir}/open/o.txt"),
        &format!("{dir}/media2/x"),
        &format!("{dir}/media/../secret"),
        &format!("{dir}/media"),
        "/",
    ] {
        assert_eq!(send(&proxy, path).status, 502, "{path}");
        let line = proxy.log.wait_for_line(|line| line.contains(&format!("X-Sendfile \"{path}\"")));
        let line = line.expect("a line that names the path");
        assert!(line.contains("sendfile-outside") && line.contains("internal = true"), "{line}");
    }
    assert_eq!(send(&proxy, &format!("{dir}/media/missing")).status, 404);
    proxy.wait_for_log("accel-target-missing");
}

#[test]
fn a_directory_for_each_host_gives_out_its_own_only() {
    let app = Origin::new(Transport::Tcp, |peer| {
        while let Some(request) = peer.request() {
            let path = request.header("x-path").unwrap();
            peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Sendfile: {path}\r\n\r\n"));
        }
    });
    let proxy = Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/m/\"\nfiles = \"sites/$host/media\"\ninternal = true\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n",
        app.address()
    ))
    .file("sites/a.test/media/x", "of a")
    .file("sites/b.test/media/x", "of b")
    .start();
    let asked = |host: &str, of: &str| {
        let path = proxy.dir().join(format!("sites/{of}/media/x")).display().to_string();
        proxy.send(&Request::get("/").header("Host", host).header("X-Path", &path))
    };
    assert_eq!(status_and_text(&asked("a.test", "a.test")), (200, "of a"));
    assert_eq!(status_and_text(&asked("b.test", "b.test")), (200, "of b"));
    assert_eq!(asked("a.test", "b.test").status, 502);
}

#[test]
fn links_in_a_path_on_disk_obey_the_location() {
    let (builder, _app) = disk("media");
    let builder = builder.file("media/a", "a").file("secret", "secret");
    symlink("../secret", builder.dir().join("media/out")).unwrap();
    let proxy = builder.start();
    assert_eq!(send(&proxy, &proxy.dir().join("media/out").display().to_string()).status, 403);
}

/// `Path(__file__).resolve()` in an application's settings, where the configuration says `current`.
#[test]
fn a_directory_may_be_named_by_either_end_of_a_link() {
    let (builder, _app) = disk("current");
    let builder = builder.file("release/a", "a");
    symlink("release", builder.dir().join("current")).unwrap();
    let proxy = builder.start();
    for name in ["current", "release"] {
        let path = proxy.dir().canonicalize().unwrap().join(name).join("a");
        assert_eq!(status_and_text(&send(&proxy, &path.display().to_string())), (200, "a"), "{name}");
    }
}

#[test]
fn try_reaches_internal_locations() {
    let proxy = Proxy::site(
        "[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\ntry = [\"$uri\", \"/hidden/page.html\"]\n\
         [[site.location]]\nmatch = \"/hidden/\"\nfiles = \"hidden\"\ninternal = true\n\
         [[site.location]]\nmatch = \"/named/\"\nfiles = \"www\"\ntry = [\"$uri\", \"@named\"]\n\
         [[site.location]]\nmatch = \"@named\"\nrespond = { status = 200, body = \"named\" }\ninternal = true\n",
    )
    .directory("www")
    .file("hidden/page.html", "hidden")
    .start();
    assert_eq!(status_and_text(&proxy.get("/nothing")), (200, "hidden"));
    assert_eq!(status_and_text(&proxy.get("/named/nothing")), (200, "named"));
    assert_eq!(proxy.get("/hidden/page.html").status, 404);
}

#[test]
fn a_stranger_among_servers_has_nothing_sent() {
    for fields in
        ["X-Accel-Redirect: /protected/a.txt\r\n", "X-Sendfile: /etc/hostname\r\nX-Accel-Limit-Rate: 1\r\n"]
    {
        let origin = Origin::answering(format!("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n{fields}\r\nown"));
        let proxy = Proxy::site(&format!(
            "[[site.location]]\nmatch = \"/protected/\"\nfiles = \"media\"\ninternal = true\n\
             [[site.location]]\nmatch = \"/\"\nproxy = \"app\"\naccel = false\n\
             [upstream.app]\nservers = [\"{}\"]\n",
            origin.address()
        ))
        .file("media/a.txt", "protected");
        let response = proxy.start().get("/");
        assert_eq!(status_and_text(&response), (200, "own"));
        assert!(
            response.headers.iter().all(|(name, _)| !name.to_lowercase().starts_with("x-")),
            "{response:?}"
        );
    }
}
