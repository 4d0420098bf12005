use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use futures_util::FutureExt;
use tokio::time::timeout;

use super::*;
use crate::config;

const SITE: &str = "[[site]]\nlisten = [\":80\"]\n[[site.location]]\nmatch = \"/\"\nrespond = {}\n";
const OTHER: &str = "[[site]]\nlisten = [\":81\"]\n[[site.location]]\nmatch = \"/\"\nrespond = {}\n";

const PATIENCE: Duration = Duration::from_secs(30);

/// A directory, and who watches the configuration in it.
struct Scene {
    folder: tempfile::TempDir,
    watcher: Watcher,
}

impl Scene {
    /// Watches `path` of a directory that `set` has prepared.
    async fn new(path: &str, set: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        set(folder.path());
        let mut scene = Self { watcher: Watcher::new(), folder };
        scene.watcher.watch(scene.read(path));
        scene.placed().await;
        scene
    }

    /// Of one file `site.toml`.
    async fn of_one_file() -> Self {
        Self::new("site.toml", |folder| fs::write(folder.join("site.toml"), SITE).unwrap()).await
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// What the configuration is read from, be it good or bad.
    fn read(&self, path: &str) -> Watched {
        match config::load(&self.path(path)) {
            Ok(loaded) => loaded.warnings.watched().clone(),
            Err(report) => report.watched().clone(),
        }
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
    }

    /// A file or a link takes the place of another one at once.
    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    fn link(&self, target: &str, path: &str) {
        symlink(target, self.path(path)).unwrap();
    }

    /// Until directories are watched.
    async fn placed(&mut self) {
        self.until(|watcher| !watcher.is_new && watcher.looking.is_none()).await;
    }

    async fn until(&mut self, is_so: impl Fn(&Watcher) -> bool) {
        let so = async {
            while !is_so(&self.watcher) {
                self.watcher.next().await;
            }
        };
        timeout(PATIENCE, so).await.expect("the watcher gets there");
    }

    /// What the next look at the files finds.
    async fn looks(&mut self) -> bool {
        let looked = async {
            loop {
                if let Some(is_other) = self.watcher.next().await {
                    return is_other;
                }
            }
        };
        timeout(PATIENCE, looked).await.expect("the files are looked at")
    }
}

#[tokio::test]
async fn an_editor_that_renames_is_noticed() {
    let mut scene = Scene::of_one_file().await;
    scene.write(".site.toml.swp", OTHER);
    scene.rename("site.toml", "site.toml~");
    scene.rename(".site.toml.swp", "site.toml");
    assert!(scene.looks().await);
}

#[tokio::test]
async fn a_file_written_in_pieces_is_looked_at_when_it_is_whole() {
    let mut scene = Scene::of_one_file().await;
    let mut file = File::create(scene.path("site.toml")).unwrap();
    let (first, rest) = OTHER.split_at(20);
    file.write_all(first.as_bytes()).unwrap();
    scene.watcher.next().await;
    assert!(scene.watcher.stirred.is_none(), "nobody has closed it");
    file.write_all(rest.as_bytes()).unwrap();
    drop(file);
    assert!(scene.looks().await);
}

#[test]
fn quiet_is_waited_for_but_not_for_ever() {
    let first = Instant::now();
    let after = |millis| {
        (Stirred { first, last: first + Duration::from_millis(millis), again: false }).settles() - first
    };
    assert_eq!(after(0), QUIET);
    assert_eq!(after(150), Duration::from_millis(350));
    assert_eq!(after(1900), RESTLESS);
}

#[tokio::test]
async fn what_goes_on_while_it_is_looked_at_is_waited_for() {
    let mut scene = Scene::of_one_file().await;
    scene.write("site.toml", &OTHER[..20]);
    scene.until(|watcher| watcher.looking.is_some()).await;
    scene.write("site.toml", OTHER);
    assert_eq!(scene.watcher.next().await, None, "it is not quiet");
    assert!(scene.looks().await);
    assert!(!scene.watcher.watched.refresh(), "the last was seen");
}

#[tokio::test]
async fn several_files_at_once_are_one_change() {
    let mut scene = Scene::new("site.toml", |folder| {
        fs::write(folder.join("site.toml"), format!("include = [\"*.part\"]\n{SITE}")).unwrap();
    })
    .await;
    for index in 0..20 {
        scene.write(&format!("{index}.part"), "");
    }
    assert!(scene.looks().await);
    assert!(!scene.watcher.watched.refresh(), "all were seen");
}

#[tokio::test]
async fn a_link_that_leads_elsewhere_is_noticed() {
    let mut scene = Scene::new("current/site.toml", |folder| {
        for (release, text) in [("one", SITE), ("two", OTHER)] {
            fs::create_dir_all(folder.join("releases").join(release)).unwrap();
            fs::write(folder.join("releases").join(release).join("site.toml"), text).unwrap();
        }
        symlink("releases/one", folder.join("current")).unwrap();
    })
    .await;
    scene.link("releases/two", "new");
    scene.rename("new", "current");
    assert!(scene.looks().await);
    scene.write("releases/one/site.toml", "nobody looks here");
    scene.write("releases/two/site.toml", SITE);
    assert!(scene.looks().await);
}

#[tokio::test]
async fn a_mounted_config_map_is_noticed() {
    let mut scene = Scene::new("site.toml", |folder| {
        fs::create_dir(folder.join("..1")).unwrap();
        fs::write(folder.join("..1/site.toml"), SITE).unwrap();
        symlink("..1", folder.join("..data")).unwrap();
        symlink("..data/site.toml", folder.join("site.toml")).unwrap();
    })
    .await;
    for (former, next, text) in [("..1", "..2", OTHER), ("..2", "..3", SITE)] {
        fs::create_dir(scene.path(next)).unwrap();
        scene.write(&format!("{next}/site.toml"), text);
        scene.link(next, "..data_tmp");
        scene.rename("..data_tmp", "..data");
        fs::remove_dir_all(scene.path(former)).unwrap();
        assert!(scene.looks().await, "{next}");
    }
}

#[tokio::test]
async fn a_file_that_is_only_touched_is_as_it_was() {
    let mut scene = Scene::of_one_file().await;
    let file = OpenOptions::new().append(true).open(scene.path("site.toml")).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    drop(file);
    assert!(!scene.looks().await);
    scene.write("site.toml", SITE);
    assert!(!scene.looks().await);
}

#[tokio::test]
async fn a_file_beside_it_is_nothing_to_us() {
    let mut scene = Scene::of_one_file().await;
    scene.write("access.log", "GET /");
    scene.watcher.next().await;
    assert!(scene.watcher.stirred.is_none() && scene.watcher.deaf.is_some());
    scene.write("site.toml", OTHER);
    assert!(scene.looks().await);
}

#[tokio::test]
async fn a_directory_that_is_gone_is_waited_for() {
    let set = |folder: &Path| {
        fs::create_dir_all(folder.join("a/b")).unwrap();
        fs::write(folder.join("a/b/site.toml"), SITE).unwrap();
    };
    let mut scene = Scene::new("a/b/site.toml", set).await;
    for text in [SITE, OTHER] {
        fs::remove_dir_all(scene.path("a")).unwrap();
        assert!(scene.looks().await, "it is gone");
        set(scene.folder.path());
        assert!(scene.looks().await, "it is back");
        scene.write("a/b/site.toml", &format!("# again\n{text}"));
        assert!(scene.looks().await, "it is watched as before");
    }
}

#[tokio::test]
async fn a_directory_in_the_place_of_another_is_noticed() {
    let mut scene = Scene::new("etc/rproxy/site.toml", |folder| {
        for (root, text) in [("etc", SITE), ("new", OTHER)] {
            fs::create_dir_all(folder.join(root).join("rproxy")).unwrap();
            fs::write(folder.join(root).join("rproxy/site.toml"), text).unwrap();
        }
    })
    .await;
    scene.rename("etc", "old");
    scene.rename("new", "etc");
    assert!(scene.looks().await);
    scene.write("old/rproxy/site.toml", "nobody looks here");
    scene.write("etc/rproxy/site.toml", SITE);
    assert!(scene.looks().await);
}

#[tokio::test]
async fn a_file_that_comes_to_be_included_is_noticed() {
    let mut scene = Scene::new("site.toml", |folder| {
        fs::write(folder.join("site.toml"), format!("include = [\"sites/*/*.toml\"]\n{SITE}")).unwrap();
    })
    .await;
    fs::create_dir(scene.path("sites")).unwrap();
    assert!(scene.looks().await, "a directory that includes pass through");
    fs::create_dir(scene.path("sites/a")).unwrap();
    assert!(!scene.looks().await, "it is empty");
    scene.write("sites/a/README", "nothing to include");
    assert!(!scene.looks().await);
    scene.write("sites/a/a.toml", "");
    assert!(scene.looks().await);
}

#[tokio::test]
async fn what_mends_a_bad_configuration_is_noticed() {
    let mut scene = Scene::of_one_file().await;
    scene.write("site.toml", &format!("include = [\"part.toml\"]\n{SITE}"));
    assert!(scene.looks().await);
    let bad = scene.read("site.toml");
    scene.watcher.watch_too(bad);
    scene.placed().await;
    scene.write("part.toml", "# here it is\n");
    assert!(scene.looks().await);
}

/// As when somebody saves while the configuration is read.
#[tokio::test]
async fn a_change_before_it_is_watched_is_not_lost() {
    let mut scene = Scene::of_one_file().await;
    let watched = scene.read("site.toml");
    scene.write("site.toml", OTHER);
    scene.watcher.watch(watched);
    assert!(scene.looks().await);
}

/// As when a reload is asked for right after a file was saved.
#[tokio::test]
async fn what_was_read_meanwhile_is_no_second_change() {
    let mut scene = Scene::of_one_file().await;
    for (text, is_looking) in [(OTHER, false), (SITE, true)] {
        scene.write("site.toml", text);
        scene
            .until(|watcher| if is_looking { watcher.looking.is_some() } else { watcher.stirred.is_some() })
            .await;
        let read = scene.read("site.toml");
        scene.watcher.watch(read);
        scene.placed().await;
        assert!(scene.watcher.stirred.is_none(), "it is as it was read");
    }
}

#[tokio::test]
async fn nothing_is_lost_by_who_stops_waiting() {
    let mut scene = Scene::of_one_file().await;
    scene.write("site.toml", OTHER);
    scene.until(|watcher| watcher.looking.is_some()).await;
    if scene.watcher.changed().now_or_never().is_none() {
        timeout(PATIENCE, scene.watcher.changed()).await.unwrap();
    }
}

#[tokio::test]
async fn directories_are_watched_no_longer_than_they_matter() {
    let mut scene = Scene::of_one_file().await;
    let watches = scene.watcher.interests.descriptors().count();
    scene.write("site.toml", &format!("include = [\"sites/*.toml\"]\n{SITE}"));
    fs::create_dir(scene.path("sites")).unwrap();
    let with_sites = scene.read("site.toml");
    scene.watcher.watch(with_sites);
    scene.placed().await;
    assert_eq!(scene.watcher.interests.descriptors().count(), watches + 1);
    scene.write("site.toml", SITE);
    let without = scene.read("site.toml");
    scene.watcher.watch(without);
    scene.placed().await;
    assert_eq!(scene.watcher.interests.descriptors().count(), watches);
}

/// As on network file systems, or where the kernel gives no inotify. Time is not waited for here.
#[tokio::test(start_paused = true)]
async fn without_events_times_are_looked_at() {
    let mut scene = Scene::of_one_file().await;
    scene.watcher.events = None;
    let began = Instant::now();
    // Of another length: times are told apart by milliseconds at best.
    scene.write("site.toml", &format!("# longer\n{SITE}"));
    assert!(scene.looks().await);
    assert!(began.elapsed() <= POLL + RESTLESS + QUIET, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn files_that_stay_as_they_are_are_not_read_again() {
    let mut scene = Scene::of_one_file().await;
    scene.watcher.events = None;
    for _ in 0..10 {
        assert_eq!(scene.watcher.next().await, None);
    }
    assert!(scene.watcher.stirred.is_none());
}
