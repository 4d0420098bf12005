//! Text to truth: reads TOML, knows nothing of sockets or handlers.

pub mod model;
