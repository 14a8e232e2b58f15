//! `.env.example` is a file that works, and says all there is to say.

use std::{cell::RefCell, collections::BTreeSet};

use leptos_aws_s3::server::{Config, provider::Provider};

use crate::example::{Variables, config, paragraphs, presets, read, s3};

/// Read by AWS's own provider chain.
const CREDENTIALS: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// Read by Leptos.
const SITE_ROOT: &str = "LEPTOS_SITE_ROOT";

/// Only for stores elsewhere, and with `COMPANION_ORIGINS`.
const STS: &str = "COMPANION_STS_ROLE_ARN";

#[test]
fn every_provider_has_an_example_and_every_example_a_provider() {
    let examples: BTreeSet<_> = presets().into_keys().collect();
    assert_eq!(examples, Provider::names().into_iter().map(str::to_owned).collect());
}

#[test]
fn every_providers_example_is_a_valid_configuration_of_that_provider() {
    for (name, variables) in presets() {
        let config = config(&variables).unwrap_or_else(|error| panic!("{name}: {error}"));
        let s3 = s3(&config);
        assert_eq!((s3.provider.name, s3.bucket.as_str()), (name.as_str(), "photos"));
        assert_eq!(s3.public_endpoint, s3.endpoint, "{name}");
    }
}

#[test]
fn no_example_asks_for_more_than_the_provider_needs() {
    for (name, variables) in presets() {
        for left_out in variables.keys().filter(|variable| *variable != "S3_PROVIDER") {
            let mut fewer = variables.clone();
            fewer.remove(left_out);
            let problem = config(&fewer).expect_err(&format!("{name} without {left_out}")).to_string();
            assert!(problem.contains(&format!("{left_out} is missing")), "{name}: {problem}");
        }
    }
}

#[test]
fn every_other_variable_has_an_example_that_is_valid_alone() {
    let empty = [&CREDENTIALS[..], &["S3_ACCOUNT", "UPLOAD_SECRET"]].concat();
    for (variables, _) in paragraphs().into_iter().filter(|(variables, _)| !variables.contains_key("S3_PROVIDER")) {
        for (name, value) in variables {
            assert_eq!(value.is_empty(), empty.contains(&name.as_str()), "{name}={value}");
            let mut alone = if name.starts_with("S3_") || name == STS { aws() } else { Variables::new() };
            if name == STS {
                alone.insert("COMPANION_ORIGINS".to_owned(), "https://my-app.com".to_owned());
            }
            alone.insert(name.clone(), value);
            assert!(config(&alone).is_ok(), "{name}: {}", config(&alone).unwrap_err());
        }
    }
}

#[test]
fn every_variable_that_is_read_is_in_it_and_no_other() {
    let heard = RefCell::new(BTreeSet::new());
    for variables in presets().into_values().chain([Variables::new()]) {
        let listen = |name: &str| {
            heard.borrow_mut().insert(name.to_owned());
            variables.get(name).cloned()
        };
        Config::from_lookup(listen).unwrap();
    }
    let heard = heard.into_inner();
    let text = read(".env.example");
    for variable in &heard {
        assert!(text.contains(variable), "{variable} is read");
    }
    let shown = paragraphs().into_iter().flat_map(|(variables, _)| variables.into_keys());
    let others = [&CREDENTIALS[..], &[SITE_ROOT]].concat();
    let unread: Vec<_> = shown.filter(|name| !heard.contains(name) && !others.contains(&name.as_str())).collect();
    assert_eq!(unread, Vec::<String>::new());
}

#[test]
fn what_is_shown_as_a_default_is_the_default() {
    let shown = |name: &str| {
        let (variables, _) = paragraphs().into_iter().find(|(variables, _)| variables.contains_key(name)).unwrap();
        variables[name].clone()
    };
    let default = config(&Variables::new()).unwrap();
    assert_eq!(shown("MAX_CONNECTIONS"), default.max_connections.to_string());
    assert_eq!(shown("UPLOAD_EXPIRES"), default.expires.as_secs().to_string());
    assert_eq!(shown("UPLOAD_TOKEN_EXPIRES"), default.token_expires.as_secs().to_string());
    assert_eq!(shown("UPLOAD_MAX_FILES"), default.limits.max_files.to_string());
    assert_eq!(shown("UPLOAD_MAX_SIZE"), "5GiB");
    assert_eq!(default.limits.max_size, 5 << 30);
    assert_eq!(shown("UPLOAD_PREFIX"), default.prefix);
    assert_eq!((shown("UPLOAD_METHOD").as_str(), default.method), ("auto", None));
}

#[test]
fn every_variable_is_explained() {
    for (variables, comments) in paragraphs() {
        assert!(variables.is_empty() || comments.starts_with("# "), "{variables:?}");
    }
}

fn aws() -> Variables {
    presets().remove("aws").unwrap()
}
