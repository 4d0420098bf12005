//! Identities that come and go while the server runs: obtained from an authority, and renewed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use super::{Challenges, Identity};

/// What the certificate of one set of names is at the moment. Event loops read it with each handshake.
#[derive(Debug)]
pub struct Managed {
    /// The authority's directory.
    pub directory: String,
    /// Lower case, wildcards as they are written, sorted.
    pub names: Vec<String>,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    identity: Option<Arc<Identity>>,
    /// Shown to the authority only (RFC 8737), by name.
    challenges: BTreeMap<String, Arc<Identity>>,
    trouble: Option<String>,
}

impl Managed {
    fn new(directory: &str, names: Vec<String>, identity: Option<Arc<Identity>>) -> Self {
        let state = RwLock::new(State { identity, ..State::default() });
        Self { directory: directory.to_owned(), names, state }
    }

    /// What clients are shown; `None` until there is one.
    pub fn identity(&self) -> Option<Arc<Identity>> {
        self.read(|state| state.identity.clone())
    }

    /// What a client is shown that asks for the protocol `acme-tls/1` (RFC 8737 3).
    pub fn challenge(&self, name: &str) -> Option<Arc<Identity>> {
        self.read(|state| {
            state.challenges.get(name).or_else(|| state.challenges.get(&name.to_ascii_lowercase())).cloned()
        })
    }

    /// Why there is no identity, or none that is newer, as far as something is known to be wrong.
    pub fn trouble(&self) -> Option<String> {
        self.read(|state| state.trouble.clone())
    }

    /// Has clients see this one from now on.
    pub fn set_identity(&self, identity: Arc<Identity>) {
        self.write(|state| state.identity = Some(identity));
    }

    pub fn set_challenge(&self, name: &str, identity: Arc<Identity>) {
        self.write(|state| {
            state.challenges.insert(name.to_ascii_lowercase(), identity);
        });
    }

    pub fn remove_challenge(&self, name: &str) {
        self.write(|state| {
            state.challenges.remove(&name.to_ascii_lowercase());
        });
    }

    pub fn set_trouble(&self, trouble: Option<String>) {
        self.write(|state| state.trouble = trouble);
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// How many of these names its identity is for.
    fn covers(&self, names: &BTreeSet<String>) -> Option<(usize, Arc<Identity>)> {
        let identity = self.identity()?;
        let count = names.iter().filter(|name| identity.names.contains(name)).count();
        (count > 0).then_some((count, identity))
    }
}

/// The identities of all configurations: who asks for the same names again gets the same one.
#[derive(Debug, Default)]
pub struct ManagedIdentities {
    challenges: Arc<Challenges>,
    known: Mutex<Vec<Weak<Managed>>>,
}

impl ManagedIdentities {
    /// The one of these names, from that authority. A new one begins with what another has for some of them: a
    /// site that gets one more name is not without a certificate until there is the next.
    pub fn get(&self, directory: &str, names: impl IntoIterator<Item = String>) -> Arc<Managed> {
        let names: BTreeSet<String> = names.into_iter().map(|name| name.to_ascii_lowercase()).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let living: Vec<Arc<Managed>> = known.iter().filter_map(Weak::upgrade).collect();
        let same =
            |managed: &&Arc<Managed>| managed.directory == directory && managed.names.iter().eq(&names);
        if let Some(managed) = living.iter().find(same) {
            return Arc::clone(managed);
        }
        let most = living.iter().filter_map(|managed| managed.covers(&names)).max_by_key(|(count, _)| *count);
        let identity = most.map(|(_, identity)| identity);
        let managed = Arc::new(Managed::new(directory, names.into_iter().collect(), identity));
        known.retain(|managed| managed.strong_count() > 0);
        known.push(Arc::downgrade(&managed));
        managed
    }

    /// What authorities look for on plain listeners.
    pub fn challenges(&self) -> &Arc<Challenges> {
        &self.challenges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_same_names_are_the_same_whatever_their_order_and_case() {
        let identities = ManagedIdentities::default();
        let one = identities.get("https://ca.test/dir", names(&["b.test", "A.test"]));
        let other = identities.get("https://ca.test/dir", names(&["a.test", "B.test", "b.test"]));
        assert!(Arc::ptr_eq(&one, &other));
        assert_eq!(one.names, ["a.test", "b.test"]);
        for (directory, asked) in
            [("https://ca.test/dir", &["a.test"][..]), ("https://other.test/", &["a.test", "b.test"])]
        {
            assert!(!Arc::ptr_eq(&one, &identities.get(directory, names(asked))), "{directory} {asked:?}");
        }
    }

    #[test]
    fn what_nobody_holds_is_forgotten() {
        let identities = ManagedIdentities::default();
        let one = identities.get("https://ca.test/dir", names(&["a.test"]));
        one.set_trouble(Some("no way there".into()));
        drop(one);
        let again = identities.get("https://ca.test/dir", names(&["a.test"]));
        assert_eq!(again.trouble(), None);
        assert_eq!(identities.known.lock().unwrap().len(), 1);
    }
}
