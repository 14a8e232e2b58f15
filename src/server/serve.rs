use std::{io, net::SocketAddr, time::Duration};

use axum::Router;
use thiserror::Error;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time::timeout};

use super::{
    Config, UploadService,
    config::{S3Config, StoreConfig},
    connections::{ConnectionLimits, serve},
    service::Store,
    token::Sealer,
};

/// Requests get this long to end after the server was told to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// Why the server does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Another program listens there.
    #[error("{addr} is taken by another program. Stop it, or set {variable} to another address.")]
    AddressTaken {
        /// The address that was asked for.
        addr: SocketAddr,
        /// The variable that says so.
        variable: &'static str,
    },
    /// The system has something against it.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// There is nothing to sign with.
    #[error(
        "There are no credentials for the bucket. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or start \
         this where AWS's tools find credentials. They were looked for here: {0}"
    )]
    NoCredentials(String),
    /// Replicas would refuse each other's tokens, and each restart would end every running upload.
    #[error(
        "UPLOAD_SECRET is not set, and {0} is not for this machine alone. Set it to what `openssl rand -hex 32` prints, the \
         same on every replica."
    )]
    NoSecret(SocketAddr),
}

/// The server with its ports open: nothing that can fail at a start is left to fail.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    addr: SocketAddr,
    service: UploadService,
    store: Option<RunningStore>,
}

/// The embedded store, which answers from the moment it is open.
#[derive(Debug)]
struct RunningStore {
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    /// Opens the ports and looks for credentials.
    ///
    /// # Errors
    ///
    /// With what the operator has to change.
    pub async fn bind(config: Config, addr: SocketAddr) -> Result<Self, StartError> {
        let is_elsewhere = matches!(config.store, StoreConfig::S3(_));
        if is_elsewhere && config.secret.is_none() && !addr.ip().is_loopback() {
            return Err(StartError::NoSecret(addr));
        }
        let listener = TcpListener::bind(addr).await.map_err(|error| bind_error(addr, "LEPTOS_SITE_ADDR", error))?;
        let addr = listener.local_addr().map_err(|error| bind_error(addr, "LEPTOS_SITE_ADDR", error))?;
        if let Some(warning) = open_to_all(&config, addr) {
            eprintln!("{warning}");
        }
        let (service, store) = open_store(config, addr).await?;
        Ok(Self { listener, addr, service, store })
    }

    /// Where the page is.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The service that server functions call.
    #[must_use]
    pub fn service(&self) -> &UploadService {
        &self.service
    }

    /// Answers with `router` until `shutdown` resolves, and then ends what has begun.
    ///
    /// # Errors
    ///
    /// If it panics.
    pub async fn run(self, router: Router, shutdown: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let (stop, mut stopped) = watch::channel(());
        let limits = ConnectionLimits::with_connections(self.service.config().max_connections);
        let page = serve(self.listener, router, limits, async move {
            let _ = stopped.changed().await;
        });
        let page = tokio::spawn(page);
        shutdown.await;
        drop(stop);
        let end = async {
            page.await?;
            if let Some(store) = self.store {
                drop(store.stop);
                store.task.await?;
            }
            Ok(())
        };
        // What takes longer is cut off; browsers try again.
        timeout(SHUTDOWN_GRACE, end).await.unwrap_or(Ok(()))
    }
}

/// What an operator has to know who lets others than himself reach the server: at its address, or by a name through a proxy.
fn open_to_all(config: &Config, addr: SocketAddr) -> Option<String> {
    let how = if !addr.ip().is_loopback() {
        format!("It listens on {addr}, which other machines reach.")
    } else if config.allowed_hosts().has_public_name() {
        "UPLOAD_ORIGINS, COMPANION_ORIGINS or UPLOAD_HOSTS names a host that is not this machine.".to_owned()
    } else {
        return None;
    };
    let max = config.limits.max_size;
    Some(format!(
        "Anybody who reaches this server may upload any number of files of up to {max} bytes (UPLOAD_MAX_SIZE): there is no \
         login. {how}"
    ))
}

async fn open_store(config: Config, site: SocketAddr) -> Result<(UploadService, Option<RunningStore>), StartError> {
    match &config.store {
        StoreConfig::S3(s3) => {
            let store = connect(s3).await?;
            let random = Sealer::random_secret();
            let secret = config.secret.clone().map_or(random.to_vec(), String::into_bytes);
            if config.secret.is_none() {
                eprintln!(
                    "UPLOAD_SECRET is not set: running uploads end with a restart, and replicas don't know each other's."
                );
            }
            eprintln!("Uploads go to {} at {}", s3.bucket, s3.public_endpoint);
            Ok((UploadService::new(config, store, &secret), None))
        }
        StoreConfig::Embedded(embedded) => open_embedded(config.clone(), embedded, site).await,
    }
}

pub(super) async fn connect(s3: &S3Config) -> Result<Store, StartError> {
    let region = aws_sdk_s3::config::Region::new(s3.region.clone());
    let chain = aws_config::default_provider::credentials::DefaultCredentialsChain::builder();
    let credentials =
        aws_credential_types::provider::SharedCredentialsProvider::new(chain.region(region).build().await);
    let store = Store::configured(s3, credentials);
    store.check_credentials().await.map_err(StartError::NoCredentials)?;
    Ok(store)
}

#[cfg(feature = "embedded-s3")]
async fn open_embedded(
    config: Config,
    embedded: &super::config::EmbeddedConfig,
    site: SocketAddr,
) -> Result<(UploadService, Option<RunningStore>), StartError> {
    let opened = super::embedded::EmbeddedStore::open(embedded, site, config.store_origins()).await;
    let store = opened.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => bind_error(embedded.addr, "EMBEDDED_S3_ADDR", error),
        _ => StartError::Io { what: format!("The embedded store in {}", embedded.dir.display()), error },
    })?;
    if !embedded.addr.ip().is_loopback() {
        eprintln!("EMBEDDED_S3_ADDR={} can be reached from other machines.", embedded.addr);
    }
    eprintln!("Uploads go to the embedded store at {}, files are in {}", store.endpoint(), embedded.dir.display());
    let secret = config.secret.clone().unwrap_or_else(|| store.upload_secret().to_owned());
    let service = UploadService::new(config, store.store(), secret.as_bytes());
    let store = store.with_max_connections(service.config().max_connections);
    let (stop, mut stopped) = watch::channel(());
    let task = tokio::spawn(store.serve(async move {
        let _ = stopped.changed().await;
    }));
    Ok((service, Some(RunningStore { stop, task })))
}

#[cfg(not(feature = "embedded-s3"))]
#[expect(clippy::unused_async, reason = "the other one waits")]
async fn open_embedded(
    _: Config,
    embedded: &super::config::EmbeddedConfig,
    _: SocketAddr,
) -> Result<(UploadService, Option<RunningStore>), StartError> {
    let error = io::ErrorKind::Unsupported.into();
    Err(StartError::Io { what: format!("This build has no embedded store for {}", embedded.addr), error })
}

fn bind_error(addr: SocketAddr, variable: &'static str, error: io::Error) -> StartError {
    match error.kind() {
        io::ErrorKind::AddrInUse => StartError::AddressTaken { addr, variable },
        _ => StartError::Io { what: format!("Can't listen on {addr} ({variable})"), error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_lets_others_reach_the_server_is_told_that_anybody_may_upload() {
        let warning = |addr: &str, variables: &[(&str, &str)]| {
            let lookup =
                |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
            open_to_all(&Config::from_lookup(lookup).unwrap(), addr.parse().unwrap())
        };
        for addr in ["0.0.0.0:3000", "192.168.1.7:3000", "[::]:3000"] {
            let warning = warning(addr, &[("UPLOAD_MAX_SIZE", "7")]).unwrap();
            assert!(warning.starts_with("Anybody who reaches this server may upload"), "{warning}");
            assert!(warning.contains("up to 7 bytes") && warning.contains(addr), "{warning}");
        }
        for origins in ["UPLOAD_ORIGINS", "COMPANION_ORIGINS"] {
            let proxied = warning("127.0.0.1:3000", &[(origins, "https://up.example")]).unwrap();
            assert!(proxied.contains(origins), "{proxied}");
        }
        for variables in [&[][..], &[("UPLOAD_ORIGINS", "http://localhost:3000,http://127.0.0.1:3000")]] {
            assert_eq!(warning("127.0.0.1:3000", variables), None);
        }
    }
}
