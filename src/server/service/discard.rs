use std::time::{Duration, SystemTime};

use super::{
    UploadService,
    outcomes::Cancelled,
    proof::{Proof, prove_object},
    store_error::StoreError,
};
use crate::{
    s3::{Checksum, Key, Refusal, UploadToken},
    server::{
        Visitor,
        token::{MultipartUpload, Upload},
    },
};

/// How old a finished object may be that its owner cancels. Whoever cancels while the last bytes arrive does so within
/// seconds; whoever relies on an object that another replica has confirmed has to wait for that long.
const MAX_CANCEL_AGE: Duration = Duration::from_mins(2);

/// What an upload may have left in the store.
struct Left {
    key: Key,
    /// What its object has to be.
    size: u64,
    checksum: Option<Checksum>,
    uploads: Uploads,
}

/// The multipart uploads of a key.
enum Uploads {
    None,
    One(String),
    /// Whatever the store lists: the answer with the id may be lost.
    Listed,
}

impl UploadService {
    /// Removes what a cancelled upload may have left: the object, and parts without one, which would cost money unseen.
    /// Whether there was anything, S3 does not say.
    ///
    /// Evidence for `AbortMultipartUpload`: the upload's owner cancels it, and this process has not confirmed its object. Of an
    /// upload that was completed elsewhere nothing is left to abort.
    ///
    /// Evidence for `DeleteObject`: the store has shown an object of another size or with another checksum than was sealed; or
    /// its owner cancels it, this process has not confirmed it, and by the store's own clock it is younger than 2 minutes. An
    /// object that comes of a `CompleteMultipartUpload` under way is deleted by the call that has made it.
    ///
    /// What is left of doubt: an object that another replica has confirmed within these 2 minutes, or this one before a
    /// restart, can be deleted by its owner. An object that nobody confirmed stays where its owner cancels it later; on AWS
    /// that is 2 minutes after `CreateMultipartUpload`, since S3 dates an object of parts so.
    ///
    /// # Errors
    ///
    /// [`Refusal::AlreadyComplete`] where the object stays, token refusals and the store's failures.
    pub async fn discard(&self, visitor: &Visitor, token: &UploadToken) -> Result<(), Refusal> {
        let left = self.left(visitor, token)?;
        let cancelled = self.0.outcomes.cancel(&left.key);
        if matches!(cancelled, Cancelled::Confirmed) {
            return Err(Refusal::AlreadyComplete);
        }
        self.abort(&left).await?;
        match cancelled {
            Cancelled::Idle(_deleting) => self.delete_unless_complete(&left).await,
            Cancelled::Completing | Cancelled::Confirmed => Ok(()),
        }
    }

    /// Removes what an operator's own trial has left.
    ///
    /// Evidence for `AbortMultipartUpload` and `DeleteObject`: the caller itself has uploaded it, to try the store, and tells
    /// nobody of it.
    ///
    /// # Errors
    ///
    /// Token refusals and the store's failures.
    pub(in crate::server) async fn remove_trial(&self, visitor: &Visitor, token: &UploadToken) -> Result<(), Refusal> {
        let left = self.left(visitor, token)?;
        self.abort(&left).await?;
        Ok(self.0.store.delete_object(&left.key).await?)
    }

    fn left(&self, visitor: &Visitor, token: &UploadToken) -> Result<Left, Refusal> {
        match self.0.sealer.open(visitor, token, SystemTime::now())? {
            Upload::Single { key, size, checksum, .. } => Ok(Left { key, size, checksum, uploads: Uploads::None }),
            Upload::Multipart(MultipartUpload { key, upload_id, size, .. }) => {
                Ok(Left { key, size, checksum: None, uploads: Uploads::One(upload_id) })
            }
            Upload::Reserved { key, size, .. } => Ok(Left { key, size, checksum: None, uploads: Uploads::Listed }),
            Upload::Unsized { .. } | Upload::Form { .. } => Err(Refusal::TokenInvalid),
        }
    }

    async fn abort(&self, left: &Left) -> Result<(), Refusal> {
        let uploads = match &left.uploads {
            Uploads::None => Vec::new(),
            Uploads::One(upload_id) => vec![upload_id.clone()],
            Uploads::Listed => self.unfinished_uploads(&left.key).await?,
        };
        for upload_id in uploads {
            self.0.store.abort_multipart_upload(&left.key, &upload_id).await?;
        }
        Ok(())
    }

    async fn delete_unless_complete(&self, left: &Left) -> Result<(), Refusal> {
        let algorithm = left.checksum.as_ref().map(|checksum| checksum.algorithm);
        let head = match self.0.store.head_object(&left.key, algorithm).await {
            // Stores say 403 of what is not there to a server that may not list the bucket; and nothing was shown.
            Err(StoreError::NotFound | StoreError::Forbidden { .. }) => return Ok(()),
            head => head?,
        };
        let has_other_bytes = |checksum| prove_object(checksum, &head) == Proof::Different;
        let is_other = head.object.size != left.size || left.checksum.as_ref().is_some_and(has_other_bytes);
        let is_young = head.age.is_some_and(|age| age < MAX_CANCEL_AGE);
        if is_other || is_young {
            return Ok(self.0.store.delete_object(&left.key).await?);
        }
        Err(Refusal::AlreadyComplete)
    }
}
