//! The environment, read once at the start. Every problem is in one message, so that nobody fixes
//! them one restart at a time. `.env.example` documents each variable.

mod environment;
mod hosts;
mod origin;
mod store;
mod sts;
mod values;

use std::{env, fmt, net::SocketAddr, num::NonZeroUsize, time::Duration};

use self::{
    environment::Environment,
    hosts::parse_hosts,
    origin::parse_origins,
    values::{
        parse_bool, parse_checksum, parse_header, parse_method, parse_prefix, parse_seconds, parse_secrets, parse_size,
    },
};
pub use self::{
    hosts::{AllowedHosts, HostName},
    origin::Origin,
    store::{EmbeddedConfig, S3Config, StoreConfig},
    sts::{RoleArn, StsConfig},
};
use super::{
    AllowedMeta, AllowedTypes, Limits,
    provider::{PostPolicies, Provider},
    random::ID_BYTES,
};
use crate::s3::{ChecksumAlgorithm, MAX_OBJECT_SIZE, MIN_NAME_BYTES, Method};

/// How long an upload may take where nobody says.
const TOKEN_EXPIRES: Duration = Duration::from_hours(7 * 24);

/// The most bytes of a file where nobody says: anybody may upload, and the operator pays.
const MAX_SIZE: u64 = 5 << 30;

/// The most connections to one port where nobody says. Each takes a descriptor, and up to 64 KiB of what it sends.
pub(super) const MAX_CONNECTIONS: usize = 4096;

/// Everything an operator decides.
#[derive(Clone)]
pub struct Config {
    /// Where the page is served, if the operator says so.
    pub site_addr: Option<SocketAddr>,
    /// The most connections to each port at one time.
    pub max_connections: usize,
    /// The origins of the pages that upload, if the operator says so: see [`Config::origins`].
    pub upload_origins: Vec<Origin>,
    /// The hosts by which this server is reached besides those of the origins; `None`: all. See [`Config::allowed_hosts`].
    pub upload_hosts: Option<Vec<HostName>>,
    /// Whether `X-Forwarded-Host` and `X-Forwarded-Proto` come from a proxy; `None`: from peers on this machine or of its
    /// private network.
    pub trust_proxy: Option<bool>,
    /// Where uploads go.
    pub store: StoreConfig,
    /// What every key begins with: empty, or ending with `/`.
    pub prefix: String,
    /// Whether keys end with the file's name.
    pub key_name: bool,
    /// What visitors may upload.
    pub limits: Limits,
    /// What metadata is taken from them.
    pub meta: AllowedMeta,
    /// The `Cache-Control` of every object.
    pub cache_control: Option<String>,
    /// How bytes travel where the page does not say; `None` leaves it to the page and the provider.
    pub method: Option<Method>,
    /// What browsers prove their bytes with; `None` where the store checks nothing.
    pub checksum: Option<ChecksumAlgorithm>,
    /// How long a signature is good for.
    pub expires: Duration,
    /// How long an upload may take from its first signature to its confirmation.
    pub token_expires: Duration,
    /// Seals upload tokens. `None`: the embedded store keeps one, else there is a new one per start, which is allowed on a
    /// loopback address only.
    pub secret: Option<String>,
    /// Open upload tokens that were sealed before the secret was changed.
    pub older_secrets: Vec<String>,
    /// Whose pages may speak Companion's protocol; `None`: it is not served.
    pub companion_origins: Option<Vec<Origin>>,
    /// What its clients get credentials from; `None`: they get none.
    pub companion_sts: Option<StsConfig>,
}

/// Every problem with the environment, one per line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<String>,
}

impl Config {
    /// The configuration of this process's environment. It reads no `.env`: load that before.
    ///
    /// # Errors
    ///
    /// With every problem there is.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// The configuration of any environment. An empty variable counts as unset, and U+FFFD stands for what is no UTF-8.
    ///
    /// # Errors
    ///
    /// With every problem there is.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let env = &mut Environment::new(&lookup);
        let mut store = StoreConfig::read(env);
        let limits = Limits {
            max_size: env.parsed("UPLOAD_MAX_SIZE", parse_size).unwrap_or(MAX_SIZE),
            max_files: env.parsed("UPLOAD_MAX_FILES", parse_count).map_or(100, NonZeroUsize::get),
            allowed_types: env.parsed("UPLOAD_ALLOWED_TYPES", str::parse::<AllowedTypes>).unwrap_or_default(),
        };
        let expires = env.parsed("UPLOAD_EXPIRES", parse_seconds).unwrap_or(Duration::from_mins(15));
        let token_expires = env.parsed("UPLOAD_TOKEN_EXPIRES", parse_seconds).unwrap_or(TOKEN_EXPIRES);
        if let StoreConfig::Embedded(embedded) = &mut store {
            (embedded.max_size, embedded.form_life, embedded.upload_life) = (limits.max_size, expires, token_expires);
        }
        let prefix = env.parsed("UPLOAD_PREFIX", parse_prefix).unwrap_or_else(|| "uploads/".to_owned());
        let mut secrets = env.parsed("UPLOAD_SECRET", parse_secrets).unwrap_or_default().into_iter();
        let config = Self {
            site_addr: env.parsed("LEPTOS_SITE_ADDR", |text| parse_addr(text, 3000)),
            max_connections: env.parsed("MAX_CONNECTIONS", parse_count).map_or(MAX_CONNECTIONS, NonZeroUsize::get),
            upload_origins: env.parsed("UPLOAD_ORIGINS", parse_origins).unwrap_or_default(),
            upload_hosts: env.parsed("UPLOAD_HOSTS", parse_hosts).unwrap_or_else(|| Some(Vec::new())),
            trust_proxy: env.parsed("TRUST_PROXY", parse_bool),
            key_name: env.parsed("UPLOAD_KEY_NAME", parse_bool).unwrap_or(false),
            limits,
            meta: env.parsed("UPLOAD_META", str::parse).unwrap_or_default(),
            cache_control: env.parsed("UPLOAD_CACHE_CONTROL", parse_header),
            method: env.parsed("UPLOAD_METHOD", parse_method).flatten(),
            checksum: env.parsed("S3_CHECKSUM", parse_checksum).unwrap_or(store.provider().checksum),
            expires,
            token_expires,
            secret: secrets.next(),
            older_secrets: secrets.collect(),
            companion_origins: env.parsed("COMPANION_ORIGINS", parse_origins),
            companion_sts: StsConfig::read(env, &store, &prefix),
            prefix,
            store,
        };
        config.check(env);
        match env.take_problems() {
            problems if problems.is_empty() => Ok(config),
            problems => Err(ConfigError { problems }),
        }
    }

    fn check(&self, env: &mut Environment<'_>) {
        if self.limits.max_size > MAX_OBJECT_SIZE {
            env.problem("UPLOAD_MAX_SIZE is more than 48.8 TiB (53687091200000), the most an S3 object has.");
        }
        let Provider { title, max_expires, .. } = self.store.provider();
        if self.expires > *max_expires {
            let (seconds, days) = (max_expires.as_secs(), max_expires.as_secs() / 86_400);
            env.problem(format!(
                "UPLOAD_EXPIRES is more than {seconds} seconds ({days} days), after which signatures for {title} end."
            ));
        }
        let (bytes, max) = (self.prefix.len(), self.max_prefix_bytes());
        if bytes > max {
            let title = self.store.provider().title;
            env.problem(format!(
                "UPLOAD_PREFIX has {bytes} bytes with its `/`; in a key of {title} {max} have room before an id{}.",
                if self.key_name { " and a name" } else { "" }
            ));
        }
        if self.token_expires < self.expires {
            env.problem("UPLOAD_TOKEN_EXPIRES is less than UPLOAD_EXPIRES: uploads could not be confirmed.");
        }
        if self.method == Some(Method::Post) {
            match self.store.provider().post_policy {
                PostPolicies::No => {
                    env.problem(format!("UPLOAD_METHOD=post, but {title} has no POST policies. Set put or auto."));
                }
                PostPolicies::NoSizeLimit => env.problem(format!(
                    "UPLOAD_METHOD=post, but {title} takes files of any size with a POST policy. Set put or auto."
                )),
                PostPolicies::Yes | PostPolicies::Unknown => {}
            }
        }
    }

    fn max_prefix_bytes(&self) -> usize {
        let name = if self.key_name { "/".len() + MIN_NAME_BYTES } else { 0 };
        self.store.provider().max_key_bytes.saturating_sub(ID_BYTES + name)
    }

    /// Where the page is served if nobody says.
    #[must_use]
    pub fn site_addr(&self) -> SocketAddr {
        self.site_addr.unwrap_or_else(|| ([127, 0, 0, 1], 3000).into())
    }

    /// The hosts by which the page may be asked for.
    #[must_use]
    pub fn allowed_hosts(&self) -> AllowedHosts {
        AllowedHosts::new(&self.store_origins(), self.upload_hosts.as_deref())
    }

    /// The origins that the embedded store lets in besides the page's own.
    #[must_use]
    pub fn store_origins(&self) -> Vec<Origin> {
        self.upload_origins.iter().chain(self.companion_origins.iter().flatten()).cloned().collect()
    }

    /// The origins of the pages that upload: those of `UPLOAD_ORIGINS`, else the page on this machine; and those of
    /// `COMPANION_ORIGINS`.
    #[must_use]
    pub fn origins(&self) -> Vec<Origin> {
        let is_here = self.upload_origins.is_empty();
        let mut origins = if is_here { Origin::of_site(self.site_addr()) } else { Vec::new() };
        for origin in self.store_origins() {
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        origins
    }

    /// The method to sign for a page that would like `wish`: POST only where the policy limits the file's size.
    #[must_use]
    pub fn method_for(&self, wish: Option<Method>) -> Method {
        let auto = match self.store.provider().post_policy {
            PostPolicies::No | PostPolicies::NoSizeLimit => return Method::Put,
            PostPolicies::Yes => Method::Post,
            PostPolicies::Unknown => Method::Put,
        };
        self.method.or(wish).unwrap_or(auto)
    }
}

impl StoreConfig {
    /// The store's row in the table of providers.
    #[must_use]
    pub fn provider(&self) -> &'static Provider {
        match self {
            Self::Embedded(_) => &super::provider::EMBEDDED,
            Self::S3(s3) => s3.provider,
        }
    }
}

/// `UPLOAD_SECRET` stays out of logs.
impl fmt::Debug for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Config")
            .field("store", &self.store)
            .field("prefix", &self.prefix)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("The environment has to be put right (.env.example documents every variable):")?;
        for problem in &self.problems {
            write!(formatter, "\n  - {problem}")?;
        }
        Ok(())
    }
}

/// An address and a port to listen on, such as `127.0.0.1:3000`.
fn parse_addr(text: &str, example_port: u16) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is not an address like 127.0.0.1:{example_port}"))
}

fn parse_count(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| format!("`{text}` is not a whole number above 0"))
}

#[cfg(test)]
mod tests;
