use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use axum::body::Bytes;
use futures::{StreamExt, stream};
use s3s::{S3Error, dto::StreamingBlob, s3_error};

/// The objects that conditional PUTs are about to name.
///
/// s3s-fs looks whether there is an object before it reads the body of a PUT with `If-None-Match: *`, and not again: of two
/// that come at one time the slower would overwrite the other. So there is a second look when the whole body is there.
#[derive(Clone, Debug, Default)]
pub(super) struct Overwrites(Arc<Mutex<BTreeSet<PathBuf>>>);

/// One conditional PUT.
#[derive(Debug)]
pub(super) struct Attempt {
    named: Overwrites,
    object: PathBuf,
    /// Whether its object may get the name; known when all of the body is there.
    is_first: OnceLock<bool>,
}

impl Overwrites {
    pub(super) fn attempt(&self, object: &Path) -> Arc<Attempt> {
        Arc::new(Attempt { named: self.clone(), object: object.to_owned(), is_first: OnceLock::new() })
    }
}

impl Attempt {
    /// The body, with an error for its end if there is an object by then.
    pub(super) fn guard(self: &Arc<Self>, body: StreamingBlob) -> StreamingBlob {
        let attempt = Arc::clone(self);
        let end = stream::once(async move { attempt.end() });
        StreamingBlob::wrap(body.map(|bytes| bytes.map_err(|error| s3_error!(IncompleteBody, "{error}"))).chain(end))
    }

    /// Whether another was there first.
    pub(super) fn is_late(&self) -> bool {
        self.is_first.get() == Some(&false)
    }

    fn end(&self) -> Result<Bytes, S3Error> {
        let mut named = self.named.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = *self.is_first.get_or_init(|| !self.object.exists() && named.insert(self.object.clone()));
        if is_first { Ok(Bytes::new()) } else { Err(s3_error!(PreconditionFailed)) }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.is_first.get() == Some(&true) {
            self.named.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.object);
        }
    }
}
