use super::*;

#[test]
fn a_file_is_answered_with_its_fields() {
    let site = Site::new(&[("css/a.css", "body{}")]);
    let response = get(&site.files(|_| ()), "/css/a.css");
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(content(&response.body), "body{}");
    assert_eq!(field(&response, header::CONTENT_TYPE), "text/css; charset=utf-8");
    assert_eq!(field(&response, header::ACCEPT_RANGES), "bytes");
    assert!(field(&response, header::LAST_MODIFIED).ends_with(" GMT"));
    assert!(field(&response, header::ETAG).starts_with('"'));
}

#[test]
fn a_large_file_is_not_read_and_a_new_one_is_not_kept() {
    let site = Site::new(&[("large.bin", &"x".repeat(70_000))]);
    let files = site.files(|_| ());
    assert!(matches!(get(&files, "/large.bin").body, Body::File(_)));
    for text in ["just now", "and again"] {
        fs::write(site.root().join("new.txt"), text).unwrap();
        assert_eq!(content(&get(&files, "/new.txt").body), text);
    }
}

#[test]
fn an_empty_file_has_an_empty_body() {
    let site = Site::new(&[("empty.txt", "")]);
    let response = get(&site.files(|_| ()), "/empty.txt");
    assert_eq!((response.status, response.body.length()), (StatusCode::OK, Some(0)));
}

#[test]
fn head_says_what_get_would_of_the_whole_file() {
    let site = Site::new(&[("a.txt", "0123456789")]);
    let files = site.files(|_| ());
    let mut head = request_with("/a.txt", &[("range", "bytes=0-1")]);
    head.method = Method::HEAD;
    let head = respond(&files, head).unwrap();
    assert_eq!(head.status, StatusCode::OK);
    // The writer tells its length, and leaves it at that.
    assert_eq!(head.body.length(), Some(10));
    for (name, value) in get(&files, "/a.txt").headers.iter() {
        assert_eq!(head.headers.get(name), Some(value));
    }
}

#[test]
fn other_methods_are_told_what_is_allowed() {
    let site = Site::new(&[("a.txt", "a")]);
    let files = site.files(|_| ());
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let mut request = request("/a.txt");
        request.method = method;
        let fault = respond(&files, request).unwrap_err();
        assert_eq!(fault.cause, Cause::MethodNotAllowed);
        let (name, value) = *fault.header.unwrap();
        assert_eq!((name, value.to_str().unwrap()), (header::ALLOW, "GET, HEAD"));
    }
}

#[test]
fn a_directory_without_slash_redirects_to_itself_with_slash() {
    let site = Site::new(&[("a b/ü/index.html", "index")]);
    let response = get(&site.files(|_| ()), "/a%20b/%c3%bc?x=1&y=%2F");
    assert_eq!(response.status, StatusCode::MOVED_PERMANENTLY);
    assert_eq!(field(&response, header::LOCATION), "/a%20b/%C3%BC/?x=1&y=%2F");
}

#[test]
fn open_redirect_through_double_slash_or_cr_lf_is_not_possible() {
    let site = Site::new(&[("evil.com/x", ""), ("a\r\nb/x", ""), ("\\evil/x", "")]);
    let files = site.files(|_| ());
    for (target, path, location) in [
        ("/evil.com", "//evil.com", None),
        ("/evil.com", "/evil.com", Some("/evil.com/")),
        ("/a", "/a\r\nb", Some("/a%0D%0Ab/")),
        ("/evil", "/\\evil", Some("/%5Cevil/")),
    ] {
        let mut request = request(target);
        request.target.path = Bytes::from_static(path.as_bytes());
        let answer = respond(&files, request);
        let found = answer.as_ref().ok().map(|response| field(response, header::LOCATION));
        assert_eq!(found, location, "{path:?}");
    }
}

#[test]
fn a_directory_is_answered_by_the_first_index_that_is_there() {
    let site = Site::new(&[
        ("one/index.htm", "htm"),
        ("two/index.htm", "htm"),
        ("two/index.html", "html"),
        ("three/x", ""),
    ]);
    let files = site.files(|_| ());
    assert_eq!(content(&get(&files, "/one/").body), "htm");
    assert_eq!(content(&get(&files, "/two/").body), "html");
    assert_eq!(field(&get(&files, "/two/"), header::CONTENT_TYPE), "text/html; charset=utf-8");
    assert_eq!(cause(&files, "/three/"), Cause::Forbidden);
    assert_eq!(cause(&files, "/four/"), Cause::NotFound);
}

#[test]
fn a_file_with_a_closing_slash_is_not_there() {
    let site = Site::new(&[("a.txt", "a")]);
    assert_eq!(cause(&site.files(|_| ()), "/a.txt/"), Cause::NotFound);
}

#[test]
fn a_missing_directory_is_a_404_that_names_it_to_the_operator() {
    let site = Site::new(&[]);
    let files = site.files(|settings| settings.directory = "/nonexistent/static".into());
    let fault = respond(&files, request("/a.txt")).unwrap_err();
    assert_eq!(fault.cause, Cause::NotFound);
    assert!(fault.detail.contains("/nonexistent/static"), "{}", fault.detail);
}
