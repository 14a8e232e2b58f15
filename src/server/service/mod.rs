//! What the server functions call. Every answer about a file is that file's own: one refusal does
//! not stop the others.

mod companion;
mod complete;
mod completion;
mod confirm;
mod discard;
mod form;
mod multipart;
mod outcomes;
mod proof;
mod response_date;
mod sign;
mod store;
mod store_error;
mod store_multipart;
mod sts;
mod x_id;

use std::sync::Arc;

use self::{outcomes::Outcomes, sts::Sts};
use super::{Config, Limits, config::Origin, presign::Bucket, token::Sealer};
use crate::s3::ChecksumAlgorithm;

pub(super) use companion::{Described, NamedPart};
pub use form::FormPage;
pub(super) use form::RETURN_PATH;
pub use store::Store;
pub(super) use store_multipart::StoredPart;

/// Signs and confirms uploads. Cloning is cheap; any number of replicas with the same
/// `UPLOAD_SECRET` may serve the same visitor.
#[derive(Clone, Debug)]
pub struct UploadService(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    store: Store,
    sealer: Sealer,
    sts: Option<Sts>,
    outcomes: Arc<Outcomes>,
}

impl UploadService {
    /// A service for `store`. `secret` seals upload tokens; the configuration's older secrets open them as well.
    #[must_use]
    pub fn new(config: Config, store: Store, secret: &[u8]) -> Self {
        let sealer = Sealer::new(secret, config.token_expires).opening(&config.older_secrets);
        let sealer = sealer.bound_to(config.store.deployment());
        let sts = config.companion_sts.as_ref().map(|sts| Sts::new(sts, &store));
        Self(Arc::new(Inner { config, store, sealer, sts, outcomes: Arc::default() }))
    }

    /// What visitors may upload.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.config.limits
    }

    /// What browsers prove their bytes with; `None` where the store checks nothing. A checksum of another algorithm is
    /// not signed.
    #[must_use]
    pub fn checksum_algorithm(&self) -> Option<ChecksumAlgorithm> {
        self.0.config.checksum
    }

    /// What the operator decided.
    pub(super) fn config(&self) -> &Config {
        &self.0.config
    }

    /// Where the pages that upload are; empty where the operator does not say.
    pub(super) fn upload_origins(&self) -> &[Origin] {
        &self.0.config.upload_origins
    }

    /// Whose pages may speak Companion's protocol; `None`: it is not served.
    #[must_use]
    pub fn companion_origins(&self) -> Option<&[Origin]> {
        self.0.config.companion_origins.as_deref()
    }

    /// The most parts that an upload may have.
    #[must_use]
    pub fn max_parts(&self) -> u16 {
        self.0.config.store.provider().max_parts
    }

    /// The most parts of one upload that may be on their way at the same time; `None` where the store does not say.
    #[must_use]
    pub fn max_part_requests(&self) -> Option<u16> {
        self.0.config.store.provider().max_part_requests
    }

    /// The bucket, for what an operator asks of it.
    pub(super) fn store(&self) -> &Store {
        &self.0.store
    }

    /// The bucket as browsers reach it.
    #[must_use]
    pub fn bucket(&self) -> &Bucket {
        &self.0.store.bucket
    }
}
