use super::*;

#[test]
fn conditions_are_answered_from_memory_and_from_disk_alike() {
    let site = Site::new(&[("small.txt", "small"), ("large.txt", &"x".repeat(70_000))]);
    let files = site.files(|_| ());
    for target in ["/small.txt", "/large.txt"] {
        let first = get(&files, target);
        let (etag, modified) = (field(&first, header::ETAG), field(&first, header::LAST_MODIFIED));
        for fields in [("if-none-match", etag), ("if-modified-since", modified)] {
            let response = get_with(&files, target, &[fields]);
            assert_eq!(response.status, StatusCode::NOT_MODIFIED);
            assert!(response.body.is_empty());
            assert_eq!(field(&response, header::ETAG), etag);
            assert_eq!(field(&response, header::LAST_MODIFIED), modified);
            assert!(!response.headers.contains_key(header::CONTENT_TYPE));
        }
        let failed = respond(&files, request_with(target, &[("if-match", "\"other\"")]));
        assert_eq!(failed.unwrap_err().cause, Cause::PreconditionFailed);
    }
}

#[test]
fn ranges_are_cut_from_memory_and_from_disk_alike() {
    let long = "0123456789".repeat(7000);
    let site = Site::new(&[("small.txt", "0123456789"), ("large.txt", &long)]);
    let files = site.files(|_| ());
    for (target, length) in [("/small.txt", 10), ("/large.txt", 70_000)] {
        let response = get_with(&files, target, &[("range", "bytes=2-4")]);
        assert_eq!(response.status, StatusCode::PARTIAL_CONTENT);
        assert_eq!(content(&response.body), "234");
        assert_eq!(field(&response, header::CONTENT_RANGE), format!("bytes 2-4/{length}"));
        assert_eq!(content(&get_with(&files, target, &[("range", "bytes=-3")]).body), "789");
        let near = get_with(&files, target, &[("range", "bytes=0-1,3-4")]);
        assert_eq!(field(&near, header::CONTENT_RANGE), format!("bytes 0-4/{length}"));
        assert_eq!(content(&near.body), "01234");
    }
}

#[test]
fn a_range_behind_the_end_is_told_the_length() {
    let site = Site::new(&[("a.txt", "0123456789")]);
    let fault = respond(&site.files(|_| ()), request_with("/a.txt", &[("range", "bytes=10-")])).unwrap_err();
    assert_eq!(fault.cause, Cause::RangeNotSatisfiable);
    let (name, value) = *fault.header.unwrap();
    assert_eq!((name, value.to_str().unwrap()), (header::CONTENT_RANGE, "bytes */10"));
}

#[test]
fn if_range_sends_all_of_a_file_that_is_another_now() {
    let site = Site::new(&[("a.txt", "0123456789")]);
    let files = site.files(|_| ());
    let etag = field(&get(&files, "/a.txt"), header::ETAG).to_owned();
    let part = get_with(&files, "/a.txt", &[("range", "bytes=0-1"), ("if-range", &etag)]);
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    let whole = get_with(&files, "/a.txt", &[("range", "bytes=0-1"), ("if-range", "\"old\"")]);
    assert_eq!((whole.status, content(&whole.body).len()), (StatusCode::OK, 10));
}

#[test]
fn preconditions_come_before_ranges() {
    let site = Site::new(&[("a.txt", "0123456789")]);
    let files = site.files(|_| ());
    let etag = field(&get(&files, "/a.txt"), header::ETAG).to_owned();
    let response = get_with(&files, "/a.txt", &[("range", "bytes=99-"), ("if-none-match", &etag)]);
    assert_eq!(response.status, StatusCode::NOT_MODIFIED);
}
