//! Where every key was written, for who asks why something is as it is.

use std::collections::BTreeMap;

use super::files::Written;
use super::model::Origin;
use super::read::Read;
use super::report::{Report, Spot};
use super::validate::origin;

/// The keys of each table, by their names with dots: `timeouts.body`. Sites and locations are those of the
/// model, by their index; a configuration without errors has all that were written.
#[derive(Clone, Debug, Default)]
pub struct Places {
    file: Keys,
    sites: Vec<SitePlaces>,
    upstreams: BTreeMap<String, Keys>,
}

#[derive(Clone, Debug, Default)]
struct SitePlaces {
    keys: Keys,
    locations: Vec<Keys>,
}

/// In lower case, as header fields may be written in any.
#[derive(Clone, Debug, Default)]
struct Keys(BTreeMap<String, Origin>);

impl Places {
    pub fn of(written: &[Written], report: &Report) -> Self {
        let sites = written.iter().filter_map(|file| file.file.site.as_ref()).flat_map(|list| &list.value);
        let sites = sites.map(|site| SitePlaces {
            keys: Keys::of(&site.value, site.spot, report),
            locations: site
                .value
                .location
                .iter()
                .flat_map(|list| &list.value)
                .map(|location| Keys::of(&location.value, location.spot, report))
                .collect(),
        });
        let upstreams =
            written.iter().filter_map(|file| file.file.upstream.as_ref()).flat_map(|map| &map.value);
        let upstreams = upstreams.map(|(name, at)| (name.clone(), Keys::of(&at.value, at.spot, report)));
        Self {
            sites: sites.collect(),
            upstreams: upstreams.collect(),
            file: written.first().map(|main| Keys::top(main, report)).unwrap_or_default(),
        }
    }

    /// Where a key of a location comes from; `None` is a default. What it does not say itself is its site's
    /// to say, and then the file's, if it is a key that they have too.
    pub fn of_location(&self, site: usize, location: usize, key: &str) -> Option<&Origin> {
        let own = self.sites.get(site).and_then(|site| site.locations.get(location));
        let inherited = is_inherited(key);
        own.and_then(|keys| keys.find(key)).or_else(|| self.of_site(site, key).filter(|_| inherited))
    }

    pub fn of_site(&self, site: usize, key: &str) -> Option<&Origin> {
        let keys = self.sites.get(site).map(|site| &site.keys);
        // The one key that has two places.
        let inner = if key == "https_only" { "tls.https_only" } else { key };
        let own = keys.and_then(|keys| keys.find(key).or_else(|| keys.find(inner)));
        own.or_else(|| self.file.find(key).filter(|_| is_inherited(key)))
    }

    pub fn of_upstream(&self, name: &str, key: &str) -> Option<&Origin> {
        self.upstreams.get(name)?.find(key)
    }
}

/// The keys that hold for what is inside, unless that says otherwise.
fn is_inherited(key: &str) -> bool {
    matches!(key, "max_body" | "charset") || key.starts_with("timeouts.") || key.starts_with("mime_types.")
}

impl Keys {
    fn of(table: &impl Read, at: Spot, report: &Report) -> Self {
        let mut keys = BTreeMap::new();
        table.each_key("", at, &mut |name, spot| {
            keys.insert(name.to_lowercase(), origin(spot, report));
        });
        Self(keys)
    }

    /// What stands at the top of the main file, outside of sites and upstreams.
    fn top(main: &Written, report: &Report) -> Self {
        let spot = Spot { file: main.id, start: 0, end: 0 };
        let mut keys = Self::of(&main.file, spot, report);
        keys.0.retain(|name, _| is_inherited(name));
        keys
    }

    /// The key, or one that stands for it: `limit_rate = "1MiB"` says `limit_rate.rate`.
    fn find(&self, key: &str) -> Option<&Origin> {
        self.0.get(key).or_else(|| self.find(key.rsplit_once('.')?.0))
    }
}
