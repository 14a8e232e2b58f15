//! What the server functions call. Every answer about a file is that file's own: one refusal does
//! not stop the others.

mod confirm;
mod form;
mod sign;
mod store;

use std::sync::Arc;

use super::{Config, Limits, presign::Bucket, token::Sealer};

pub use form::FormPage;
pub use store::Store;

/// Signs and confirms uploads. Cloning is cheap; any number of replicas with the same
/// `UPLOAD_SECRET` may serve the same visitor.
#[derive(Clone, Debug)]
pub struct UploadService(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    store: Store,
    sealer: Sealer,
}

impl UploadService {
    /// A service for `store`. `secret` seals upload tokens.
    #[must_use]
    pub fn new(config: Config, store: Store, secret: &[u8]) -> Self {
        let sealer = Sealer::new(secret, config.token_expires);
        Self(Arc::new(Inner { config, store, sealer }))
    }

    /// What visitors may upload.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.config.limits
    }

    /// The bucket as browsers reach it.
    #[must_use]
    pub fn bucket(&self) -> &Bucket {
        &self.0.store.bucket
    }
}
