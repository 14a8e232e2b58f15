//! An S3 store inside this process: `s3s` speaks the protocol and checks signatures, `s3s-fs` keeps
//! objects as files. It listens on a port of its own, so the browser really crosses origins.
//!
//! ```text
//! data/uploads/…      the bucket: one file per object
//! data/.bucket-*      the objects' attributes (s3s-fs)
//! data/.multipart/…   unfinished uploads: a directory each, with the parts where they will be in the object
//! data/.keys.json     this store's access keys, made at the first start; locked while a server uses them
//! ```

mod admission;
mod cors;
mod delete_object;
mod disk;
mod drain;
mod keys;
mod locks;
mod multipart;
mod private;
mod put_object;
mod sidecar;
mod storage;

use std::{
    fs::{File, TryLockError},
    io,
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use ::http::{HeaderValue, header};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use axum::{
    Router,
    extract::Request,
    middleware,
    response::{IntoResponse, Response},
};
use s3s::{
    auth::SimpleAuth,
    config::StaticConfigProvider,
    service::{S3Service, S3ServiceBuilder},
};
use tokio::{net::TcpListener, time::interval};

use self::{disk::Disk, keys::Keys, multipart::Multipart, storage::Storage};
use super::{
    config::{EmbeddedConfig, Origin},
    connections::{self, ConnectionLimits},
    log::log,
    presign::{Bucket, Endpoint},
    provider::{Addressing, EMBEDDED},
    service::Store,
};

/// The only bucket.
const BUCKET: &str = "uploads";

const REGION: &str = "us-east-1";

/// The most bytes of a form besides its file, and of one of its fields: the longest is the policy.
const MAX_FORM_BYTES: usize = 64 << 10;
const MAX_FIELD_BYTES: usize = 16 << 10;

const MAX_FORM_PARTS: usize = 100;

/// The store, ready to answer.
#[derive(Debug)]
pub struct EmbeddedStore {
    listener: TcpListener,
    router: Router,
    keys: Keys,
    /// Held as long as the store is open.
    _lock: File,
    endpoint: Endpoint,
    public_endpoint: Endpoint,
    limits: ConnectionLimits,
    multipart: Multipart,
    upload_life: Duration,
}

impl EmbeddedStore {
    /// Opens the store and its port, for pages served at `site` and those of `origins`.
    ///
    /// # Errors
    ///
    /// If the port is taken, or the directory can't be written.
    pub async fn open(config: &EmbeddedConfig, site: SocketAddr, origins: Vec<Origin>) -> io::Result<Self> {
        let keys = Keys::open(&config.dir)?;
        let lock = try_lock(&config.dir)?.ok_or_else(|| {
            io::Error::other("another server uses this directory; give this one its own with EMBEDDED_S3_DIR")
        })?;
        let storage = Storage::open(Disk::new(&config.dir, config.syncs), BUCKET, config.max_size)?;
        let listener = TcpListener::bind(config.addr).await?;
        let endpoint = endpoint(listener.local_addr()?)?;
        let multipart = storage.multipart();
        let mut builder = S3ServiceBuilder::new(storage);
        // Without a key no request is let in: s3s refuses what is not signed as soon as it has keys.
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(s3_config(config)))));
        builder.set_auth(SimpleAuth::from_single(&keys.access_key, keys.secret_key.as_str()));
        let service = builder.build();
        let max_size = config.max_size;
        let router = Router::new()
            .fallback(move |request: Request| answer(service.clone(), max_size, request))
            .layer(middleware::map_response(as_download))
            .layer(cors::layer(site, origins));
        let public_endpoint = config.public_endpoint.clone().unwrap_or_else(|| endpoint.clone());
        let limits = ConnectionLimits::default();
        let upload_life = config.upload_life;
        Ok(Self { listener, router, keys, _lock: lock, endpoint, public_endpoint, limits, multipart, upload_life })
    }

    /// The store of a server that runs already; `None` where none does.
    ///
    /// # Errors
    ///
    /// If the directory can't be read, or nobody knows the server's port.
    pub fn running(config: &EmbeddedConfig) -> io::Result<Option<Store>> {
        if !config.dir.join(keys::FILE).exists() || try_lock(&config.dir)?.is_some() {
            return Ok(None);
        }
        if config.addr.port() == 0 {
            return Err(io::Error::other(
                "its server took any free port; stop it first, or start it with a port in EMBEDDED_S3_ADDR",
            ));
        }
        let endpoint = endpoint(config.addr)?;
        let public_endpoint = config.public_endpoint.clone().unwrap_or_else(|| endpoint.clone());
        Ok(Some(bucket_of(&Keys::open(&config.dir)?, &endpoint, &public_endpoint)))
    }

    /// The bucket and the keys to it.
    #[must_use]
    pub fn store(&self) -> Store {
        bucket_of(&self.keys, &self.endpoint, &self.public_endpoint)
    }

    /// A secret for upload tokens that survives a restart, as everything in the store does.
    #[must_use]
    pub fn upload_secret(&self) -> &str {
        &self.keys.upload_secret
    }

    /// Where the store answers.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// This store, for no more connections at one time.
    #[must_use]
    pub fn with_max_connections(mut self, connections: usize) -> Self {
        self.limits = ConnectionLimits::with_connections(connections);
        self
    }

    /// Answers until `shutdown` resolves.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let reaping = reap_hourly(self.multipart, self.upload_life);
        tokio::select! {
            () = connections::serve(self.listener, self.router, self.limits, shutdown) => {}
            () = reaping => {}
        }
    }
}

/// No lifecycle rule ends the uploads of this store, and no token leads to those that are older than any.
async fn reap_hourly(multipart: Multipart, upload_life: Duration) {
    let mut hours = interval(Duration::from_hours(1));
    loop {
        hours.tick().await;
        let Some(earliest) = SystemTime::now().checked_sub(upload_life) else { continue };
        match multipart.reap(earliest).await {
            Ok(0) => {}
            Ok(ended) => log(format_args!("The embedded store has ended {ended} uploads that nobody can resume")),
            Err(error) => log(format_args!("The embedded store could not end old uploads: {error:?}")),
        }
    }
}

fn bucket_of(keys: &Keys, endpoint: &Endpoint, public_endpoint: &Endpoint) -> Store {
    let credentials = Credentials::new(&keys.access_key, &keys.secret_key, None, None, "embedded");
    let bucket = Bucket::new(public_endpoint, Addressing::Path, BUCKET.to_owned(), REGION.to_owned());
    Store::new(&EMBEDDED, bucket, endpoint, Addressing::Path, SharedCredentialsProvider::new(credentials))
}

/// A second server on the same directory would clear away what the first one is receiving. `None` where there is a first
/// one.
fn try_lock(dir: &Path) -> io::Result<Option<File>> {
    let file = File::open(dir.join(keys::FILE))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// As Amazon's, this store takes signatures for its own region only: a set-up with another is wrong elsewhere too. And
/// nobody without a signature makes it hold more than a form of ours has.
fn s3_config(EmbeddedConfig { max_size, form_life, .. }: &EmbeddedConfig) -> s3s::config::S3Config {
    let mut config = s3s::config::S3Config::default();
    config.expected_region = Some(REGION.parse().expect("this is a region"));
    config.put_object_max_size = Some(*max_size);
    config.post_object_max_file_size = *max_size;
    config.form_max_field_size = MAX_FIELD_BYTES;
    config.form_max_fields_size = MAX_FORM_BYTES;
    config.form_max_parts = MAX_FORM_PARTS;
    // s3s takes forms for as long as it takes clocks to differ; the policy has its own end besides.
    let form_life = u32::try_from(form_life.as_secs()).unwrap_or(u32::MAX);
    config.presigned_url_max_skew_time_secs = config.presigned_url_max_skew_time_secs.max(form_life);
    config
}

/// `0.0.0.0` is where to listen, not an address to go to.
fn endpoint(addr: SocketAddr) -> io::Result<Endpoint> {
    let host = if addr.ip().is_unspecified() { "127.0.0.1".to_owned() } else { addr.ip().to_string() };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    format!("http://{host}:{}", addr.port()).parse().map_err(io::Error::other)
}

async fn answer(service: S3Service, max_size: u64, request: Request) -> impl IntoResponse {
    let size = admission::check(request.method(), request.headers(), max_size);
    let (request, unread) = drain::keep_body(request, drain::MAX_SILENCE);
    if let Err(refused) = size {
        drop(request);
        unread.drain().await;
        return *refused;
    }
    let response = service.call(request.map(s3s::Body::http_body_unsync)).await;
    unread.drain().await;
    match response {
        Ok(response) => response.map(axum::body::Body::new),
        Err(error) => {
            log(format_args!("The embedded store: {error:?}"));
            ::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Whatever a visitor uploaded is never a page of this store's origin, also where its attributes do not say that it is a
/// download.
async fn as_download(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    let is_object = headers.contains_key(header::LAST_MODIFIED);
    if is_object && !headers.contains_key(header::CONTENT_DISPOSITION) {
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    response
}
