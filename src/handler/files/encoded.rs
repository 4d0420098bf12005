//! The forms of a file in a content coding: twins that lie beside it, and what is compressed here.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use ::http::Version;
use ::http::header::CONTENT_TYPE;
use bytes::Bytes;
use smallvec::SmallVec;

use super::answer::Found;
use super::catalog::{Catalog, key};
use super::content;
use super::hot::Space;
use super::open::{Look, Place};
use super::representation::{Content, Representation};
use crate::coding::{self, Accepted, Coding, Encoder, Levels, Policy};
use crate::http::Request;

/// Larger files are compressed anew for each request, piece by piece.
const COMPRESSED_ONCE: u64 = 1024 * 1024;

/// What is sent of a file.
#[derive(Debug)]
pub enum Selected<'a> {
    Whole(Rc<Representation>),
    /// Compressed while it is sent.
    Compressing(Rc<Representation>, Coding, &'a Policy),
}

impl Catalog {
    /// Whether what is sent depends on what the client accepts.
    pub fn has_codings(&self) -> bool {
        !self.precompressed.is_empty() || self.description.compress.is_some()
    }

    /// Whether some clients get it compressed.
    pub fn may_compress(&self, file: &Representation, request: &Request) -> bool {
        self.description.compresses(file, request).is_some()
    }

    /// The form of a file that the client prefers. `with_ranges`: parts are wanted, which there are of files
    /// only.
    pub async fn select(
        self: &Rc<Self>,
        file: Rc<Representation>,
        below: &[u8],
        request: &Request,
        with_ranges: bool,
    ) -> Selected<'_> {
        let (accepted, now) = (Accepted::of(&request.headers), request.read);
        if let Some(twin) = self.twin(&file, below, &accepted, now).await {
            return Selected::Whole(twin);
        }
        let policy = self.description.compresses(&file, request).filter(|_| !with_ranges);
        let Some(policy) = policy else { return Selected::Whole(file) };
        let Some(coding) = accepted.choose(&policy.codings) else { return Selected::Whole(file) };
        if file.length > COMPRESSED_ONCE || !file.state.is_settled() {
            // Clients of HTTP/1.0 know no chunks: they would pay with their connection.
            let streams = request.version != Version::HTTP_10 && Encoder::has_room(coding, &policy.levels);
            return if streams { Selected::Compressing(file, coding, policy) } else { Selected::Whole(file) };
        }
        let made = Box::pin(self.compressed(&file, below, coding, policy.levels, now)).await;
        Selected::Whole(made.unwrap_or(file))
    }

    /// The best twin that is there and not older than its file.
    async fn twin(
        &self,
        file: &Rc<Representation>,
        below: &[u8],
        accepted: &Accepted,
        now: Instant,
    ) -> Option<Rc<Representation>> {
        let content_type = file.headers.get(CONTENT_TYPE)?;
        if !self.description.may_have_twins(content_type) {
            return None;
        }
        let offered = self.precompressed.iter().copied();
        let mut offered: SmallVec<[Coding; Coding::ALL.len()]> =
            offered.filter(|coding| !file.absent().contains(*coding, now)).collect();
        while let Some(coding) = accepted.choose(&offered) {
            if let Some(twin) = self.twin_in(file, below, coding, now).await {
                self.note_twin(Place { below, path: &[&*file.path, coding.extension().as_bytes()].concat() });
                return Some(twin);
            }
            file.absent().insert(coding, now);
            offered.retain(|other| *other != coding);
        }
        None
    }

    async fn twin_in(
        &self,
        file: &Representation,
        below: &[u8],
        coding: Coding,
        now: Instant,
    ) -> Option<Rc<Representation>> {
        let space = *self.twins.get(coding as usize)?;
        let key = key(Place { below, path: &file.path });
        let is_of = |twin: &Rc<Representation>| !twin.state.is_older_than(&file.state);
        if let Some(twin) = self.hot.fresh(space, &key, now).filter(|twin| twin.holds_still()) {
            return Some(twin).filter(is_of);
        }
        let path = [&*file.path, coding.extension().as_bytes()].concat();
        let made =
            |content, state| Representation::twin(&file.path, content, state, &self.description, coding);
        let beside = Place { below, path: &path };
        if let Ok(Found::File(twin)) = Box::pin(self.look(beside, &key, space, now, made)).await {
            return Some(twin).filter(is_of);
        }
        // One that cannot be read is none: its file can.
        self.hot.forget(space, &key);
        None
    }

    /// A file that is compressed once and then kept, also if who asked first has left meanwhile. `None` if it
    /// is best sent as it is.
    async fn compressed(
        self: &Rc<Self>,
        file: &Rc<Representation>,
        below: &[u8],
        coding: Coding,
        levels: Levels,
        now: Instant,
    ) -> Option<Rc<Representation>> {
        let space = *self.compressed.get(coding as usize)?;
        let key = key(Place { below, path: &file.path }).into_owned();
        if let Some(kept) = self.hot.of_state(space, &key, file.state) {
            return Some(kept);
        }
        if file.compressing().is_dense(coding) {
            return None;
        }
        let (catalog, file) = (Rc::clone(self), Rc::clone(file));
        let making = async move {
            let made = catalog.make(&file, (space, &key), coding, levels).await?;
            catalog.hot.keep(space, &key, now, Rc::clone(&made));
            Some(made)
        };
        tokio::task::spawn_local(making).await.ok()?
    }

    /// Of many that ask at once, one has it made.
    async fn make(
        &self,
        file: &Representation,
        (space, key): (Space, &[u8]),
        coding: Coding,
        levels: Levels,
    ) -> Option<Rc<Representation>> {
        let _turn = file.compressing().turn().await;
        if let Some(kept) = self.hot.of_state(space, key, file.state) {
            return Some(kept);
        }
        if file.compressing().is_dense(coding) {
            return None;
        }
        let bytes = self.compress(file, coding, levels).await?;
        if bytes.len() as u64 >= file.length {
            file.compressing().set_dense(coding);
            return None;
        }
        let made = Representation::compressed(&file.path, bytes, file.state, &self.description, coding);
        Some(Rc::new(made))
    }

    /// On another thread: it takes milliseconds. `None` if the file has changed meanwhile.
    async fn compress(&self, file: &Representation, coding: Coding, levels: Levels) -> Option<Bytes> {
        let state = file.state;
        let work: Box<dyn FnOnce() -> Option<Bytes> + Send> = match file.content() {
            Content::Memory(bytes) => {
                let bytes = bytes.clone();
                Box::new(move || coding::compress(&bytes, coding, &levels))
            }
            Content::Disk(open) => {
                let open = Arc::clone(open);
                Box::new(move || {
                    let file = std::fs::File::from(open.try_clone().ok()?);
                    let bytes = content::read(&file, &state, Look::Disk)?;
                    coding::compress(&bytes, coding, &levels)
                })
            }
        };
        self.directory.waiting().run(work).await.ok().flatten()
    }
}
