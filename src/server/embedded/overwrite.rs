use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
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
    state: AtomicU8,
}

/// The body is still coming.
const RECEIVING: u8 = 0;

/// Its object may get the name.
const FIRST: u8 = 1;

/// Another has it.
const LATE: u8 = 2;

impl Overwrites {
    pub(super) fn attempt(&self, object: &Path) -> Arc<Attempt> {
        Arc::new(Attempt { named: self.clone(), object: object.to_owned(), state: AtomicU8::new(RECEIVING) })
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
        self.state.load(Ordering::Acquire) == LATE
    }

    fn end(&self) -> Result<Bytes, S3Error> {
        let mut named = self.named.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = !self.object.exists() && named.insert(self.object.clone());
        self.state.store(if is_first { FIRST } else { LATE }, Ordering::Release);
        if is_first { Ok(Bytes::new()) } else { Err(s3_error!(PreconditionFailed)) }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if *self.state.get_mut() == FIRST {
            self.named.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.object);
        }
    }
}
