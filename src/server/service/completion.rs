//! `CompleteMultipartUpload`, which may be asked for any number of times, also at the same time and by callers that are gone:
//! it makes one object, once, and replaces none.

use super::{UploadService, outcomes::Turn, store::Head, store_error::StoreError, store_multipart::StoredPart};
use crate::{
    s3::{ChecksumAlgorithm, Key, Refusal},
    server::provider::ConditionalPut,
};

/// What the store says of an upload that was to be completed.
pub(super) enum Completion {
    /// This call made the object, with this composite checksum where the store says it.
    Made(Option<String>),
    /// There is an object under the key already.
    Exists(Box<Head>),
    /// The store does not know the upload: it was completed or aborted.
    NoSuchUpload,
}

impl UploadService {
    /// Completes the upload, unless there is an object under its key. Where the store honours `If-None-Match: *`, that is for
    /// the store to say. Elsewhere it is asked first: then an object that another replica makes at the same moment can be
    /// replaced, and only by another upload of the same reservation.
    ///
    /// # Errors
    ///
    /// The store's failures. Nobody knows after them whether it completes the upload.
    pub(super) async fn complete_once(
        &self,
        named: (&Key, &str),
        algorithm: Option<ChecksumAlgorithm>,
        parts: &[StoredPart],
    ) -> Result<Completion, Refusal> {
        let store = &self.0.store;
        if self.0.config.store.provider().conditional_put == ConditionalPut::Honoured {
            match store.complete_multipart_upload(named, algorithm, parts, true).await {
                // It knows the condition of `PutObject` alone.
                Err(StoreError::NotImplemented) => {}
                Err(error @ StoreError::PreconditionFailed { .. }) => {
                    return match store.head_object(named.0, algorithm).await {
                        Err(StoreError::NotFound) => Err(error.into()),
                        head => Ok(Completion::Exists(Box::new(head?))),
                    };
                }
                completed => return completion(completed),
            }
        }
        match store.head_object(named.0, algorithm).await {
            // Stores say 403 of what is not there to a server that may not list the bucket.
            Err(StoreError::NotFound | StoreError::Forbidden { .. }) => {}
            head => return Ok(Completion::Exists(Box::new(head?))),
        }
        completion(store.complete_multipart_upload(named, algorithm, parts, false).await)
    }

    /// The object that this process has just made of parts, as the store shows it.
    ///
    /// # Errors
    ///
    /// [`Refusal::StoreUnavailable`] where the store does not show it yet, and the store's failures.
    pub(super) async fn made_object(&self, key: &Key, algorithm: Option<ChecksumAlgorithm>) -> Result<Head, Refusal> {
        match self.0.store.head_object(key, algorithm).await {
            Err(StoreError::NotFound) => {
                let reason = "HeadObject does not show the completed object yet.".to_owned();
                Err(Refusal::StoreUnavailable { reason })
            }
            head => Ok(head?),
        }
    }

    /// What the caller of an upload that this process has just completed hears.
    ///
    /// Evidence for `DeleteObject`: this call made the object, its owner cancelled the upload in the meantime, and nobody was
    /// told that it is there.
    pub(super) async fn unless_cancelled<T>(
        &self,
        turn: &Turn,
        key: &Key,
        made: Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let made = made.and_then(|object| self.confirmed(key, object));
        if turn.is_cancelled() && made.is_err() {
            self.0.store.delete_object(key).await?;
            return Err(Refusal::UploadMissing);
        }
        made
    }

    /// Whoever hears of this object may rely on it from now on.
    pub(super) fn confirmed<T>(&self, key: &Key, object: T) -> Result<T, Refusal> {
        if self.0.outcomes.confirm(key) {
            return Ok(object);
        }
        Err(Refusal::StoreUnavailable { reason: "the upload is being cancelled.".to_owned() })
    }
}

/// Goes on when the caller has gone: a request to the store that is cut off half-way helps nobody, and who has a turn with a
/// key has it until the store's answer is known.
pub(super) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Result<T, Refusal> {
    let stopped = |_| Err(Refusal::StoreUnavailable { reason: "the server stopped in the middle.".to_owned() });
    tokio::spawn(work).await.unwrap_or_else(stopped)
}

fn completion(completed: Result<Option<String>, StoreError>) -> Result<Completion, Refusal> {
    match completed {
        Err(StoreError::NoSuchUpload) => Ok(Completion::NoSuchUpload),
        completed => Ok(Completion::Made(completed?)),
    }
}
