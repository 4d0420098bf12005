//! What attackers, and deployments without care, do to a directory that is served.

/// Many ranges and many conditions at once.
mod floods;
/// Links and directories that are swapped while they are asked for.
mod links;
/// What lies in the directory and must not be opened, or cannot be read.
mod no_files;
/// Files that change while they are read.
mod replaced;
/// Ways out of the directory, spelled in a target.
mod traversal;
