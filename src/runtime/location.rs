//! One location of the model as a handler with what stands before and behind it.

use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tower::service_fn;

use super::stack::Location;
use super::{Buffers, process};
use crate::coding::Policy;
use crate::config::model::{self, Action, RequestBuffering};
use crate::handler::files::{self, Files, HotFiles};
use crate::handler::{Handler, Outcome, Proxy, Redirect, Rehearsal, Respond};
use crate::http::{LimitRate, MediaTypes, Request, Template, Witness};
use crate::middleware::{BodyLimit, Compression, Delivery, Overflow, RequestBuffer};
use crate::router::LocationPattern;
use crate::upstream::{Dialer, Pool, Upstream};

/// Builds the locations of one event loop around what they share there.
pub(super) struct Builder {
    hot: Rc<HotFiles>,
    dialers: Vec<Rc<Dialer>>,
    buffers: Buffers,
    /// Who asks what becomes of requests, if that is all they are for.
    witness: Witness,
}

impl Builder {
    pub fn new<'a>(
        upstreams: impl Iterator<Item = &'a Arc<Upstream>>,
        buffers: &Buffers,
        pool: &Rc<Pool>,
        witness: &Witness,
    ) -> Self {
        let dialers = upstreams.map(|upstream| Rc::new(Dialer::new(Arc::clone(upstream), pool))).collect();
        let hot = Rc::new(HotFiles::new(files::Limits {
            open: process::share_of_descriptors(),
            ..Default::default()
        }));
        tokio::task::spawn_local(close_idle(Rc::downgrade(&hot)));
        Self { hot, dialers, buffers: buffers.clone(), witness: witness.clone() }
    }

    pub fn location(&self, location: &model::Location) -> Location {
        Location {
            handler: self.handler(location),
            limit: BodyLimit {
                max_body: location.max_body,
                body: location.timeouts.body,
                send: location.timeouts.send,
            },
            place: format!("{}:{}", location.origin.file.display(), location.origin.line),
            rewrite: location.rewrite.as_ref().map(|rewrite| (rewrite.from.clone(), rewrite.to.clone())),
            response_headers: location.response_headers.clone(),
            delivery: delivery(location),
            internal: location.internal,
            files: matches!(location.action, Action::Files(_)),
        }
    }

    fn handler(&self, location: &model::Location) -> Handler {
        match &location.action {
            Action::Files(settings) => self.files(settings, location),
            Action::Proxy(proxy) => self.proxy(*proxy, location),
            Action::Redirect { to, status } => {
                let redirect = Rc::new(Redirect { to: to.clone(), status: *status });
                immediate(move |request| Ok(redirect.answer(&request)))
            }
            Action::Respond { status, body, content_type } => {
                let (body, content_type) = (body.clone(), content_type.clone());
                let respond = Rc::new(Respond { status: *status, body, content_type });
                immediate(move |request| Ok(respond.answer(&request)))
            }
        }
    }

    fn files(&self, settings: &model::Files, location: &model::Location) -> Handler {
        let settings = files::Settings {
            directory: settings.directory.base.clone(),
            below: settings.directory.below.clone(),
            strip: strip(&location.pattern, settings.keep_prefix),
            index: settings.index.clone(),
            listing: settings.listing,
            symlinks: match settings.symlinks {
                model::Symlinks::Inside => files::Symlinks::Inside,
                model::Symlinks::Follow => files::Symlinks::Follow,
                model::Symlinks::Deny => files::Symlinks::Deny,
            },
            r#try: settings.r#try.clone(),
            types: MediaTypes::new(&settings.mime_types, settings.charset.clone()),
            auto_cache: settings.cache == model::CachePolicy::Auto,
            is_private: location.internal,
            precompressed: settings.precompressed.clone(),
            compress: policy(location),
        };
        let files = Rc::new(Files::new(settings, Rc::clone(&self.hot), self.witness.clone()));
        Handler::new(service_fn(move |request: Box<Request>| {
            let files = Rc::clone(&files);
            async move { files.handle(request).await }
        }))
    }

    fn proxy(&self, settings: model::Proxy, location: &model::Location) -> Handler {
        // An index of the model's own list, whose upstreams all have a dialer.
        let Some(dialer) = self.dialers.get(settings.upstream) else {
            return immediate(|_| Err(crate::http::Cause::Internal.into()));
        };
        if self.witness.is_attentive() {
            let (dialer, headers) = (Rc::clone(dialer), location.request_headers.clone());
            let rehearsal = Rc::new(Rehearsal::new(dialer, headers, self.witness.clone()));
            return immediate(move |request| Ok(rehearsal.answer(request)));
        }
        let proxy = Rc::new(Proxy::new(Rc::clone(dialer), location.request_headers.clone(), settings.accel));
        let overflow = match settings.buffer_request {
            RequestBuffering::Off => None,
            RequestBuffering::On => Some(Overflow::Streams),
            RequestBuffering::Required => Some(Overflow::Refused),
        };
        let policy = policy(location).map(Rc::new);
        let buffers = Rc::new(self.buffers.clone());
        Handler::new(service_fn(move |mut request: Box<Request>| {
            let (proxy, buffers) = (Rc::clone(&proxy), Rc::clone(&buffers));
            let overflow = overflow.filter(|_| RequestBuffer::concerns(&request));
            let compression = policy.clone().map(|policy| (Compression::new(&policy, &request), policy));
            async move {
                if let Some(overflow) = overflow {
                    // Boxed, so that requests without a body do not carry what it needs.
                    Box::pin(buffers.requests.fill(&mut request, overflow)).await?;
                }
                let mut outcome = proxy.handle(request).await;
                if let Ok(Outcome::Response(response)) = &mut outcome {
                    buffers.responses.apply(response, settings.buffer_response);
                    if let Some((compression, policy)) = compression {
                        compression.apply(&policy, response);
                    }
                }
                outcome
            }
        }))
    }
}

fn delivery(location: &model::Location) -> Delivery {
    let limit_rate = location.limit_rate;
    Delivery {
        nosniff: location.nosniff,
        cache_control: location.cache_control.clone(),
        limit_rate: limit_rate.map(|model::LimitRate { rate, after }| LimitRate { rate, after }),
    }
}

/// RFC 9110 7.7: what the location itself says of its answers.
fn may_be_transformed(location: &model::Location) -> bool {
    let said = location.cache_control.as_ref().and_then(Template::as_literal).unwrap_or_default();
    !said.split(',').any(|directive| directive.trim().eq_ignore_ascii_case("no-transform"))
}

fn policy(location: &model::Location) -> Option<Policy> {
    let compress = location.compress.as_ref().filter(|_| may_be_transformed(location))?;
    let model::Compress { codings, types, min_size, levels, cookies } = compress;
    // They have been read once already, when they were checked.
    let types = types.as_ref().map(|types| types.iter().filter_map(|text| text.parse().ok()).collect());
    Some(Policy {
        codings: codings.clone(),
        types: types.unwrap_or_default(),
        min_size: *min_size,
        levels: *levels,
        cookies: *cookies,
    })
}

/// How often kept files are looked through for those that nobody asks for.
const ROUND: Duration = Duration::from_secs(10);

/// As long as the files are there.
async fn close_idle(hot: Weak<HotFiles>) {
    loop {
        tokio::time::sleep(ROUND).await;
        let Some(hot) = hot.upgrade() else { return };
        hot.close_idle(Instant::now());
    }
}

/// A handler that never waits.
fn immediate(
    answer: impl Fn(Box<Request>) -> Result<Outcome, crate::http::Fault> + Clone + 'static,
) -> Handler {
    Handler::new(service_fn(move |request| std::future::ready(answer(request))))
}

/// nginx's `alias` and `root`, and what either means where no prefix was matched.
fn strip(pattern: &LocationPattern, keep_prefix: bool) -> files::Strip {
    match pattern {
        _ if keep_prefix => files::Strip::Nothing,
        LocationPattern::Exact(_) => files::Strip::Parent,
        LocationPattern::Prefix(_) | LocationPattern::PrefixFinal(_) => files::Strip::Prefix,
        LocationPattern::Regex { .. } | LocationPattern::Named(_) => files::Strip::Nothing,
    }
}
