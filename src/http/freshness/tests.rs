use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use sha2::{Digest, Sha256};

use super::*;

/// Names of build tools, with hashes that they made or could have made.
#[rustfmt::skip]
const HASHED: &[&str] = &[
    // Django's ManifestStaticFilesStorage
    "/static/admin/css/base.27e20196a850.css",
    "/static/css/site.5e0040571e1a.css",
    "/static/js/app.min.d41d8cd98f00.js",
    "/static/img/logo.27e20196a850.png",
    "/static/docs/manual.27e20196a850.pdf",
    "/static/fonts/inter.var.b1946ac92492.woff2",
    "/static/data/countries.8ac0d1f25b3c.json",
    // webpack, Create React App, Vue CLI
    "main.3f2a9c1b.js",
    "main.3f2a9c1b.chunk.js",
    "static/js/2.8b3e1f4d.chunk.js",
    "css/app.e1f2a3b4.css",
    "static/media/logo.6ce24c58023cc2f8fd88fe9d219db6c6.svg",
    "vendors~main.4a1f0c9be27d8835b610.js",
    "runtime.c51aa32f7d1e4b60.bundle.js",
    "main-3f2a9c1b4d5e.chunk.js",
    "app.9f86d081884c7d65.min.js",
    "polyfills-78c92fac7aa8fdd8.js",
    "0a.1b2c3d4e5f.mjs",
    "main.3f2a9c1b4d5e6f708192.css",
    // Parcel
    "index.a1b2c3d4.js",
    "index.f0b7c2e9.css",
    "hero.6d2f9a01.webp",
    // Vite and Rollup
    "assets/index-BsJK3x9_.js",
    "/assets/index-D4kFq7Zt.css",
    "/assets/vendor-Cx0Tq2j-.js",
    "/assets/logo-x7PkQ2dR.png",
    "/assets/inter-B2tWn9cK.woff2",
    "/assets/index-_tXbQ4Zs.js",
    // esbuild and Angular
    "main-Q7XK2ABC.js",
    "styles-5INUR2SO.css",
    "chunk-ABCDEFG2.js",
    "chunk-VQX7K2AB.mjs",
    // Rails: Sprockets and Propshaft; Phoenix
    "application-9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0bf15fb5c1c2d3e4f5a6b7.css",
    "logo-7f0c1b2a.png",
    "app-5e543256c480ac577d30f76f9120eb74.css",
    // Hugo
    "main.2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824.css",
    // Gatsby
    "webpack-runtime-1b9f4e0d2c3a5b6f7d8e.js",
    "component---src-pages-index-js-0a1b2c3d4e5f6a7b8c9d.js",
    // Next.js, SvelteKit, Astro
    "/_next/static/chunks/main.js",
    "/_next/static/k2Jx0_Zb/_buildManifest.js",
    "/docs/_next/static/css/7f2c.css",
    "_next/static/media/a34f9d1faa5f3315-s.p.woff2",
    "/_app/immutable/entry/start.js",
    "/_astro/hoisted.js",
    // Maps and twins
    "main.3f2a9c1b.js.map",
    "main.3f2a9c1b.chunk.js.map.gz",
    "main.3f2a9c1b.js.br",
    "index-BsJK3x9_.js.zst",
    "site.5e0040571e1a.css.gz",
];

/// What people and their devices call files.
#[rustfmt::skip]
const ORDINARY: &[&str] = &[
    "jquery-migrate.min.js", "bootstrap-datepicker.js", "app-settings.js", "moment-timezone.js",
    "font-awesome.css", "jquery-3.7.1.min.js", "bootstrap.bundle.min.js", "vue.global.prod.js",
    "react-dom.production.min.js", "d3.v7.min.js", "three.module.js", "core-js.js", "normalize.css",
    "highlight-dracula.css", "swagger-ui-bundle.js", "service-worker.js", "sw.js", "favicon.ico",
    "manifest.json", "robots.txt", "sitemap.xml", "main.js", "main.css", "app.bundle.js", "index.min.css",
    // Eight letters behind a dash
    "my-timezone.js", "foo-settings.js", "app-HomePage.js", "view-MyPage2x.js", "lib-Utf8Text.js",
    "lib-Win32Api.js", "view-MyOwnApp.js", "theme-jQueryUI.css", "app-JSONView.js", "icon-iPhone15.png",
    "app-version2.js", "page-CHAPTER2.css", "docs-TEMPLATE.js", "part-MP3AUDIO.js", "chunk-SETTINGS.js",
    "x-abcdefgh.js", "x-ABCDEFGH.js", "x-12345678.js", "x-________.js", "x---------.js", "part-x64_MP3z.js", "part-S2_E3-v1.js",
    // Dates, numbers, cameras
    "photo-20240115.jpg", "report-12345678.pdf", "IMG-20240115-WA0001.jpg", "IMG_20240115_101500.jpg",
    "photo-1024x768.jpg", "photo-IMG_1234.jpg", "photo-DSC_0042.jpg", "photo-01-15-24.jpg",
    "backup.20240115.js", "backup.20240115b.js", "bundle.20240115cafe.css", "app-20240115123000.js",
    "app.1700000000.js", "style.123456789012.css", "scan.00000001.png", "PXL_20240115_101500123.jpg",
    "Screenshot-2024-01-15.png", "data.2024-01-15.json", "log.19991231.txt",
    // Words in hexadecimal letters
    "menu-cafe2024.jpg", "wall-facade01.png", "fabaceae.png", "x.deadbeef.js", "x-decade10.css",
    "x.defaced.js", "x.2024cafe.js", "x.1234567e.js", "x.e1234567.js", "x.0123456789ab.js", "x.cafe12345678.js", "x-0facade0.js", "x-jQuery2X.js",
    // Numbers of things, not of their content
    "550e8400-e29b-41d4-a716-446655440000.jpg", "photo-550e8400-e29b-41d4-a716-44665544000a.js",
    "avatar-9b2f4c1a-77d0-4e3b-8c55-0242ac120002.png", "avatar-550e8400e29b41d4a716446655440000.jpg",
    "avatar.550e8400e29b41d4a716446655440000.png", "photo-1506744038136-46273834b3fb.jpg",
    "d41d8cd98f00b204e9800998ecf8427e.jpg", "3f2a9c1b.js", "-3f2a9c1b.js", ".3f2a9c1b.js", "BsJK3x9_.js",
    "photo_a1B2c3D.jpg", "v1.2.3-4-g3f2a9c1.js", "lib-1.2.3-beta2.js", "lib-3f2a9c1.js",
    // Too short, upper case, or of no kind that build tools make
    "main.3f2a9c.js", "main.3F2A9C1B.js", "dump.3f2a9c1b.sql", "report-3f2a9c1b.pdf", "notes-BsJK3x9_.txt",
    // Folders with other names
    "/x_next/static/main.js", "/_next/statics/main.js", "/_next/static/development/_buildManifest.js",
    "/_app/version.json", "/my_astro/a.css", "/3f2a9c1b/main.js", "/main.3f2a9c1b.js/readme",
    "main.js.map", "main.css.br", "archive.tar.gz", "README", "data.",
];

fn is_forever(path: &str) -> bool {
    auto(path.as_bytes()) == FOREVER
}

#[test]
fn names_with_a_hash_are_kept_for_a_year() {
    for name in HASHED {
        assert!(is_forever(name), "{name}");
    }
}

#[test]
fn all_other_names_are_asked_about_again() {
    assert!(HASHED.len() + ORDINARY.len() > 130);
    for name in ORDINARY {
        assert_eq!(auto(name.as_bytes()), REST, "{name}");
    }
}

#[test]
fn pages_are_asked_about_whatever_they_are_called() {
    for name in [
        "/",
        "",
        "/docs/",
        "index.html",
        "/a/INDEX.HTM",
        "page.3f2a9c1b.html",
        "index.html.br",
        "a.xhtml",
        "/_next/static/a.html",
        "page-BsJK3x9_.shtml",
    ] {
        assert_eq!(auto(name.as_bytes()), PAGE, "{name}");
    }
}

/// How many of 10 000 random hashes are seen in a name.
fn seen(alphabet: &str, length: usize, prefix: &str, suffix: &str) -> usize {
    let alphabet = alphabet.as_bytes();
    let name = |number: u32| {
        let digest = Sha256::digest(number.to_le_bytes());
        let letters =
            digest.iter().take(length).map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()]));
        format!("{prefix}{}{suffix}", letters.collect::<String>())
    };
    (0..10_000).filter(|number| is_forever(&name(*number))).count()
}

#[test]
fn as_many_hashes_are_seen_as_is_said() {
    let hexadecimal = "0123456789abcdef";
    let base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (alphabet, length, prefix, suffix, expected) in [
        (hexadecimal, 8, "main.", ".js", 7_500..8_300),
        (hexadecimal, 12, "base.", ".css", 9_500..9_800),
        (hexadecimal, 20, "main.", ".chunk.js", 9_900..10_001),
        (hexadecimal, 32, "app-", ".css", 9_400..9_700),
        (base64, 8, "index-", ".js", 3_700..3_900),
        (base32, 8, "main-", ".js", 3_500..3_900),
        (base32, 8, "chunk-", ".js", 7_900..8_300),
    ] {
        let seen = seen(alphabet, length, prefix, suffix);
        assert!(expected.contains(&seen), "{seen} of {prefix}{length}{suffix}");
    }
}

#[rustfmt::skip]
const WORDS: &[&str] = &[
    "jquery", "migrate", "bootstrap", "datepicker", "app", "settings", "moment", "timezone", "photo", "report",
    "font", "awesome", "index", "main", "vendor", "chunk", "style", "theme", "dark", "light", "admin", "base",
    "login", "header", "footer", "sidebar", "button", "dialog", "calendar", "gallery", "carousel", "thumbnail",
    "logo", "icon", "banner", "hero", "avatar", "profile", "invoice", "summary", "chapter", "section", "page",
    "backup", "archive", "export", "import", "dashboard", "analytics", "tracking", "polyfill", "runtime",
    "worker", "locale", "messages", "english", "deutsch", "francais", "react", "redux", "angular", "svelte",
    "router", "client", "server", "utils", "helpers", "common", "shared", "core", "legacy", "modern", "mobile",
    "desktop", "tablet", "retina", "small", "large", "medium", "facade", "decade", "cafe", "face", "feed",
    "added", "faded", "deed", "abc", "HTML", "CSS", "JSON", "XML", "PDF", "API", "URL", "iPhone", "jQuery",
    "YouTube", "GitHub", "DSC", "IMG", "WA", "MP3", "H264", "UTF8", "Win32", "x64", "2x", "v2", "v10", "beta1",
];

fn word() -> impl Strategy<Value = String> {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    prop_oneof![
        6 => prop::sample::select(WORDS).prop_map(str::to_owned),
        2 => prop::sample::select(WORDS).prop_map(capital),
        1 => prop::sample::select(WORDS).prop_map(str::to_uppercase),
        1 => (0..20_u32).prop_map(|number| number.to_string()),
        1 => (0..100_000_000_u32).prop_map(|number| format!("{number:08}")),
        1 => (1990..2040, 1..13, 1..32).prop_map(|(year, month, day)| format!("{year}{month:02}{day:02}")),
        1 => (1990..2040, 1..13, 1..32).prop_map(|(year, month, day)| format!("{year}-{month:02}-{day:02}")),
        1 => (1..4000, 1..4000).prop_map(|(width, height)| format!("{width}x{height}")),
        1 => (0..5, 0..30, 0..30).prop_map(|(major, minor, patch)| format!("{major}.{minor}.{patch}")),
        1 => any::<u128>().prop_map(uuid),
    ]
}

fn uuid(bits: u128) -> String {
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, rng_seed: RngSeed::Fixed(1), ..Default::default() })]

    /// Of 20 000 names that people could have written, always the same, not one is taken for a hashed one. Of
    /// a million others the first that was is number 220 488, `jquery--2HTMLMP3.min.js`.
    #[test]
    fn no_name_made_of_words_is_kept_for_a_year(
        parts in prop::collection::vec((word(), prop::sample::select(&["-", ".", "_", "", "--"][..])), 1..5),
        extension in prop::sample::select(&["js", "css", "png", "jpg", "woff2", "json", "pdf", "min.js", "js.map"][..]),
    ) {
        let name: String = parts.iter().flat_map(|(word, mark)| [word.as_str(), mark]).collect();
        let name = format!("{}.{extension}", name.trim_end_matches(['-', '.', '_']));
        prop_assert!(!is_forever(&name), "{name}");
    }

    #[test]
    fn any_path_is_taken(path: Vec<u8>) {
        prop_assert!([FOREVER, PAGE, REST].iter().any(|value| auto(&path) == *value));
    }
}
