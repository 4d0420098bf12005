use super::*;

pub(super) fn trying(candidates: &[(&str, bool)], last: Fallback) -> Try {
    let candidate = |(path, directory): &(&str, bool)| Candidate {
        path: Template::parse(path).unwrap(),
        directory: *directory,
    };
    Try { candidates: candidates.iter().map(candidate).collect(), last }
}

#[test]
fn try_answers_by_the_first_that_is_there() {
    let site = Site::new(&[("a.txt", "a"), ("sub/index.html", "sub"), ("bare/x", ""), ("spa.html", "spa")]);
    let list = [("$uri", false), ("$uri", true), ("/spa.html", false)];
    let files =
        site.files(|settings| settings.r#try = Some(trying(&list, Fallback::Status(StatusCode::GONE))));
    assert_eq!(content(&get(&files, "/a.txt").body), "a");
    assert_eq!(content(&get(&files, "/sub/").body), "sub");
    assert_eq!(content(&get(&files, "/none").body), "spa");
    assert_eq!(content(&get(&files, "/.env").body), "spa");
    assert_eq!(field(&get(&files, "/sub"), header::LOCATION), "/sub/");
    assert_eq!(cause(&files, "/bare/"), Cause::Forbidden);
}

#[test]
fn try_takes_directories_with_or_without_the_closing_slash() {
    let site = Site::new(&[("sub/index.html", "sub"), ("index.html", "top")]);
    for path in ["$uri", "$uri/"] {
        let last = Fallback::Status(StatusCode::NOT_FOUND);
        let files = site.files(|settings| settings.r#try = Some(trying(&[(path, true)], last)));
        assert_eq!(content(&get(&files, "/sub/").body), "sub");
        assert_eq!(content(&get(&files, "/").body), "top");
        assert_eq!(get(&files, "/sub").status, StatusCode::MOVED_PERMANENTLY);
    }
}

#[test]
fn try_strips_the_prefix_as_the_location_does() {
    let site = Site::new(&[("a.txt", "a"), ("spa.html", "spa")]);
    let list = [("$uri", false), ("/spa.html", false)];
    let files =
        site.files(|settings| settings.r#try = Some(trying(&list, Fallback::Status(StatusCode::GONE))));
    for (target, expected) in [("/static/a.txt", "a"), ("/static/none", "spa"), ("/static/spa.html", "spa")] {
        let Outcome::Response(response) = handle(&files, request(target), "/static/".len()).unwrap() else {
            panic!("{target}");
        };
        assert_eq!(content(&response.body), expected, "{target}");
    }
}

#[test]
fn try_hands_on_what_is_not_there() {
    let site = Site::new(&[]);
    let last = |last| site.files(|settings| settings.r#try = Some(trying(&[("$uri", false)], last)));
    let post = || Request { method: Method::POST, ..request("/none?x=1") };
    let named = handle(&last(Fallback::Location(3)), post(), 1).unwrap();
    assert!(matches!(named, Outcome::Location(request, 3) if request.method == Method::POST));
    let path = handle(&last(Fallback::Path(Template::parse("/app$uri").unwrap())), post(), 1).unwrap();
    assert!(matches!(path, Outcome::Path(_, path) if path == "/app/none"));
    let status = handle(&last(Fallback::Status(StatusCode::GONE)), post(), 1).unwrap();
    assert!(matches!(status, Outcome::Status(StatusCode::GONE)));
}

#[test]
fn try_restricts_methods_only_where_a_file_is() {
    let site = Site::new(&[("a.txt", "a")]);
    let files =
        site.files(|settings| settings.r#try = Some(trying(&[("$uri", false)], Fallback::Location(0))));
    let post = |target| Request { method: Method::POST, ..request(target) };
    assert_eq!(handle(&files, post("/a.txt"), 1).unwrap_err().cause, Cause::MethodNotAllowed);
    assert!(matches!(handle(&files, post("/api"), 1), Ok(Outcome::Location(..))));
}

#[test]
fn try_does_not_hide_a_file_that_may_not_be_read() {
    let site = Site::new(&[]);
    symlink(site.temp.path().join("secret.txt"), site.root().join("link.txt")).unwrap();
    let files =
        site.files(|settings| settings.r#try = Some(trying(&[("$uri", false)], Fallback::Location(0))));
    assert_eq!(cause(&files, "/link.txt"), Cause::Forbidden);
}

#[test]
fn try_goes_on_when_the_whole_directory_is_missing() {
    let site = Site::new(&[]);
    let files = site.files(|settings| {
        settings.directory = "/nonexistent/static".into();
        settings.r#try = Some(trying(&[("$uri", false), ("$uri", true)], Fallback::Location(0)));
    });
    assert!(matches!(handle(&files, request("/a.txt"), 1), Ok(Outcome::Location(..))));
}
