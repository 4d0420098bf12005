//! From the notes of a witness to an explanation.

use bytes::Bytes;

use super::answer::{self, lossy};
use super::arrival::Arrival;
use super::explanation::{Answer, Asked, Failure, Found, Told, ToldSetting};
use super::session::Session;
use super::{Explanation, Question, site, why};
use crate::config::Setting;
use crate::config::model::{Action, Location, Site};
use crate::http::{Authority, Cause, Sending, Sight, Step};
use crate::runtime::Rehearsed;

/// Takes the steps one by one, and knows at each where the request is.
pub(super) struct Story<'a> {
    session: &'a Session<'a>,
    question: &'a Question,
    arrival: &'a Arrival,
    told: Vec<Told>,
    pub way: Way,
}

/// Where a request has come to, and what it found there.
#[derive(Debug, Default)]
pub(super) struct Way {
    pub site: Option<usize>,
    /// It is sent to https before any location is looked for.
    pub secured: bool,
    /// By its index within the site.
    pub location: Option<usize>,
    pub file: Option<String>,
    pub twin: Option<String>,
    pub sending: Option<Sending>,
    /// Why there is no answer, until a page is shown for it.
    pub failed: bool,
    /// What an error page is for.
    pub error: Option<Failure>,
    /// The last step was a search, whose winner needs no word of its own.
    searched: bool,
}

impl<'a> Story<'a> {
    pub fn new(session: &'a Session<'a>, question: &'a Question, arrival: &'a Arrival) -> Self {
        Self { session, question, arrival, told: Vec::new(), way: Way::default() }
    }

    /// `None` where nothing has answered within the time that there is.
    pub fn tell(mut self, rehearsed: Option<Rehearsed>) -> Explanation {
        let (steps, written) = match rehearsed {
            Some(Rehearsed { response, head, steps }) => (steps, Some((response, head))),
            None => (Vec::new(), None),
        };
        for step in steps {
            self.step(step);
        }
        let answer = answer::answer(&self.way, self.session, written);
        let Self { session, arrival, way, .. } = &self;
        let (config, router) = (&session.loaded.config, &session.router);
        let listener = &*arrival.connection.listener;
        let host = Authority::parse(&arrival.host).map(|authority| authority.host).unwrap_or_default();
        Explanation {
            request: self.asked(),
            notes: self.notes(&answer),
            site: way.site.and_then(|index| site::chosen(index, config, router, listener, &host)),
            other_sites: if self.is_read() {
                site::others(way.site, config, router, listener, &host)
            } else {
                Vec::new()
            },
            location: self.location().map(why::written),
            settings: self.settings(answer.upstream.as_ref().map(|sent| sent.name.as_str())),
            steps: self.told,
            answer,
        }
    }

    /// What cannot be read has no host, and so no site that it could have.
    fn is_read(&self) -> bool {
        let unknown = |failure: &Failure| failure.cause == Some(Cause::UnknownHost.name());
        self.way.site.is_some() || self.way.error.as_ref().is_some_and(unknown)
    }

    fn step(&mut self, step: Step) {
        let searched = std::mem::take(&mut self.way.searched);
        let told = match step {
            Step::Site(index) => {
                self.way.site = Some(index);
                return;
            }
            Step::Secure => {
                self.way.secured = true;
                Some(Told::Secure { place: self.place_of_site("https_only") })
            }
            Step::Search(path) => self.search(&path),
            Step::Enter(index) => {
                self.enter(index);
                // The search has told of it.
                self.location()
                    .filter(|_| !searched)
                    .map(|found| Told::Enter { location: why::written(found) })
            }
            Step::Rewrite { path, target } => self.rewrite(&path, &target),
            Step::Keep => self.keep(),
            Step::Candidate(path) => Some(Told::Try { path: lossy(&path) }),
            Step::Look { path, found } => {
                let path = path.to_string_lossy().into_owned();
                if found == Sight::File {
                    self.way.file = Some(path.clone());
                }
                Some(Told::Look { path, found: shown(found) })
            }
            Step::Twin(path) => {
                let path = path.to_string_lossy().into_owned();
                self.way.twin = Some(path.clone());
                Some(Told::Twin { path })
            }
            Step::Send(sending) => {
                let upstream = sending.upstream.to_string();
                self.way.sending = Some(*sending);
                Some(Told::Send { upstream })
            }
            Step::Fail { status, cause, detail } => {
                let status = status.as_u16();
                self.fail(status, cause, &detail);
                Some(Told::Fail { status, cause, detail })
            }
        };
        self.told.extend(told);
    }

    /// Whatever was found elsewhere does not count here.
    fn enter(&mut self, index: usize) {
        let Way { site, error, .. } = std::mem::take(&mut self.way);
        self.way = Way { site, error, location: Some(index), ..Way::default() };
    }

    /// The first failure is what the answer says; those of its page are only told of.
    fn fail(&mut self, status: u16, cause: Option<&'static str>, detail: &str) {
        let Way { site, location, error, .. } = std::mem::take(&mut self.way);
        let first = || Failure { status, cause, detail: detail.to_owned() };
        self.way =
            Way { site, location, failed: true, error: error.or_else(|| Some(first())), ..Way::default() };
    }

    fn search(&mut self, path: &Bytes) -> Option<Told> {
        self.way.searched = true;
        let verdicts = self.session.router.locations(self.way.site?)?.verdicts(path);
        let candidates = why::candidates(&self.site()?.locations, &verdicts);
        Some(Told::Search { path: lossy(path), candidates })
    }

    fn rewrite(&self, path: &[u8], target: &[u8]) -> Option<Told> {
        let rule = self.location()?.rewrite.as_ref()?;
        let (from, to, place) = (rule.from.to_string(), rule.to.to_string(), self.place_of("rewrite.from"));
        Some(Told::Rewrite { from, to, place, path: lossy(path), target: lossy(target) })
    }

    fn keep(&self) -> Option<Told> {
        let rule = self.location()?.rewrite.as_ref()?;
        Some(Told::Keep { from: rule.from.to_string(), place: self.place_of("rewrite.from") })
    }

    fn place_of(&self, key: &str) -> String {
        place_in(&self.location_settings(), key)
    }

    fn place_of_site(&self, key: &str) -> String {
        let settings = self.way.site.map(|site| self.session.loaded.site_settings(site));
        place_in(&settings.unwrap_or_default(), key)
    }

    fn site(&self) -> Option<&'a Site> {
        self.session.loaded.config.sites.get(self.way.site?)
    }

    fn location(&self) -> Option<&'a Location> {
        self.site()?.locations.get(self.way.location?)
    }

    fn asked(&self) -> Asked {
        let Self { question, arrival, .. } = self;
        let headers = question.headers.iter();
        Asked {
            method: question.method.to_string(),
            target: lossy(&question.url.target),
            host: lossy(&arrival.host),
            headers: headers.map(|(name, value)| (name.to_string(), lossy(value.as_bytes()))).collect(),
            peer: arrival.connection.peer.to_string(),
            listener: arrival.connection.listener.to_string(),
        }
    }

    fn notes(&self, answer: &Answer) -> Vec<String> {
        let mut notes = self.arrival.notes.clone();
        if answer.upstream.is_some() {
            notes.push("X-Request-ID and X-Request-Start differ from request to request".into());
        }
        let leads_on = self.location().is_some_and(|location| match &location.action {
            Action::Proxy(proxy) => proxy.accel,
            _ => false,
        });
        if leads_on && self.site().is_some_and(|site| site.locations.iter().any(|one| one.internal)) {
            notes.push(
                "an application may have an internal location answer, by X-Accel-Redirect or X-Sendfile"
                    .into(),
            );
        }
        notes
    }

    fn location_settings(&self) -> Vec<Setting> {
        let indexes = self.way.site.zip(self.way.location);
        indexes
            .map(|(site, location)| self.session.loaded.location_settings(site, location))
            .unwrap_or_default()
    }

    fn settings(&self, upstream: Option<&str>) -> Vec<ToldSetting> {
        let loaded = self.session.loaded;
        let upstream = loaded.config.upstreams.iter().position(|one| Some(one.name.as_str()) == upstream);
        let of_site = self.way.site.map(|site| loaded.site_settings(site)).unwrap_or_default();
        let of_upstream = upstream.map(|index| loaded.upstream_settings(index)).unwrap_or_default();
        let all = [("location", self.location_settings()), ("site", of_site), ("upstream", of_upstream)];
        let told = |of, Setting { key, value, place }: Setting| ToldSetting {
            of,
            key,
            value,
            place: place.as_ref().map(why::place),
        };
        all.into_iter()
            .flat_map(|(of, settings)| settings.into_iter().map(move |one| told(of, one)))
            .collect()
    }
}

fn place_in(settings: &[Setting], key: &str) -> String {
    let found = settings.iter().find(|setting| setting.key == key);
    found.and_then(|setting| setting.place.as_ref()).map(why::place).unwrap_or_default()
}

const fn shown(found: Sight) -> Found {
    match found {
        Sight::Missing => Found::Missing,
        Sight::File => Found::File,
        Sight::Directory => Found::Directory,
        Sight::Unfit => Found::Unfit,
        Sight::Refused => Found::Refused,
    }
}
