//! The bucket an operator asks about.

use crate::{
    s3::MAX_OBJECT_SIZE,
    server::{
        AllowedTypes, Config, Limits, StartError, UploadService,
        config::{EmbeddedConfig, StoreConfig},
        serve::connect,
        service::Store,
        token::Sealer,
    },
};

/// The configured bucket, and a service that signs for it as the server does.
#[derive(Debug)]
pub struct Connection {
    pub(super) config: Config,
    pub(super) service: UploadService,
    /// Keeps an embedded store open that no server runs.
    _store: Option<tokio::sync::watch::Sender<()>>,
}

impl Connection {
    /// Finds the bucket and credentials for it. The embedded store is the running server's; where none runs, it is open
    /// for as long as this is.
    ///
    /// # Errors
    ///
    /// With what the operator has to change.
    pub async fn open(config: Config) -> Result<Self, StartError> {
        let (store, running) = match &config.store {
            StoreConfig::S3(s3) => (connect(s3).await?, None),
            StoreConfig::Embedded(embedded) => open_embedded(&config, embedded).await?,
        };
        // What visitors may not upload a command may still try; its tokens are good for itself only.
        let limits = Limits { max_size: MAX_OBJECT_SIZE, max_files: 1, allowed_types: AllowedTypes::default() };
        let trying = Config { limits, method: None, ..config.clone() };
        let service = UploadService::new(trying, store, &Sealer::random_secret());
        Ok(Self { config, service, _store: running })
    }

    pub(super) fn store(&self) -> &Store {
        self.service.store()
    }
}

type Opened = (Store, Option<tokio::sync::watch::Sender<()>>);

#[cfg(feature = "embedded-s3")]
async fn open_embedded(config: &Config, embedded: &EmbeddedConfig) -> Result<Opened, StartError> {
    use crate::server::embedded::EmbeddedStore;

    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AddrInUse => StartError::AddressTaken { addr: embedded.addr, variable: "EMBEDDED_S3_ADDR" },
        _ => StartError::Io { what: format!("The embedded store in {}", embedded.dir.display()), error },
    };
    if let Some(store) = EmbeddedStore::running(embedded).map_err(failed)? {
        return Ok((store, None));
    }
    let opened = EmbeddedStore::open(embedded, config.site_addr(), config.store_origins()).await.map_err(failed)?;
    let store = opened.store();
    let (stop, mut stopped) = tokio::sync::watch::channel(());
    tokio::spawn(opened.serve(async move {
        let _ = stopped.changed().await;
    }));
    Ok((store, Some(stop)))
}

#[cfg(not(feature = "embedded-s3"))]
#[expect(clippy::unused_async, reason = "the other one waits")]
async fn open_embedded(_: &Config, embedded: &EmbeddedConfig) -> Result<Opened, StartError> {
    let error = std::io::ErrorKind::Unsupported.into();
    Err(StartError::Io { what: format!("This build has no embedded store for {}", embedded.addr), error })
}
