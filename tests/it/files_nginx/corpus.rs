use std::fmt;

use super::tree::SIZES;

/// One request. `TAG` in a value is the file's own entity tag, `ZIPPED-TAG` that of its gzip twin.
#[derive(Debug)]
pub struct Case {
    pub method: &'static str,
    pub target: String,
    pub fields: Vec<(&'static str, String)>,
}

impl Case {
    fn new(method: &'static str, target: &str, fields: &[(&'static str, &str)]) -> Self {
        let fields = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { method, target: target.into(), fields }
    }

    /// The value of a field; of the first of several.
    pub fn field(&self, wanted: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str())
    }

    pub fn count(&self, wanted: &str) -> usize {
        self.fields.iter().filter(|(name, _)| *name == wanted).count()
    }
}

impl fmt::Display for Case {
    /// Not longer than a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("{} {}", self.method, self.target);
        for (name, value) in &self.fields {
            text = format!("{text}, {name}: {value}");
        }
        match text.char_indices().nth(160) {
            Some((end, _)) => write!(f, "{}…", &text[..end]),
            None => f.write_str(&text),
        }
    }
}

pub fn all() -> Vec<Case> {
    let mut cases = paths();
    cases.extend(methods());
    cases.extend(ranges());
    cases.extend(conditions());
    cases.extend(codings());
    cases
}

#[rustfmt::skip]
const PATHS: &[&str] = &[
    "/", "/index.html", "/page.html", "/UPPER.HTML", "/upper.html", "/noextension", "/odd.strange", "/data.json",
    "/picture.svg", "/letter.xml", "/font.woff2", "/movie.mp4", "/module.wasm", "/archive.tar.gz", "/photo.jpeg",
    "/plain.js", "/two.dots.css", "/trailing.", "/missing", "/missing/", "/missing/page.html", "/missing.html?x",
    // Directories, with and without an index, and files that are none.
    "/sub", "/sub/", "/sub?x=1", "/sub/?x=1", "/sub?", "/sub/file.txt", "/sub/file.txt/", "/sub/deep", "/sub/deep/",
    "/sub/deep/er/file.txt", "/bare", "/bare/", "/vacant", "/vacant/", "/dir.txt", "/dir.txt/", "/small.txt/",
    "/small.txt/x", "/small.txt//", "/small.txt/.", "/small.txt/..", "/small.txt/../small.txt", "/index.html/",
    "/with%20space", "/umlaut-%c3%bc", "/umlaut-%C3%BC/", "/what%3F", "/what%3F?x", "/dotted.dir", "/dotted.dir/",
    // Normal forms.
    "//", "///", "//page.html", "//sub", "//sub//", "/sub//file.txt", "/./page.html", "/.", "/./", "/sub/.",
    "/sub/./file.txt", "/sub/..", "/sub/../", "/sub/../page.html", "/sub/../../page.html", "/..", "/../",
    "/../page.html", "/../secret.txt", "/sub/../../secret.txt", "/sub/...", "/.../", "/....//secret.txt",
    "/sub/%2e/file.txt", "/sub/%2e%2e/page.html", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/sub%2ffile.txt",
    "/sub%2Ffile.txt", "/%2fpage.html", "/sub%2f..%2fpage.html", "/sub/.%2e/page.html", "/%2E%2E/%2E%2E/etc/passwd",
    "/sub/..;/page.html", "/;/page.html", "/page.html;x=1", "/%5c..%5cpage.html", "/..%5csecret.txt",
    // Encoded once, twice, in part, wrongly.
    "/%70age.html", "/p%61ge.html", "/%50age.html", "/%2570age.html", "/%252e%252e/secret.txt", "/%252e%252e/file.txt",
    "/%25%32%65/x", "/with%20space.txt", "/with+space.txt", "/with%2520space.txt", "/umlaut-%C3%A4.txt",
    "/umlaut-%c3%a4.txt", "/umlaut-ä.txt", "/%E6%97%A5%E6%9C%AC.txt", "/日本.txt", "/umlaut-%e4.txt", "/%ff%fe",
    "/percent%2541.txt", "/percent%41.txt", "/plus+.txt", "/plus%2B.txt", "/what%3f.txt", "/what?.txt", "/hash%23.txt",
    "/semi;colon.txt", "/semi%3Bcolon.txt", "/back%5cslash.txt", "/back\\slash.txt", "/quote%22.txt", "/quote\".txt",
    "/colon:.txt", "/a&b=c.txt", "/a%26b%3dc.txt", "/tilde~", "/%7etilde", "/tilde%7e", "/%", "/%2", "/%zz", "/%g0",
    "/page.html%", "/page.html%2", "/page.html%00", "/page%00.html", "/page.html%20", "/page.html%0a", "/%0d%0aX:%20y",
    "/page.html%09", "/page.html%7f", "/%c0%ae%c0%ae/secret.txt", "/..%c0%afsecret.txt", "/%uff0e%uff0e/secret.txt",
    // Queries and fragments.
    "/page.html?", "/page.html?x", "/page.html?x=/../", "/page.html?%00", "/page.html??", "/?", "/?/page.html",
    "/page.html#", "/page.html#top", "/#", "/page.html?x#y", "/page.html?a b",
    // Hidden files.
    "/.hidden", "/%2ehidden", "/.hidden-dir/file.txt", "/.hidden-dir", "/.hidden-dir/", "/.well-known/security.txt",
    "/.well-known", "/...txt", "/.missing", "/sub/.missing",
    // Links and what is no file.
    "/link.txt", "/link-dir", "/link-dir/", "/link-dir/file.txt", "/link-out.txt", "/link-dangling.txt",
    "/link-loop.txt", "/fifo", "/fifo/",
    // Other locations.
    "/alias/file.txt", "/alias/", "/alias", "/alias/deep", "/alias/../page.html", "/alias/%2e%2e/page.html",
    "/alias../page.html", "/aliasfile.txt", "/alias//file.txt", "/open/file.txt", "/open/", "/open", "/openfile.txt",
    "/open../page.html", "/open../../secret.txt", "/open/../page.html", "/sub/kept/file.txt", "/sub/kept/", "/sub/kept",
    "/named.rx", "/missing.rx", "/sub/../named.rx", "/exact.txt", "/exact.txt/", "/exact.txt?x", "/%65xact.txt",
    "/first/", "/first/bare/", "/first/sub/", "/trying/page.html", "/trying/sub", "/trying/sub/", "/trying/missing",
    "/trying/bare/", "/trying/",
    // Other forms of a target.
    "http://localhost/page.html", "http://localhost", "http://localhost/../page.html", "HTTP://LOCALHOST/page.html",
    "page.html", "*", "",
];

fn paths() -> Vec<Case> {
    let long = [255, 256, 1000, 4000, 7000, 9000].map(|length| format!("/{}", "n".repeat(length)));
    let deep = format!("{}/page.html", "/x/..".repeat(300));
    let many = format!("{}page.html", "/".repeat(2000));
    let query = format!("/page.html?{}", "q".repeat(4000));
    let named = PATHS.iter().map(|path| (*path).to_owned());
    named.chain(long).chain([deep, many, query]).map(|path| Case::new("GET", &path, &[])).collect()
}

const METHODS: &[&str] = &[
    "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "MKCOL", "TRACE", "CONNECT", "get",
    "BREW",
];

fn methods() -> Vec<Case> {
    let paths = ["/page.html", "/sub/", "/sub", "/missing", "/bare/"];
    let each = METHODS.iter().flat_map(|method| paths.map(|path| Case::new(method, path, &[])));
    let more =
        ["/", "/%2e%2e/secret.txt", "/empty.bin", "/mib.bin", "/.hidden", "/link-out.txt", "/style.css", "*"];
    each.chain(more.map(|path| Case::new("HEAD", path, &[])))
        .chain([Case::new("OPTIONS", "*", &[])])
        .collect()
}

/// What a file of a hundred bytes is asked for.
#[rustfmt::skip]
const RANGES: &[&str] = &[
    "bytes=0-0", "bytes=0-99", "bytes=0-100", "bytes=10-19", "bytes=99-99", "bytes=90-", "bytes=0-", "bytes=99-",
    "bytes=100-", "bytes=100-200", "bytes=1000-", "bytes=-1", "bytes=-5", "bytes=-100", "bytes=-101", "bytes=-1000",
    "bytes=-0", "bytes=90-1000", "bytes=5-4", "bytes=", "bytes=-", "bytes=,", "bytes", "bytes=5", "bytes=a-b",
    "bytes=0x0-1", "bytes=+1-2", "bytes=--5", "bytes=1--2", "bytes=1-2-3", "bytes=0 - 5", "bytes= 0-4", "bytes=0-4 ",
    "bytes =0-4", "bytes 0-4", "BYTES=0-4", "Bytes=0-4", "items=0-4", "none", "lines=1-2", "seconds=1-2",
    "bytes=5-18446744073709551615", "bytes=5-18446744073709551616", "bytes=18446744073709551615-",
    "bytes=18446744073709551616-18446744073709551617", "bytes=-9223372036854775808", "bytes=9223372036854775807-",
    "bytes=5-9223372036854775807", "bytes=5-9223372036854775808", "bytes=-9223372036854775807",
    "bytes=-99999999999999999999999999", "bytes=00000000000000000000000000000005-6",
    // Several.
    "bytes=0-4,10-14", "bytes=0-4, 10-14", "bytes=0-4 , 10-14", "bytes=10-14,0-4", "bytes=0-0,-1", "bytes=0-49,50-99",
    "bytes=0-4,4-8", "bytes=0-4,2-8,6-12", "bytes=0-4,0-4", "bytes=0-,0-", "bytes=0-99,0-99", "bytes=0-4,200-300",
    "bytes=200-300,400-500", "bytes=0-4,x", "bytes=0-4,5-4", "bytes=0-4,", "bytes=,0-4", "bytes=0-4,,10-14",
    "bytes=-5,-5", "bytes=0-4,10-14,20-24,30-34,40-44", "bytes=0-4,90-1000", "bytes=0-4,-0", "bytes=0-4,-200",
    "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30,32-32,34-34",
];

/// What a file of a mebibyte is asked for: parts that lie far from each other.
#[rustfmt::skip]
const FAR: &[&str] = &[
    "bytes=0-4,1000-1004", "bytes=0-4, 1000-1004", "bytes=1000-1004,0-4", "bytes=0-0,500000-500000,-1",
    "bytes=-1,500000-500000,0-0", "bytes=0-99999,200000-299999,400000-499999", "bytes=0-4,500000-,-1000",
    "bytes=0-4,1048576-,1000-1004", "bytes=1048576-,2000000-", "bytes=0-4,1000-1004,x", "bytes=0-4,1000-999,5000-5004",
    "bytes=0-,0-4", "bytes=-1048576,0-4", "bytes=0-0,1000-1000,2000-2000,3000-3000,4000-4000,5000-5000,6000-6000,7000-7000",
];

fn ranges() -> Vec<Case> {
    let far = FAR.iter().map(|range| Case::new("GET", "/mib.bin", &[("Range", range)]));
    let small = RANGES.iter().map(|range| Case::new("GET", "/small.txt", &[("Range", range)]));
    let heads = RANGES.iter().step_by(9).map(|range| Case::new("HEAD", "/small.txt", &[("Range", range)]));
    let sized = SIZES.iter().filter(|(name, _)| *name != "small.txt").flat_map(|(name, size)| {
        [
            "bytes=0-0".to_owned(),
            "bytes=0-".to_owned(),
            "bytes=-1".to_owned(),
            format!("bytes={}-", size.saturating_sub(1)),
            format!("bytes={size}-"),
            format!("bytes=0-{size}"),
            format!("bytes=-{size}"),
            format!("bytes=-{}", size + 1),
            format!("bytes=1-{}", size.saturating_sub(2)),
            "bytes=0-0,-1".to_owned(),
        ]
        .map(|range| Case::new("GET", &format!("/{name}"), &[("Range", &range)]))
    });
    let many = (0..1300).map(|at| format!("{at}-")).collect::<Vec<_>>().join(",");
    let others = [
        Case::new("GET", "/mib.bin", &[("Range", &format!("bytes={many}"))]),
        Case::new("GET", "/small.txt", &[("Range", "bytes=0-4"), ("Range", "bytes=0-4")]),
        Case::new("GET", "/small.txt", &[("Range", "bytes=0-4"), ("Range", "bytes=10-14")]),
        Case::new("GET", "/small.txt", &[("Range", "")]),
        Case::new("GET", "/small.txt", &[("Request-Range", "bytes=0-4")]),
        Case::new("GET", "/sub/", &[("Range", "bytes=0-3")]),
        Case::new("GET", "/sub", &[("Range", "bytes=0-3")]),
        Case::new("GET", "/missing", &[("Range", "bytes=0-3")]),
        Case::new("GET", "/bare/", &[("Range", "bytes=0-3")]),
        Case::new("POST", "/small.txt", &[("Range", "bytes=0-3")]),
    ];
    small.chain(far).chain(heads).chain(sized).chain(others).collect()
}

/// Files whose tags are known before.
pub const CONDITIONAL: &[&str] = &["/small.txt", "/mib.bin", "/style.css"];

const SAME: &str = "Wed, 01 Jan 2020 00:00:00 GMT";
const EARLIER: &str = "Tue, 31 Dec 2019 23:59:59 GMT";
const LATER: &str = "Wed, 01 Jan 2020 00:00:01 GMT";

#[rustfmt::skip]
const CONDITIONS: &[&[(&str, &str)]] = &[
    &[("If-None-Match", "TAG")], &[("If-None-Match", "W/TAG")], &[("If-None-Match", "*")], &[("If-None-Match", "\"x\"")],
    &[("If-None-Match", "\"x\", TAG")], &[("If-None-Match", "\"x\",TAG,\"y\"")], &[("If-None-Match", "x")],
    &[("If-None-Match", "")], &[("If-None-Match", "\"x\""), ("If-None-Match", "TAG")], &[("If-None-Match", "\"a,b\", TAG")],
    &[("If-Match", "TAG")], &[("If-Match", "W/TAG")], &[("If-Match", "*")], &[("If-Match", "\"x\"")],
    &[("If-Match", "\"x\", TAG")], &[("If-Match", "x")], &[("If-Match", "")],
    &[("If-Modified-Since", SAME)], &[("If-Modified-Since", EARLIER)], &[("If-Modified-Since", LATER)],
    &[("If-Modified-Since", "Wednesday, 01-Jan-20 00:00:00 GMT")], &[("If-Modified-Since", "Wed Jan  1 00:00:00 2020")],
    &[("If-Modified-Since", "yesterday")], &[("If-Modified-Since", "")], &[("If-Modified-Since", "Fri, 31 Dec 9999 23:59:59 GMT")],
    &[("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")],
    &[("If-Unmodified-Since", SAME)], &[("If-Unmodified-Since", EARLIER)], &[("If-Unmodified-Since", LATER)],
    &[("If-Unmodified-Since", "yesterday")], &[("If-Unmodified-Since", "")],
    // Together.
    &[("If-None-Match", "TAG"), ("If-Modified-Since", EARLIER)], &[("If-None-Match", "\"x\""), ("If-Modified-Since", SAME)],
    &[("If-None-Match", "TAG"), ("If-Modified-Since", SAME)], &[("If-Match", "TAG"), ("If-Unmodified-Since", EARLIER)],
    &[("If-Match", "\"x\""), ("If-Unmodified-Since", SAME)], &[("If-Match", "TAG"), ("If-None-Match", "TAG")],
    &[("If-Match", "\"x\""), ("If-None-Match", "TAG")], &[("If-Unmodified-Since", EARLIER), ("If-None-Match", "TAG")],
    &[("If-Unmodified-Since", SAME), ("If-Modified-Since", SAME)],
    // With a range.
    &[("Range", "bytes=0-4"), ("If-Range", "TAG")], &[("Range", "bytes=0-4"), ("If-Range", "W/TAG")],
    &[("Range", "bytes=0-4"), ("If-Range", "\"x\"")], &[("Range", "bytes=0-4"), ("If-Range", SAME)],
    &[("Range", "bytes=0-4"), ("If-Range", EARLIER)], &[("Range", "bytes=0-4"), ("If-Range", LATER)],
    &[("Range", "bytes=0-4"), ("If-Range", "x")], &[("Range", "bytes=0-4"), ("If-Range", "")],
    &[("If-Range", "TAG")], &[("If-Range", "\"x\"")], &[("Range", "bytes=9999999-"), ("If-Range", "\"x\"")],
    &[("Range", "bytes=9999999-"), ("If-Range", "TAG")], &[("Range", "bytes=0-4"), ("If-None-Match", "TAG")],
    &[("Range", "bytes=9999999-"), ("If-None-Match", "TAG")], &[("Range", "bytes=9999999-"), ("If-Match", "\"x\"")],
    &[("Range", "bytes=0-4"), ("If-Match", "TAG")], &[("Range", "bytes=0-4"), ("If-Match", "\"x\"")],
    &[("Range", "bytes=0-4"), ("If-Unmodified-Since", EARLIER)], &[("Range", "bytes=0-4"), ("If-Modified-Since", SAME)],
    &[("Range", "bytes=0-4,10-14"), ("If-Range", "TAG")], &[("Range", "bytes=0-4,10-14"), ("If-Range", "\"x\"")],
];

fn conditions() -> Vec<Case> {
    let gets = ["/small.txt", "/mib.bin"]
        .into_iter()
        .flat_map(|path| CONDITIONS.iter().map(move |fields| Case::new("GET", path, fields)));
    let heads = CONDITIONS.iter().step_by(3).map(|fields| Case::new("HEAD", "/small.txt", fields));
    let elsewhere = ["/missing", "/sub", "/bare/"].into_iter().flat_map(|path| {
        [("If-None-Match", "*"), ("If-Match", "*"), ("If-Modified-Since", SAME), ("If-Match", "\"x\"")]
            .map(|field| Case::new("GET", path, &[field]))
    });
    let others = [
        Case::new("POST", "/small.txt", &[("If-None-Match", "*")]),
        Case::new("DELETE", "/small.txt", &[("If-Match", "\"x\"")]),
    ];
    gets.chain(heads).chain(elsewhere).chain(others).collect()
}

#[rustfmt::skip]
const CODINGS: &[&str] = &[
    "", "gzip", "GZIP", "Gzip", "x-gzip", "gzip, deflate, br", "deflate", "br", "br, zstd", "identity", "*", "*;q=0",
    "*;q=0.5", "gzip;q=0", "gzip;q=0.0", "gzip;q=0.000", "gzip;q=0.001", "gzip;q=0.5", "gzip;q=1", "gzip;q=1.0",
    "gzip; q=0.5", "gzip ;q=0.5", "gzip;Q=0.5", "gzip;q=2", "gzip;q=", "gzip;q=x", "gzip;q=0.0001", "identity;q=0",
    "identity;q=0, gzip", "gzip;q=0, *", "*, gzip;q=0", "gzip;q=0.1, identity;q=0.9", "identity, gzip;q=0.5",
    "deflate, gzip;q=1.0, *;q=0.5", "gzipped", "xgzip", "not-gzip", "gzip-not", "gzip,", ",gzip", ",,", "gzip;foo=bar",
];

fn codings() -> Vec<Case> {
    let css = CODINGS.iter().map(|coding| Case::new("GET", "/style.css", &[("Accept-Encoding", coding)]));
    let paths = [
        "/script.js",
        "/twin.txt",
        "/twin/",
        "/twin",
        "/style.css.gz",
        "/orphan.txt",
        "/orphan.txt.gz",
        "/small.txt",
        "/page.html",
        "/archive.tar.gz",
        "/sub/",
        "/missing",
        "/mib.bin",
        "/style.css?x",
        "/%73tyle.css",
    ];
    let others = paths.into_iter().flat_map(|path| {
        ["gzip", "identity", "gzip;q=0"].map(|coding| Case::new("GET", path, &[("Accept-Encoding", coding)]))
    });
    let zipped = |method, fields: &[(&'static str, &str)]| {
        Case::new(method, "/style.css", &[&[("Accept-Encoding", "gzip")], fields].concat())
    };
    let together = [
        zipped("HEAD", &[]),
        zipped("POST", &[]),
        zipped("GET", &[("Range", "bytes=0-4")]),
        zipped("GET", &[("Range", "bytes=-4")]),
        zipped("GET", &[("Range", "bytes=9999-")]),
        zipped("GET", &[("Range", "bytes=100-200")]),
        zipped("GET", &[("If-None-Match", "ZIPPED-TAG")]),
        zipped("GET", &[("If-None-Match", "TAG")]),
        zipped("GET", &[("If-Match", "ZIPPED-TAG")]),
        zipped("GET", &[("If-Match", "TAG")]),
        zipped("GET", &[("If-Modified-Since", SAME)]),
        zipped("GET", &[("Range", "bytes=0-4"), ("If-Range", "ZIPPED-TAG")]),
        zipped("GET", &[("Range", "bytes=0-4"), ("If-Range", "TAG")]),
        zipped("GET", &[("Range", "bytes=0-4"), ("If-Range", SAME)]),
        Case::new("GET", "/style.css", &[("If-None-Match", "ZIPPED-TAG")]),
        Case::new("GET", "/style.css", &[("If-None-Match", "TAG")]),
        Case::new("GET", "/style.css", &[("Range", "bytes=0-4"), ("If-Range", "ZIPPED-TAG")]),
        Case::new("GET", "/style.css", &[("Accept-Encoding", "deflate"), ("Accept-Encoding", "gzip")]),
        Case::new("GET", "/style.css", &[("Accept-Encoding", "gzip;q=0"), ("Accept-Encoding", "gzip")]),
    ];
    css.chain(others).chain(together).collect()
}
