use std::time::{Duration, SystemTime};

use super::{
    UploadService,
    proof::{Proof, prove_object},
};
use crate::{
    s3::{Object, Refusal, UploadToken},
    server::{
        Visitor,
        presign::GetObject,
        token::{MultipartUpload, Upload},
    },
};

/// How long a link to an object is good for.
const LINK_LIFE: Duration = Duration::from_mins(5);

impl UploadService {
    /// The uploaded object, once the store has it in its full size. Success means this.
    ///
    /// # Errors
    ///
    /// [`Refusal::ObjectMissing`], [`Refusal::SizeMismatch`] and [`Refusal::ChecksumMismatch`] for what the store
    /// says, [`Refusal::UploadMissing`] for an upload in parts that is not completed, token refusals for another's or
    /// an old token, and the store's failures.
    pub async fn confirm(&self, visitor: &Visitor, token: &UploadToken) -> Result<Object, Refusal> {
        let (key, expected, checksum) = match self.0.sealer.open(visitor, token, SystemTime::now())? {
            Upload::Single { key, size, checksum, .. } => (key, size, checksum),
            Upload::Multipart(upload) => return self.confirm_completed(&upload, None).await,
            Upload::Reserved { .. } => return Err(Refusal::UploadMissing),
            Upload::Unsized { .. } | Upload::Form { .. } => return Err(Refusal::TokenInvalid),
        };
        let algorithm = checksum.as_ref().map(|checksum| checksum.algorithm);
        let head = self.0.store.head_object(&key, algorithm).await?;
        if head.object.size != expected {
            return Err(Refusal::SizeMismatch { expected, actual: head.object.size });
        }
        let proof = checksum.as_ref().map_or(Proof::Silent, |checksum| prove_object(checksum, &head));
        let object = Object { verified: proof.verified(algorithm)?, ..head.object };
        self.confirmed(&key, object)
    }

    /// A URL that opens the object in the next 5 minutes, as a download under its own name.
    ///
    /// # Errors
    ///
    /// Token refusals, and [`Refusal::StoreRefused`] without credentials to sign with.
    pub async fn object_url(&self, visitor: &Visitor, token: &UploadToken) -> Result<String, Refusal> {
        let now = SystemTime::now();
        let key = match self.0.sealer.open(visitor, token, now)? {
            Upload::Single { key, .. } | Upload::Multipart(MultipartUpload { key, .. }) => key,
            Upload::Reserved { .. } | Upload::Unsized { .. } | Upload::Form { .. } => {
                return Err(Refusal::TokenInvalid);
            }
        };
        let signing = self.signing(now).await?;
        GetObject { bucket: self.bucket(), key: &key }
            .sign_at(&signing.credentials, signing.expires_in.min(LINK_LIFE), now)
            .map_err(|error| Refusal::StoreRefused { reason: error.to_string() })
    }
}
