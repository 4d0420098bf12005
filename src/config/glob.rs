//! Which files an include names.

use std::fs;
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

/// Folders below folders that `**` looks into.
const MAX_DEPTH: usize = 16;

/// Whether a pattern can stand for several files.
pub fn is_glob(pattern: &str) -> bool {
    pattern.contains(['*', '?', '[', '{'])
}

/// Every file that matches, in the order of their names. As in a shell a leading dot has to be written,
/// so that the backups of editors are no configuration.
pub fn expand(directory: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    look(directory, pattern).map(|found| found.files)
}

/// What was found on the way of a pattern.
#[derive(Debug, Default)]
pub struct Found {
    /// In the order of their names.
    pub files: Vec<PathBuf>,
    /// Folders that were searched for names.
    pub directories: Vec<PathBuf>,
    /// Paths that were taken as they are written, whether they exist or not.
    pub passed: Vec<PathBuf>,
}

pub fn look(directory: &Path, pattern: &str) -> Result<Found, String> {
    let mut found = vec![directory.to_owned()];
    let mut looked = Found::default();
    let mut components = Path::new(pattern).components().peekable();
    while let Some(component) = components.next() {
        let last = components.peek().is_none();
        found = match component {
            Component::Normal(name) => step(found, &name.to_string_lossy(), last, &mut looked)?,
            other => found.into_iter().map(|path| path.join(other)).collect(),
        };
    }
    found.sort();
    found.dedup();
    looked.files = found;
    Ok(looked)
}

/// What one component of the pattern makes of the folders so far.
fn step(folders: Vec<PathBuf>, name: &str, last: bool, looked: &mut Found) -> Result<Vec<PathBuf>, String> {
    if name == "**" {
        let (mut all, mut files) = (Vec::new(), Vec::new());
        for folder in folders {
            descend(folder, MAX_DEPTH, &mut all, &mut files);
        }
        looked.directories.extend_from_slice(&all);
        return Ok(if last { files } else { all });
    }
    if !is_glob(name) {
        let joined: Vec<PathBuf> = folders.into_iter().map(|folder| folder.join(name)).collect();
        looked.passed.extend_from_slice(&joined);
        return Ok(joined.into_iter().filter(|path| path.exists()).collect());
    }
    looked.directories.extend_from_slice(&folders);
    let matcher = compile(name)?;
    let hidden = name.starts_with('.');
    let mut found = Vec::new();
    for folder in folders {
        let entries = names(&folder).into_iter().filter(|entry| hidden || !entry.starts_with('.'));
        let matching = entries.filter(|entry| matcher.is_match(entry)).map(|entry| folder.join(entry));
        found.extend(matching.filter(|path| if last { path.is_file() } else { path.is_dir() }));
    }
    Ok(found)
}

fn compile(name: &str) -> Result<GlobMatcher, String> {
    let glob = GlobBuilder::new(name).literal_separator(true).build();
    glob.map(|glob| glob.compile_matcher()).map_err(|error| error.kind().to_string())
}

/// A folder with all folders in it, and all files in them. Links are not followed: they may lead back.
fn descend(folder: PathBuf, depth: usize, folders: &mut Vec<PathBuf>, files: &mut Vec<PathBuf>) {
    for name in names(&folder).into_iter().filter(|name| !name.starts_with('.')) {
        let path = folder.join(name);
        let is_folder = path.symlink_metadata().is_ok_and(|about| about.is_dir());
        if is_folder && depth > 0 {
            descend(path, depth - 1, folders, files);
        } else if path.is_file() {
            files.push(path);
        }
    }
    folders.push(folder);
}

/// The names in a folder. One that cannot be read has none, as for a shell.
fn names(folder: &Path) -> Vec<String> {
    // The directory of a file that was named without one is the empty path.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(pattern: &str) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        for path in ["b.toml", "a.toml", ".a.toml.swp", ".h.toml", "x.txt", "d/c.toml", "d/e/f.toml"] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink(folder.path(), folder.path().join("d/up")).unwrap();
        let found = expand(folder.path(), pattern)?;
        let names = found.iter().map(|path| path.strip_prefix(folder.path()).unwrap());
        Ok(names.map(|name| name.to_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn files_come_in_order_and_hidden_ones_not() {
        assert_eq!(expanded("*.toml").unwrap(), ["a.toml", "b.toml"]);
        assert_eq!(expanded(".*.toml").unwrap(), [".h.toml"]);
        assert_eq!(expanded("{b,a}.toml").unwrap(), ["a.toml", "b.toml"]);
        assert_eq!(expanded("./*.t?t").unwrap(), ["x.txt"]);
    }

    #[test]
    fn folders_are_crossed_only_where_written() {
        assert_eq!(expanded("*/*.toml").unwrap(), ["d/c.toml"]);
        assert_eq!(expanded("**/*.toml").unwrap(), ["a.toml", "b.toml", "d/c.toml", "d/e/f.toml"]);
        assert_eq!(expanded("d/**").unwrap(), ["d/c.toml", "d/e/f.toml"]);
    }

    #[test]
    fn what_matches_nothing_is_nothing() {
        assert_eq!(expanded("none/*.toml").unwrap(), [""; 0]);
        assert_eq!(expanded("*.none").unwrap(), [""; 0]);
    }

    #[test]
    fn a_faulty_pattern_is_an_error() {
        assert!(expanded("[a.toml").is_err());
        assert!(expanded("{a.toml").is_err());
    }
}
