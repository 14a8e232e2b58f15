use std::time::{Duration, SystemTime};

use super::{UploadService, store::StoreError};
use crate::{
    s3::{Key, Object, Refusal, UploadToken},
    server::{Visitor, presign::GetObject, token::Upload},
};

/// How long a link to an object is good for.
const LINK_LIFE: Duration = Duration::from_mins(5);

impl UploadService {
    /// The uploaded object, once the store has it in its full size. Success means this.
    ///
    /// # Errors
    ///
    /// [`Refusal::ObjectMissing`] and [`Refusal::SizeMismatch`] for what the store says, token
    /// refusals for another's or an old token, and the store's failures.
    pub async fn confirm(&self, visitor: &Visitor, token: &UploadToken) -> Result<Object, Refusal> {
        let (key, expected) = self.single(visitor, token)?;
        let object = self.0.store.head_object(key).await?;
        if object.size != expected {
            return Err(Refusal::SizeMismatch { expected, actual: object.size });
        }
        Ok(object)
    }

    /// A URL that opens the object in the next 5 minutes, as a download under its own name.
    ///
    /// # Errors
    ///
    /// Token refusals, and [`Refusal::StoreRefused`] without credentials to sign with.
    pub async fn object_url(&self, visitor: &Visitor, token: &UploadToken) -> Result<String, Refusal> {
        let (key, _) = self.single(visitor, token)?;
        let now = SystemTime::now();
        let signing = self.signing(now).await?;
        GetObject { bucket: self.bucket(), key: &key }
            .sign_at(&signing.credentials, signing.expires_in.min(LINK_LIFE), now)
            .map_err(|error| Refusal::StoreRefused { reason: error.to_string() })
    }

    /// Deletes what a cancelled upload may have left. Whether there was anything, S3 does not say.
    ///
    /// # Errors
    ///
    /// Token refusals and the store's failures.
    pub async fn discard(&self, visitor: &Visitor, token: &UploadToken) -> Result<(), Refusal> {
        let (key, _) = self.single(visitor, token)?;
        self.0.store.delete_object(&key).await.or_else(|error| match error {
            StoreError::NotFound => Ok(()),
            error => Err(error.into()),
        })
    }

    fn single(&self, visitor: &Visitor, token: &UploadToken) -> Result<(Key, u64), Refusal> {
        match self.0.sealer.open(visitor, token, SystemTime::now())? {
            Upload::Single { key, size, .. } => Ok((key, size)),
            Upload::Form { .. } => Err(Refusal::TokenInvalid),
        }
    }
}
