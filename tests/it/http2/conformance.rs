//! What RFC 9113 says that a server must do, section by section, case by case.

mod connection;
mod control;
mod frames;
mod messages;
mod streams;
mod windows;
