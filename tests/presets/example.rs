use std::{collections::BTreeMap, path::Path};

use leptos_aws_s3::server::{
    Config, ConfigError,
    config::{S3Config, StoreConfig},
};

pub(crate) type Variables = BTreeMap<String, String>;

/// A file of the project.
pub(crate) fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The example of each provider, as `.env` would have it without the `#`, by the provider's name.
pub(crate) fn presets() -> BTreeMap<String, Variables> {
    let examples = paragraphs().into_iter().filter(|(variables, _)| variables.len() > 1);
    let presets = examples.filter_map(|(variables, _)| Some((variables.get("S3_PROVIDER")?.clone(), variables)));
    presets.collect()
}

/// The commented variables of each paragraph of `.env.example`, and the comments above them.
pub(crate) fn paragraphs() -> Vec<(Variables, String)> {
    let text = read(".env.example");
    text.split("\n\n").map(paragraph).collect()
}

fn paragraph(text: &str) -> (Variables, String) {
    let is_variable = |line: &&str| line.starts_with('#') && !line.starts_with("# ") && line.contains('=');
    let (variables, comments): (Vec<_>, Vec<_>) = text.lines().partition(is_variable);
    let uncommented = variables.iter().map(|line| &line[1..]).collect::<Vec<_>>().join("\n");
    let variables = dotenvy::from_read_iter(uncommented.as_bytes()).map(Result::unwrap).collect();
    (variables, comments.join("\n"))
}

pub(crate) fn config(variables: &Variables) -> Result<Config, ConfigError> {
    Config::from_lookup(|name| variables.get(name).cloned())
}

pub(crate) fn s3(config: &Config) -> S3Config {
    match &config.store {
        StoreConfig::S3(s3) => s3.clone(),
        StoreConfig::Embedded(_) => panic!("the embedded store was chosen"),
    }
}
