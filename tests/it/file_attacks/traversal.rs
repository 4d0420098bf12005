use crate::support::{Proxy, Request};

const SECRET: &str = "nobody reads this";

/// Every kind of location that serves files; each has what follows it beside the secret.
const LOCATIONS: &str = r#"
[[site.location]]
match = "/"
files = "www"

[[site.location]]
match = "/alias/"
files = "www/sub"

[[site.location]]
match = "/open"
files = "www/sub"

[[site.location]]
match = "/kept/"
files = { root = "www" }

[[site.location]]
match = "= /exact"
files = "www/sub"

[[site.location]]
match = '~ \.rx'
files = "www"

[[site.location]]
match = "/trying/"
files = "www"
try = ["$uri", "$uri/", "/kept$uri", "=404"]
"#;

const PREFIXES: &[&str] =
    &["", "/alias", "/open", "/kept", "/exact", "/x.rx", "/trying", "/sub", "/alias/deep"];

/// What is put behind each prefix, and the answer where the prefix is empty: 400 where a path climbs above the
/// root, 404 where nothing has that name. A backslash, a semicolon and what is still encoded after decoding once
/// are ordinary bytes of a name.
#[rustfmt::skip]
const SPELLINGS: &[(&str, u16)] = &[
    ("/../secret.txt", 400), ("/../../secret.txt", 400), ("/./../secret.txt", 400), ("/sub/../../secret.txt", 400),
    ("/sub/../../../secret.txt", 400), ("//../secret.txt", 400), ("/..//secret.txt", 400), ("///..///secret.txt", 400),
    ("/%2e%2e/secret.txt", 400), ("/%2E%2E/secret.txt", 400), ("/.%2e/secret.txt", 400), ("/%2e./secret.txt", 400),
    ("/..%2fsecret.txt", 400), ("/..%2Fsecret.txt", 400), ("/%2e%2e%2fsecret.txt", 400), ("%2f..%2fsecret.txt", 400),
    ("/%2f../secret.txt", 400), ("/sub%2f..%2f..%2fsecret.txt", 400), ("/sub/..%2f../secret.txt", 400),
    ("/sub/%2e%2e/%2e%2e/secret.txt", 400), ("/sub/.%2e/%2e./secret.txt", 400), ("/%2e/%2e%2e/secret.txt", 400),
    ("/x/../../secret.txt", 400), ("/x/y/../../../secret.txt", 400), ("/../www/../secret.txt", 400),
    ("/../etc/passwd", 400), ("/..%2f..%2f..%2f..%2fetc%2fpasswd", 400), ("/..", 400), ("/../", 400), ("/%2e%2e", 400),
    // Encoded twice, or three times.
    ("/%252e%252e/secret.txt", 404), ("/%252e%252e%252fsecret.txt", 404), ("/..%252fsecret.txt", 404),
    ("/%25252e%25252e/secret.txt", 404), ("/%%32%65%%32%65/secret.txt", 400), ("/%25%32%65%25%32%65/secret.txt", 404),
    // Other systems' separators and their encodings.
    ("/..\\secret.txt", 404), ("/..%5csecret.txt", 404), ("/%2e%2e%5csecret.txt", 404), ("/..%255csecret.txt", 404),
    ("\\..\\secret.txt", 400), ("/\\../secret.txt", 404), ("/%5c../secret.txt", 404), ("/sub/..\\..\\secret.txt", 404),
    ("/c:/secret.txt", 404), ("/c:%5csecret.txt", 404), ("/..%u2215secret.txt", 400), ("/..%u002fsecret.txt", 400),
    // Overlong UTF-8 and full-width forms.
    ("/%c0%ae%c0%ae/secret.txt", 404), ("/..%c0%afsecret.txt", 404), ("/%c0%2e%c0%2e/secret.txt", 404),
    ("/%e0%80%ae%e0%80%ae/secret.txt", 404), ("/..%e0%80%afsecret.txt", 404), ("/..%ef%bc%8fsecret.txt", 404),
    ("/%ef%bc%8e%ef%bc%8e/secret.txt", 404), ("/%f0%80%80%ae./secret.txt", 404), ("/..%c1%9csecret.txt", 404),
    // Parameters, dots, blanks, ends of strings.
    ("/..;/secret.txt", 404), ("/..;x=1/secret.txt", 404), ("/;/../secret.txt", 404), ("/.../secret.txt", 404),
    ("/..../secret.txt", 404), ("/....//secret.txt", 404), ("/...//secret.txt", 404), ("/.. /secret.txt", 400),
    ("/..%20/secret.txt", 404), ("/..%09/secret.txt", 400), ("/..%0a/secret.txt", 400), ("/..%0d%0a/secret.txt", 400),
    ("/..%00/secret.txt", 400), ("/%00/../../secret.txt", 400), ("/page.html%00/../../secret.txt", 400),
    ("/..%00%2fsecret.txt", 400), ("/..?/secret.txt", 400), ("/..#/secret.txt", 400), ("/?/../secret.txt", 403),
    ("/page.html?/../../secret.txt", 200), ("/page.html/../../secret.txt", 400), ("/page.html/../secret.txt", 404),
    // Off by a slash: the prefix continues.
    ("../secret.txt", 400), ("..%2fsecret.txt", 400), ("../../secret.txt", 400), ("..", 400), (".", 400), ("x/../../secret.txt", 400),
    // By links, and by the process's own files.
    ("/out/secret.txt", 403), ("/sub/up/secret.txt", 404), ("/out/../secret.txt", 404), ("/proc/self/root/secret.txt", 404),
    ("/self/cwd/secret.txt", 403), ("/secret-link", 403),
];

fn served() -> Proxy {
    use std::os::unix::fs::symlink;
    let builder = Proxy::site(LOCATIONS)
        .file("secret.txt", SECRET)
        .file("sub/secret.txt", SECRET)
        .file("www/page.html", "public")
        .file("www/kept/page.html", "public")
        .file("www/sub/deep/page.html", "public")
        .file("www/x.rx/page.html", "public")
        .directory("wwwx");
    let www = builder.dir().join("www");
    for (target, name) in [
        ("..", "out"),
        ("/proc/self", "self"),
        ("../secret.txt", "secret-link"),
        ("../../secret.txt", "sub/exact"),
        ("../..", "kept/out"),
        ("../..", "sub/out"),
        ("../..", "x.rx/out"),
    ] {
        symlink(target, www.join(name)).unwrap();
    }
    builder.start()
}

#[test]
fn nobody_reads_the_secret_beside_the_directory() {
    let proxy = served();
    for prefix in PREFIXES {
        for (spelling, _) in SPELLINGS {
            let target = format!("{prefix}{spelling}");
            for method in ["GET", "HEAD", "POST"] {
                let response = proxy.send(&Request::new(method, &target));
                assert!(
                    matches!(response.status, 200 | 301 | 400 | 403 | 404 | 405),
                    "{method} {target}: {response:?}"
                );
                assert!(
                    response.status != 200 || method == "HEAD" || response.text() == "public",
                    "{target}"
                );
                let shown = format!("{:?} {}", response.headers, String::from_utf8_lossy(&response.body));
                assert!(!shown.contains(SECRET) && !shown.contains("root:"), "{method} {target}: {shown}");
            }
        }
    }
}

#[test]
fn ways_out_are_answered_as_nginx_answers_them() {
    let proxy = served();
    assert!(SPELLINGS.len() >= 50);
    let answers = SPELLINGS.iter().map(|(target, _)| (*target, proxy.get(target).status));
    let wrong: Vec<_> = answers.zip(SPELLINGS).filter(|(found, expected)| found != *expected).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
