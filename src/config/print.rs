pub fn print(_: &super::model::Config) -> String {
    String::new()
}
