use super::difference::Difference;

/// Differences with one reason.
#[derive(Debug)]
pub struct Known {
    pub title: &'static str,
    pub reason: &'static str,
    /// The first entry that covers a difference has it.
    pub covers: fn(&Difference<'_>) -> bool,
}

pub const KNOWN: &[Known] = &[
    // Paths.
    Known {
        title: "Hidden files are not there",
        reason: "Deployments leave `.git`, `.env` and `.htpasswd` behind. Only `/.well-known/` is served (RFC 8615).",
        covers: |it| it.what == "status" && it.rproxy == "404" && is_hidden(&it.case.target),
    },
    Known {
        title: "Links do not lead out of the directory",
        reason: "That is the default; `symlinks = \"follow\"` does what nginx does.",
        covers: |it| it.case.target.starts_with("/link-out") && it.is("status", "200", "403"),
    },
    Known {
        title: "What is there and is no file is refused",
        reason: "A FIFO, a device and a socket are there, but nobody may have them. nginx says that they are missing.",
        covers: |it| it.case.target == "/fifo" && it.is("status", "404", "403"),
    },
    Known {
        title: "A prefix ends where a segment does",
        reason: "`location /open { alias dir/; }` takes `/open../x` along in nginx, and gives away what lies beside `dir`.",
        covers: |it| it.case.target.starts_with("/open") && it.is("status", "200", "404"),
    },
    Known {
        title: "A path holds no control characters",
        reason: "They serve no one but those who want to forge logs and fields.",
        covers: |it| {
            ["%0a", "%0d", "%09", "%7f"].iter().any(|code| it.case.target.contains(code))
                && it.is("status", "404", "400")
        },
    },
    Known {
        title: "A fragment is not sent to servers",
        reason: "RFC 9112 3.2 has no `#` in a target, and what follows it is read in different ways.",
        covers: |it| it.case.target.contains('#') && it.is("status", "200", "400"),
    },
    Known {
        title: "A redirect keeps an empty query",
        reason: "The query goes on as it came.",
        covers: |it| it.case.target.ends_with('?') && it.what == "Location",
    },
    // Methods.
    Known {
        title: "Who may not use a method is told which may be used",
        reason: "RFC 9110 15.5.6 demands Allow in a 405.",
        covers: |it| it.what == "Allow" && it.nginx.is_empty() && it.rproxy.starts_with("GET, HEAD"),
    },
    Known {
        title: "Files take no POST, wherever it goes",
        reason: "nginx looks for the file first, and redirects a POST to the directory.",
        covers: |it| it.case.method == "POST" && it.what == "status" && it.rproxy == "405",
    },
    Known {
        title: "Methods may be in lower case",
        reason: "They are case-sensitive tokens (RFC 9110 9.1), so `get` is well formed and not known.",
        covers: |it| it.case.method == "get" && it.is("status", "400", "405"),
    },
    Known {
        title: "OPTIONS of the whole server is no faulty request",
        reason: "RFC 9110 9.3.7 has `*`; here no location answers it.",
        covers: |it| it.case.method == "OPTIONS" && it.case.target == "*" && it.is("status", "400", "405"),
    },
    // Ranges.
    Known {
        title: "A range counts for GET only",
        reason: "RFC 9110 14.2: a server has to ignore Range with any other method.",
        covers: |it| {
            it.case.method == "HEAD"
                && it.case.count("Range") > 0
                && it.what == "status"
                && it.rproxy == "200"
        },
    },
    Known {
        title: "A part says that there may be others",
        reason: "nginx leaves Accept-Ranges out of a 206. Some players look for it there.",
        covers: |it| it.is("Accept-Ranges", "", "bytes"),
    },
    Known {
        title: "A repeated Range is ignored",
        reason: "Which one is meant cannot be known. nginx takes the first.",
        covers: |it| it.case.count("Range") > 1 && it.is("status", "206", "200"),
    },
    Known {
        title: "An empty file has no first byte",
        reason: "RFC 9110 14.1.2 has a range that begins behind the end be unsatisfiable. nginx ignores ranges of empty files.",
        covers: |it| it.case.target == "/empty.bin" && it.is("status", "200", "416"),
    },
    Known {
        title: "Numbers of any size lie behind the end of a file",
        reason: "nginx refuses those that do not fit into 63 bits.",
        covers: |it| it.is("status", "416", "206") && longest_number(it) >= 19,
    },
    Known {
        title: "Lists may have empty members",
        reason: "RFC 9110 5.6.1.2.",
        covers: |it| it.is("status", "416", "206"),
    },
    Known {
        title: "A Range that cannot be read is ignored",
        reason: "RFC 9110 14.2 says so; 416 is for ranges that can be read, and of which nothing is there.",
        covers: |it| it.is("status", "416", "200"),
    },
    Known {
        title: "Ranges that touch are sent as one",
        reason: "RFC 9110 15.3.7.2: those that overlap, and those with less between them than a part's head takes.",
        covers: |it| it.what == "parts",
    },
    Known {
        title: "One range that ends before it begins spoils the list",
        reason: "RFC 9110 14.1.1 has it be invalid, and with it the field, which then is ignored.",
        covers: |it| {
            it.is("status", "206", "200")
                && ["5-4", "1000-999"]
                    .iter()
                    .any(|range| it.case.field("Range").unwrap_or_default().contains(range))
        },
    },
    Known {
        title: "Ranges that come to as much as the file are answered by the file",
        reason: "With their heads, the parts would be longer than all of it.",
        covers: |it| {
            it.is("status", "206", "200")
                && ["bytes=0-0,-1", "bytes=0-49,50-99", "bytes=0-4,90-1000"]
                    .map(Some)
                    .contains(&it.case.field("Range"))
        },
    },
    Known {
        title: "No blanks within a range",
        reason: "RFC 9110 14.1.2 has none beside the dash.",
        covers: |it| {
            it.case.field("Range").is_some_and(|range| range.contains(" - ")) && it.is("status", "206", "200")
        },
    },
    // Conditions.
    Known {
        title: "If-Modified-Since may be later than the file",
        reason: "RFC 9110 13.1.3 asks whether the file has changed since. nginx wants the very same date, unless it has \
                 `if_modified_since before`.",
        covers: |it| {
            it.case.fields.len() == 1
                && it.case.count("If-Modified-Since") == 1
                && it.is("status", "200", "304")
        },
    },
    Known {
        title: "If-None-Match outranks If-Modified-Since",
        reason: "RFC 9110 13.2.2: the date is not looked at.",
        covers: |it| {
            it.case.fields.len() == 2 && it.case.count("If-None-Match") == 1 && it.is("status", "200", "304")
        },
    },
    Known {
        title: "If-Match outranks If-Unmodified-Since",
        reason: "RFC 9110 13.2.2: the date is not looked at.",
        covers: |it| it.case.count("If-Match") == 1 && it.is("status", "412", "200"),
    },
    Known {
        title: "What is no date is no condition",
        reason: "RFC 9110 13.1.4 has it be ignored.",
        covers: |it| it.case.count("If-Unmodified-Since") == 1 && it.is("status", "412", "200"),
    },
    Known {
        title: "A list may be on several lines",
        reason: "RFC 9110 5.2. nginx refuses a second If-None-Match.",
        covers: |it| it.case.count("If-None-Match") == 2 && it.is("status", "400", "304"),
    },
    // Codings.
    Known {
        title: "Where twins may lie, all files vary",
        reason: "A twin may be there tomorrow, and a cache would go on sending the original. nginx says so only of files \
                 that have one.",
        covers: |it| it.is("Vary", "", "Accept-Encoding"),
    },
    Known {
        title: "A twin without its original is not served",
        reason: "Whoever removes a file wants it to be gone.",
        covers: |it| it.case.target == "/orphan.txt",
    },
    Known {
        title: "Twins have ranges",
        reason: "They are files like others, with entity tags of their own. nginx ignores Range where it sends a twin.",
        covers: |it| {
            it.case.field("Accept-Encoding") == Some("gzip")
                && it.case.count("Range") == 1
                && (it.is("status", "200", "206") || it.is("status", "200", "416"))
        },
    },
    Known {
        title: "Other names for gzip",
        reason: "RFC 9110 8.4.1.3 has `x-gzip` be the same, and 12.5.3 has `*` stand for what is not named.",
        covers: |it| {
            it.is("Content-Encoding", "", "gzip")
                && it
                    .case
                    .field("Accept-Encoding")
                    .is_some_and(|value| value == "x-gzip" || value.starts_with('*'))
        },
    },
    Known {
        title: "What is liked better is sent",
        reason: "Of two weights the higher one counts (RFC 9110 12.4.2), also if it is the original's.",
        covers: |it| {
            it.is("Content-Encoding", "gzip", "")
                && it.case.field("Accept-Encoding").is_some_and(|value| value.contains("identity"))
        },
    },
    Known {
        title: "Accept-Encoding may be on several lines",
        reason: "RFC 9110 5.2. nginx looks at the first.",
        covers: |it| it.case.count("Accept-Encoding") == 2 && it.is("Content-Encoding", "", "gzip"),
    },
    Known {
        title: "Errors do not vary",
        reason: "Nothing of a 412 depends on codings.",
        covers: |it| it.case.count("If-Match") == 1 && it.is("Vary", "Accept-Encoding", ""),
    },
    // Types.
    Known {
        title: "Names of types are today's",
        reason: "RFC 9239 has JavaScript be `text/javascript`, RFC 6713 registers `application/gzip`; Debian's nginx has \
                 older names.",
        covers: |it| {
            it.what == "Content-Type"
                && (it.rproxy.starts_with("text/javascript") || it.rproxy == "application/gzip")
        },
    },
    Known {
        title: "SVG is text",
        reason: "So it has a charset, as other XML has.",
        covers: |it| it.is("Content-Type", "image/svg+xml", "image/svg+xml; charset=utf-8"),
    },
];

fn is_hidden(target: &str) -> bool {
    let target = target.replace("%2e", ".");
    target.contains("/.") && !target.contains("/.well-known")
}

fn longest_number(difference: &Difference<'_>) -> usize {
    let range = difference.case.field("Range").unwrap_or_default();
    range.split(|character: char| !character.is_ascii_digit()).map(str::len).max().unwrap_or_default()
}
