use std::{net::SocketAddr, path::PathBuf};

use super::{
    environment::Environment,
    parse_addr,
    values::{parse_bool, parse_bucket, parse_region},
};
use crate::server::{
    presign::Endpoint,
    provider::{AWS, Addressing, CUSTOM, Provider},
};

/// Any of these says that uploads go to a store elsewhere. AWS's own variables do not: many machines
/// have them for other reasons.
const S3_VARIABLES: &[&str] = &["S3_PROVIDER", "S3_BUCKET", "S3_REGION", "S3_ENDPOINT", "S3_FORCE_PATH_STYLE"];

const EMBEDDED_VARIABLES: &[&str] = &["EMBEDDED_S3_ADDR", "EMBEDDED_S3_DIR"];

/// Where uploads go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreConfig {
    /// To the store inside this process.
    Embedded(EmbeddedConfig),
    /// To S3, or a store that speaks it.
    S3(S3Config),
}

/// The store inside this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddedConfig {
    /// Where it listens. Port 0 takes any free one.
    pub addr: SocketAddr,
    /// Where it keeps objects and its own keys.
    pub dir: PathBuf,
    /// The address browsers reach it by, when something stands between.
    pub public_endpoint: Option<Endpoint>,
}

/// A bucket elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Config {
    /// The store's row in the table of providers.
    pub provider: &'static Provider,
    /// The bucket.
    pub bucket: String,
    /// The region to sign with.
    pub region: String,
    /// The address the server reaches it by.
    pub endpoint: Endpoint,
    /// The address browsers reach it by.
    pub public_endpoint: Endpoint,
    /// Where URLs have the bucket's name.
    pub addressing: Addressing,
}

impl StoreConfig {
    /// Missing values are replaced so that reading goes on: `env` has the problems.
    pub(super) fn read(env: &mut Environment<'_>) -> Self {
        let s3 = env.set(S3_VARIABLES);
        let embedded = env.set(EMBEDDED_VARIABLES);
        if let (Some(s3), false) = (s3.first(), embedded.is_empty()) {
            let embedded = embedded.join(" and ");
            env.problem(format!("{s3} is for a store elsewhere, {embedded} for the embedded one. Unset one of them."));
        }
        if s3.is_empty() && cfg!(feature = "embedded-s3") {
            Self::Embedded(EmbeddedConfig::read(env))
        } else {
            Self::S3(S3Config::read(env))
        }
    }
}

impl EmbeddedConfig {
    fn read(env: &mut Environment<'_>) -> Self {
        Self {
            addr: env
                .parsed("EMBEDDED_S3_ADDR", |text| parse_addr(text, 9000))
                .unwrap_or_else(|| ([127, 0, 0, 1], 9000).into()),
            dir: env.text("EMBEDDED_S3_DIR").unwrap_or_else(|| "data".to_owned()).into(),
            public_endpoint: public_endpoint(env),
        }
    }
}

impl S3Config {
    fn read(env: &mut Environment<'_>) -> Self {
        let endpoint = own_endpoint(env);
        let provider = provider(env, endpoint.is_some());
        let bucket = env.parsed("S3_BUCKET", parse_bucket);
        if env.text("S3_BUCKET").is_none() {
            let problem = match env.set(S3_VARIABLES).first() {
                Some(set) => format!("S3_BUCKET is missing, and {set} asks for a store elsewhere."),
                None => "S3_BUCKET is missing: this build has no embedded store.".to_owned(),
            };
            env.problem(problem);
        }
        let bucket = bucket.unwrap_or_default();
        let region = region(env, provider);
        let endpoint = endpoint.unwrap_or_else(|| provider_endpoint(env, provider, &region));
        let force_path = env.parsed("S3_FORCE_PATH_STYLE", parse_bool);
        Self {
            provider,
            addressing: addressing(provider, force_path, &bucket),
            public_endpoint: public_endpoint(env).unwrap_or_else(|| endpoint.clone()),
            bucket,
            region,
            endpoint,
        }
    }
}

fn parse_endpoint(text: &str) -> Result<Endpoint, String> {
    text.parse().map_err(|error| format!("`{text}` {error}"))
}

fn public_endpoint(env: &mut Environment<'_>) -> Option<Endpoint> {
    env.parsed("S3_PUBLIC_ENDPOINT", parse_endpoint)
}

fn own_endpoint(env: &mut Environment<'_>) -> Option<Endpoint> {
    match env.text("S3_ENDPOINT") {
        Some(_) => env.parsed("S3_ENDPOINT", parse_endpoint).or_else(|| Some(placeholder())),
        None => env.parsed("AWS_ENDPOINT_URL_S3", parse_endpoint),
    }
}

/// A bare endpoint is some store; a bare bucket is AWS's.
fn provider(env: &mut Environment<'_>, has_endpoint: bool) -> &'static Provider {
    let otherwise = if has_endpoint { &CUSTOM } else { &AWS };
    let Some(name) = env.text("S3_PROVIDER") else { return otherwise };
    Provider::named(&name.to_ascii_lowercase()).unwrap_or_else(|| {
        env.problem(format!("S3_PROVIDER: `{name}` is none of {}.", Provider::names().join(", ")));
        otherwise
    })
}

fn region(env: &mut Environment<'_>, provider: &Provider) -> String {
    let named = env.first(&["S3_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"]);
    let named = named.or_else(|| provider.region.map(str::to_owned));
    match named.as_deref().map(parse_region) {
        Some(Ok(region)) => return region,
        Some(Err(error)) => env.problem(format!("S3_REGION: {error}.")),
        None => {
            env.problem(format!("S3_REGION is missing: the region of the bucket, which {} signs with.", provider.name));
        }
    }
    String::new()
}

fn provider_endpoint(env: &mut Environment<'_>, provider: &Provider, region: &str) -> Endpoint {
    let Some(template) = provider.endpoint else {
        env.problem(format!("S3_ENDPOINT is missing: the address {} gave you.", provider.name));
        return placeholder();
    };
    // AWS in China is a partition of its own.
    let partition = if region.starts_with("cn-") { ".cn" } else { "" };
    let endpoint = template.replace("{region}", region) + partition;
    endpoint.parse().unwrap_or_else(|_| placeholder())
}

/// A certificate for `*.s3.amazonaws.com` does not cover a bucket with dots in its name.
fn addressing(provider: &Provider, force_path: Option<bool>, bucket: &str) -> Addressing {
    match force_path {
        Some(true) => Addressing::Path,
        Some(false) => Addressing::VirtualHosted,
        None if bucket.contains('.') => Addressing::Path,
        None => provider.addressing,
    }
}

/// Stands where an endpoint should be, in a configuration that is refused anyway.
fn placeholder() -> Endpoint {
    "http://localhost".parse().expect("this is an endpoint")
}
