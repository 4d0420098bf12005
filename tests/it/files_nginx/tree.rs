use std::fs::File;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::support::proxy::Builder;

pub const RPROXY: &str = r#"
[[site.location]]
match = "/"
files = "www"
precompressed = ["gzip"]

[[site.location]]
match = "/alias/"
files = "www/sub"

[[site.location]]
match = "/open"
files = "www/sub"

[[site.location]]
match = "/sub/kept/"
files = { root = "www" }

[[site.location]]
match = '~ \.rx$'
files = "www"

[[site.location]]
match = "= /exact.txt"
files = "www/sub"

[[site.location]]
match = "/first/"
files = "www"
index = ["none.html", "small.txt", "index.html"]

[[site.location]]
match = "/trying/"
files = "www"
try = ["$uri", "$uri/", "=404"]
"#;

/// The same, as nginx has it. What is left at its default is what most of its users have.
pub const NGINX: &str = r"
include /etc/nginx/mime.types; default_type application/octet-stream;
charset utf-8; charset_types text/plain text/css text/xml application/javascript;
server {
    listen unix:files; server_name localhost; absolute_redirect off;
    location / { root {www}; index index.html; gzip_static on; gzip_vary on; }
    location /alias/ { alias {www}/sub/; index index.html; }
    location /open { alias {www}/sub/; index index.html; }
    location /sub/kept/ { root {www}; }
    location ~ \.rx$ { root {www}; }
    location = /exact.txt { alias {www}/sub/exact.txt; }
    location /first/ { alias {www}/; index none.html small.txt index.html; }
    location /trying/ { alias {www}/; index index.html; try_files $uri $uri/ =404; }
}";

/// `Wed, 01 Jan 2020 00:00:00 GMT`
const MODIFIED: u64 = 1_577_836_800;

/// Sizes at which something changes: nothing, one byte, what is kept in memory, a pipe, a socket's buffer.
pub const SIZES: &[(&str, usize)] = &[
    ("empty.bin", 0),
    ("one.bin", 1),
    ("small.txt", 100),
    ("edge-below.bin", 65_535),
    ("edge.bin", 65_536),
    ("edge-above.bin", 65_537),
    ("mib.bin", 1 << 20),
];

const TEXTS: &[&str] = &[
    "index.html",
    "page.html",
    "UPPER.HTML",
    "noextension",
    "odd.strange",
    "data.json",
    "picture.svg",
    "letter.xml",
    "font.woff2",
    "movie.mp4",
    "module.wasm",
    "archive.tar.gz",
    "photo.jpeg",
    "plain.js",
    "two.dots.css",
    "trailing.",
    "sub/index.html",
    "sub/file.txt",
    "sub/exact.txt",
    "sub/kept/file.txt",
    "sub/deep/er/file.txt",
    "bare/file.txt",
    "named.rx",
    "with space.txt",
    "with space/index.html",
    "umlaut-ä.txt",
    "umlaut-ü/index.html",
    "日本.txt",
    "percent%41.txt",
    "plus+.txt",
    "what?.txt",
    "what?/index.html",
    "hash#.txt",
    "semi;colon.txt",
    "back\\slash.txt",
    "quote\".txt",
    "colon:.txt",
    "a&b=c.txt",
    "tilde~",
    "%2e%2e/file.txt",
    "dotted.dir/index.html",
    "...txt",
    ".hidden",
    ".hidden-dir/file.txt",
    ".well-known/security.txt",
];

/// With a twin of their own, which is not younger.
const TWINNED: &[&str] = &["style.css", "script.js", "twin.txt", "twin/index.html"];

pub fn grow(builder: Builder) -> Builder {
    let mut builder = builder.file("secret.txt", "secret").directory("www/vacant").directory("www/dir.txt");
    for (name, size) in SIZES {
        let content: Vec<u8> = (0..*size).map(|at| b'0' + u8::try_from(at / 7 % 10).unwrap()).collect();
        builder = builder.file(&format!("www/{name}"), content);
    }
    for name in TEXTS {
        builder = builder.file(&format!("www/{name}"), format!("this is {name}"));
    }
    builder = builder.file(&format!("www/{}", "n".repeat(255)), "long");
    for name in TWINNED {
        builder = builder.file(&format!("www/{name}"), format!("this is {name}\n").repeat(50));
        // Nobody looks into it.
        builder = builder.file(&format!("www/{name}.gz"), format!("zipped {name}"));
    }
    builder = builder.file("www/orphan.txt.gz", "zipped, without its original");
    settle(&builder.dir().join("www"));
    link(&builder.dir().join("www"));
    builder
}

fn link(www: &Path) {
    for (target, name) in [
        ("small.txt", "link.txt"),
        ("sub", "link-dir"),
        ("../secret.txt", "link-out.txt"),
        ("nowhere", "link-dangling.txt"),
        ("link-loop.txt", "link-loop.txt"),
    ] {
        symlink(target, www.join(name)).unwrap();
    }
    assert!(Command::new("mkfifo").arg(www.join("fifo")).status().unwrap().success());
}

fn settle(directory: &Path) {
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(MODIFIED);
    for entry in directory.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            settle(&path);
        } else {
            File::open(path).unwrap().set_modified(modified).unwrap();
        }
    }
}
