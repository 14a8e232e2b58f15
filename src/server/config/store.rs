use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::{
    environment::Environment,
    parse_addr,
    values::{parse_account, parse_bool, parse_bucket, parse_region},
};
use crate::server::{
    presign::Endpoint,
    provider::{AWS, Addressing, CUSTOM, Provider, RegionRule},
};

/// Any of these says that uploads go to a store elsewhere. AWS's own variables do not: many machines
/// have them for other reasons.
const S3_VARIABLES: &[&str] =
    &["S3_PROVIDER", "S3_BUCKET", "S3_REGION", "S3_ACCOUNT", "S3_ENDPOINT", "S3_FORCE_PATH_STYLE"];

const EMBEDDED_VARIABLES: &[&str] = &["EMBEDDED_S3_ADDR", "EMBEDDED_S3_DIR", "EMBEDDED_S3_FSYNC"];

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
    /// Whether what is answered is on the disk, so that a power loss takes nothing of it.
    pub syncs: bool,
    /// The most bytes of an object, or of a part of one.
    pub max_size: u64,
    /// How long after it was signed a form is taken.
    pub form_life: Duration,
    /// How long after its beginning an unfinished upload is kept.
    pub upload_life: Duration,
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

impl StoreConfig {
    /// What tells this deployment from others that may have the same secret, as staging from production: where uploads go.
    #[must_use]
    pub fn deployment(&self) -> String {
        match self {
            Self::Embedded(EmbeddedConfig { public_endpoint: Some(endpoint), .. }) => format!("embedded {endpoint}"),
            Self::Embedded(embedded) => format!("embedded http://{}", embedded.addr),
            Self::S3(s3) => format!("{} {} {}", s3.provider.name, s3.endpoint, s3.bucket),
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
            syncs: env.parsed("EMBEDDED_S3_FSYNC", parse_bool).unwrap_or(true),
            max_size: crate::s3::MAX_OBJECT_SIZE,
            form_life: Duration::from_mins(15),
            upload_life: Duration::from_hours(7 * 24),
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
        let Regions { located, signed } = Regions::read(env, provider, endpoint.is_some());
        let account = account(env, provider, endpoint.is_some());
        let endpoint = endpoint.unwrap_or_else(|| provider_endpoint(env, provider, &located, &account));
        let force_path = env.parsed("S3_FORCE_PATH_STYLE", parse_bool);
        Self {
            provider,
            addressing: addressing(provider, force_path, &bucket),
            public_endpoint: public_endpoint(env).unwrap_or_else(|| endpoint.clone()),
            bucket,
            region: signed,
            endpoint,
        }
    }
}

pub(super) fn parse_endpoint(text: &str) -> Result<Endpoint, String> {
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

/// The region that the endpoint has, and the one that signatures name.
struct Regions {
    located: String,
    signed: String,
}

impl Regions {
    fn read(env: &mut Environment<'_>, provider: &Provider, has_endpoint: bool) -> Self {
        let is_in_template = provider.has_region_in_endpoint();
        let (located, signed) = match provider.region {
            RegionRule::Fixed(fixed) if is_in_template && !has_endpoint => {
                (named_region(env, provider, None), fixed.to_owned())
            }
            RegionRule::Fixed(fixed) => {
                // AWS's own variables may be there for other reasons.
                if !is_in_template && env.text("S3_REGION").is_some_and(|region| region != fixed) {
                    env.problem(format!(
                        "S3_REGION has no use with {}: its region is {fixed}. Unset it.",
                        provider.title
                    ));
                }
                (fixed.to_owned(), fixed.to_owned())
            }
            RegionRule::Required => {
                let region = named_region(env, provider, None);
                (region.clone(), region)
            }
            RegionRule::Default(default) => {
                let region = named_region(env, provider, Some(default));
                (region.clone(), region)
            }
        };
        Self { located, signed }
    }
}

fn named_region(env: &mut Environment<'_>, provider: &Provider, default: Option<&str>) -> String {
    let named = env.first(&["S3_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"]);
    match named.as_deref().or(default).map(parse_region) {
        Some(Ok(region)) => return region,
        Some(Err(error)) => env.problem(format!("S3_REGION: {error}.")),
        None => env.problem(format!("S3_REGION is missing: the region of the bucket, which {} needs.", provider.title)),
    }
    String::new()
}

fn account(env: &mut Environment<'_>, provider: &Provider, has_endpoint: bool) -> String {
    let account = env.parsed("S3_ACCOUNT", parse_account);
    let is_set = env.text("S3_ACCOUNT").is_some();
    let title = provider.title;
    match provider.account {
        Some(what) if !is_set && !has_endpoint => {
            env.problem(format!("S3_ACCOUNT is missing: {what}, which is in the address of {title}."));
        }
        Some(_) if is_set && has_endpoint => {
            env.problem("S3_ACCOUNT has no use where S3_ENDPOINT or AWS_ENDPOINT_URL_S3 says the address. Unset one.");
        }
        None if is_set => env.problem(format!("S3_ACCOUNT has no use with {title}. Unset it.")),
        _ => {}
    }
    account.unwrap_or_default()
}

fn provider_endpoint(env: &mut Environment<'_>, provider: &Provider, region: &str, account: &str) -> Endpoint {
    let Some(endpoint) = provider.endpoint_of(region, account) else {
        env.problem(format!("S3_ENDPOINT is missing: the address of your store ({}).", provider.name));
        return placeholder();
    };
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
