//! The Date field, written once a second for each event loop.

use std::cell::RefCell;
use std::time::SystemTime;

use ::http::HeaderValue;
use bytes::{BufMut, Bytes, BytesMut};

thread_local! {
    static DATE: RefCell<Date> =
        const { RefCell::new(Date { second: 0, text: Bytes::new() }) };
}

struct Date {
    second: u64,
    text: Bytes,
}

/// Appends the present time as an IMF-fixdate (RFC 9110 5.6.7).
pub(super) fn append_date(out: &mut BytesMut) {
    out.put_slice(&now());
}

/// The present time as the value of a field.
pub(super) fn date() -> HeaderValue {
    HeaderValue::from_maybe_shared(now()).unwrap_or(HeaderValue::from_static(""))
}

fn now() -> Bytes {
    let now = SystemTime::now();
    let second = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    DATE.with_borrow_mut(|date| {
        if date.second != second || date.text.is_empty() {
            date.second = second;
            date.text = httpdate::fmt_http_date(now).into();
        }
        date.text.clone()
    })
}
