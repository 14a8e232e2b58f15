use std::ops::Range;

use super::{CallId, FileId, RequestId};
use crate::s3::{UploadParameters, UploadToken};

/// What the driver has to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Ask the server to sign these files in one call, renewing the token of those that have one
    /// (`UploadFile::token`); answer with `Input::Signed`.
    Sign {
        /// Names the answer.
        call: CallId,
        /// At most `MAX_SIGN_BATCH`.
        files: Vec<FileId>,
    },
    /// Send bytes of a file; answer with `Progress`, `BodySent`, and at last `Response` or `RequestFailed`.
    Send {
        /// Names the answers.
        request: RequestId,
        /// Whose bytes.
        file: FileId,
        /// The signed request.
        parameters: UploadParameters,
        /// Which bytes of the file.
        body: Range<u64>,
    },
    /// Abort a request at once; nothing it answers counts any more.
    Cancel {
        /// The request.
        request: RequestId,
    },
    /// Ask the server whether the upload's object is there; answer with `Input::Confirmed`.
    Confirm {
        /// Names the answer.
        call: CallId,
        /// The upload.
        token: UploadToken,
    },
    /// Tell the server to delete what this cancelled upload may have stored. Needs no answer.
    Discard {
        /// The upload.
        token: UploadToken,
    },
    /// Something an app may want to know.
    Event(Event),
    /// What `Engine::file` says of this file is no longer what it was.
    Changed(FileId),
}

/// The plugin's events, under Uppy's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A file joined the list.
    FileAdded(FileId),
    /// These files were asked to upload.
    UploadStart(Vec<FileId>),
    /// More bytes of a file have left.
    UploadProgress(FileId),
    /// A file's request made no progress for the timeout; it is being sent again, if its retries are not spent.
    UploadStalled(FileId),
    /// A file is in the bucket.
    UploadSuccess(FileId),
    /// A file failed.
    UploadError(FileId),
    /// A file left the list.
    FileRemoved(FileId),
    /// All files were cancelled.
    CancelAll,
    /// No file is on its way any more.
    Complete {
        /// Uploaded since the last `Complete`.
        successful: Vec<FileId>,
        /// Failed since the last `Complete`, and still in the list.
        failed: Vec<FileId>,
    },
}
