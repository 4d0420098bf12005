pub fn summary(_: &super::model::Config) -> String {
    String::new()
}
