use std::time::Duration;

use futures_util::FutureExt;
use tower::service_fn;

use super::*;
use crate::http::Body;
use crate::http::testing::request;
use crate::middleware::AccessFormat;
use crate::observe::{AccessLog, Counters, Destination, Floods};
use crate::router::{self, LocationPattern};

const MINUTE: Duration = Duration::from_mins(1);

/// One site, whose only location has this handler.
fn stack(handler: Handler, counters: &Counters) -> Stack {
    let location = Location {
        handler,
        limit: BodyLimit { max_body: None, body: MINUTE, send: MINUTE },
        place: "site.toml:1".into(),
        rewrite: None,
        response_headers: HeaderRules::default(),
        delivery: Delivery::default(),
        internal: false,
        files: false,
    };
    let listener = request("/").connection.listener.as_ref().clone();
    let locations = vec![(LocationPattern::Prefix("/".into()), Rc::new(location))];
    let site = router::Site { listen: vec![listener], hosts: Vec::new(), locations };
    let journal = Journal {
        lines: AccessLog::open(&Destination::Off).unwrap().lines(),
        format: Arc::new(AccessFormat::Combined),
        counts: counters.shard(),
        floods: Arc::<Floods>::default(),
    };
    Stack::from_parts(
        Router::new([site]),
        vec![Arc::new(Site::default())],
        TrustedProxies::default(),
        Arc::default(),
        journal,
        Witness::default(),
    )
}

/// An answer that takes no waiting.
fn answer(stack: &mut Stack, path: &str) -> Response {
    let incoming = Incoming::Request(Box::new(request(path)));
    stack.call(incoming).now_or_never().unwrap().unwrap()
}

#[test]
fn a_panic_ends_its_request_with_a_500_and_is_counted() {
    let counters = Counters::default();
    let handler = Handler::new(service_fn(|request: Box<Request>| async move {
        assert!(&request.target.path[..] != b"/bug", "a bug in a handler");
        Ok(Outcome::Response(Response::default().with_body("fine")))
    }));
    let mut stack = stack(handler, &counters);
    for _ in 0..2 {
        let mut response = answer(&mut stack, "/bug");
        assert_eq!(response.status, 500);
        let Body::Bytes(body) = &response.body else { panic!("no page") };
        assert_eq!(&body[..], b"500 Internal Server Error: something went wrong here\n");
        response.on_end.call(crate::http::Sent { body_bytes: 0, bytes: 0, fault: None });
        assert_eq!(answer(&mut stack, "/").status, 200);
    }
    assert_eq!(counters.read().of(Cause::Internal), 2);
}
