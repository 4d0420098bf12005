//! Text to truth: reads TOML, knows nothing of sockets or handlers.

pub mod model;
pub use model::Config;
pub struct Loaded {
    pub config: Config,
    pub warnings: Report,
}
pub struct Report;
impl Report {
    pub fn render(&self, _c: bool) -> String {
        String::new()
    }
    pub fn lines(&self) -> Vec<String> {
        vec![]
    }
}
pub fn load(_p: &std::path::Path) -> Result<Loaded, Report> {
    Err(Report)
}
pub fn print(_c: &Config) -> String {
    String::new()
}
pub fn summary(_c: &Config) -> String {
    String::new()
}
