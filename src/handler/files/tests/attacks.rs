use super::attempts::trying;
use super::*;

/// Decoded and undecoded, with both slashes, overlong, with NUL, with parameters: what a path could be
/// if normalising had let it through.
const TRAVERSALS: &[&str] = &[
    "/../secret.txt",
    "/..//secret.txt",
    "//../secret.txt",
    "/./../secret.txt",
    "/sub/../../secret.txt",
    "/sub/../../../secret.txt",
    "/../root/../secret.txt",
    "/sub/./../../secret.txt",
    "/..",
    "/../",
    "../secret.txt",
    "..",
    "secret.txt/..",
    "/sub/..",
    "/sub/../..",
    "/.../secret.txt",
    "/....//secret.txt",
    "/..;/secret.txt",
    "/..\\secret.txt",
    "\\..\\secret.txt",
    "/..\0/secret.txt",
    "/\0../secret.txt",
    "/../secret.txt\0.html",
    "/%2e%2e/secret.txt",
    "/%2e./secret.txt",
    "/.%2e/secret.txt",
    "/%2E%2E%2Fsecret.txt",
    "/..%2fsecret.txt",
    "/..%5csecret.txt",
    "/%252e%252e/secret.txt",
    "/..%252fsecret.txt",
    "/%c0%ae%c0%ae/secret.txt",
    "/%c0%2e%c0%2e/secret.txt",
    "/..%c0%afsecret.txt",
    "/..%c1%9csecret.txt",
    "/%e0%80%ae%e0%80%ae/secret.txt",
    "/..%00/secret.txt",
    "/..%0d/secret.txt",
    "/..%0a/secret.txt",
    "/%u002e%u002e/secret.txt",
    "/\u{ff0e}\u{ff0e}/secret.txt",
    "/..\u{2215}secret.txt",
    "/..\u{2044}secret.txt",
    "/.. /secret.txt",
    "/ ../secret.txt",
    "/..\t/secret.txt",
    "/../secret.txt/",
    "/../secret.txt/.",
    "/link/../secret.txt",
    "/link/secret.txt",
    "//secret.txt",
    "///etc/passwd",
    "/proc/self/root/etc/passwd",
    "/sub/..;x=1/../secret.txt",
    "/?/../secret.txt",
    "/#/../secret.txt",
];

#[test]
fn traversal_in_every_encoding_never_reaches_the_secret() {
    let site = Site::new(&[("sub/a.txt", "public"), ("index.html", "public")]);
    symlink("..", site.root().join("link")).unwrap();
    let files = site.files(|_| ());
    assert!(TRAVERSALS.len() >= 50);
    for path in TRAVERSALS {
        for strip in [0, 1, 4] {
            let mut crafted = request("/");
            crafted.target.path = Bytes::from_static(path.as_bytes());
            if let Ok(Outcome::Response(response)) = handle(&files, crafted, strip) {
                assert_ne!(content(&response.body), "secret", "{path:?}");
            }
        }
        if let Ok(target) = crate::http::Target::parse(Bytes::from_static(path.as_bytes()))
            && let Ok(response) = respond(&files, Request { target, ..request("/") })
        {
            assert_ne!(content(&response.body), "secret", "{path:?}");
        }
    }
}

#[test]
fn off_by_slash_alias_does_not_reach_siblings() {
    let site = Site::new(&[]);
    fs::create_dir(site.temp.path().join("rootfoo")).unwrap();
    fs::write(site.temp.path().join("rootfoo/x"), "secret").unwrap();
    let files = site.files(|_| ());
    for path in ["/static../secret.txt", "/staticfoo/x", "/static..", "/staticsecret.txt"] {
        let mut crafted = request("/");
        crafted.target.path = Bytes::from_static(path.as_bytes());
        let fault = handle(&files, crafted, "/static".len()).unwrap_err();
        assert_eq!(fault.cause, Cause::NotFound, "{path}");
    }
}

proptest! {
    #[test]
    fn random_paths_yield_public_content_or_none(
        path in "/(\\.\\.|\\.|sub|out|x\\.txt|secret\\.txt|/|\\x00|%2e){0,10}", matched in 0_usize..12
    ) {
        let site = Site::new(&[("sub/x.txt", "public"), ("x.txt", "public")]);
        symlink("..", site.root().join("out")).unwrap();
        for strip in [Strip::Nothing, Strip::Prefix, Strip::Parent] {
            let list = [("$uri", false), ("$uri", true)];
            let plain = site.files(|settings| settings.strip = strip);
            let tried = site.files(|settings| {
                settings.strip = strip;
                settings.r#try = Some(trying(&list, Fallback::Location(0)));
            });
            for files in [plain, tried] {
                let mut crafted = request("/");
                crafted.target.path = Bytes::copy_from_slice(path.as_bytes());
                if let Ok(Outcome::Response(response)) = handle(&files, crafted, matched) {
                    prop_assert_ne!(content(&response.body), "secret");
                }
            }
        }
    }
}
