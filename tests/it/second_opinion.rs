//! tower-http's file service as a second opinion: the same ranges and conditions, the same answers.
//!
//! Three differences are left out: it refuses several ranges at once, which here are no range at all, and a suffix
//! longer than the file, which RFC 9110 14.1.2 has mean the whole of it, and a range that ends before it begins, which by
//! 14.1.1 is to be ignored.

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use tower::ServiceExt;
use tower_http::services::ServeDir;

use crate::support::{Proxy, Request};

const TEXT: &str = "0123456789abcdefghijklmnopqrstuvwxyz";

/// Status and body, and the part it is of the whole.
type Answer = (u16, Vec<u8>, Option<String>);

async fn opinion(directory: &std::path::Path, path: &str, fields: &[(&str, String)]) -> Answer {
    let mut request = hyper::Request::get(path);
    for (name, value) in fields {
        request = request.header(*name, value);
    }
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let answer = ServeDir::new(directory).oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let part = answer.headers().get("content-range").map(|range| range.to_str().unwrap().to_owned());
    let body = answer.into_body().collect().await.unwrap().to_bytes().to_vec();
    (status, if status < 300 { body } else { Vec::new() }, part)
}

fn ours(proxy: &Proxy, path: &str, fields: &[(&str, String)]) -> Answer {
    let mut request = Request::get(path);
    for (name, value) in fields {
        request = request.header(name, value);
    }
    let answer = proxy.send(&request);
    let part = answer.header("content-range").map(str::to_owned);
    (answer.status, if answer.status < 300 { answer.body.clone() } else { Vec::new() }, part)
}

#[test]
fn ranges_and_dates_are_judged_alike() {
    let proxy = Proxy::files().file("www/text.txt", TEXT).start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let modified = proxy.get("/text.txt").header("last-modified").unwrap().to_owned();
    let long_ago = "Sat, 01 Jan 2000 00:00:00 GMT".to_owned();
    let mut cases: Vec<(&str, Vec<(&str, String)>)> = vec![("/text.txt", vec![]), ("/none.txt", vec![])];
    for range in ["0-0", "0-", "5-9", "-5", "-36", "35-", "36-", "100-200", "0-35", "0-36"] {
        cases.push(("/text.txt", vec![("Range", format!("bytes={range}"))]));
    }
    for date in [&modified, &long_ago] {
        cases.push(("/text.txt", vec![("If-Modified-Since", date.clone())]));
        cases.push(("/text.txt", vec![("If-Unmodified-Since", date.clone())]));
    }
    let directory = proxy.dir().join("www");
    for (path, fields) in cases {
        let theirs = runtime.block_on(opinion(&directory, path, &fields));
        assert_eq!(ours(&proxy, path, &fields), theirs, "{path} {fields:?}");
    }
}
