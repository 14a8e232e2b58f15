use std::ops::Range;

use super::{CallId, FileId, RequestId};
use crate::s3::{Checksum, ChecksumAlgorithm, PartNumber, PartPlan, PartRequest, UploadParameters, UploadToken};

/// What the driver has to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Read bytes of a file, and compute their checksum; answer with `Input::Read`. A driver may keep them for the `Send`.
    Read {
        /// Names the answer.
        call: CallId,
        /// Whose bytes.
        file: FileId,
        /// Which bytes.
        body: Range<u64>,
        /// What to compute.
        algorithm: ChecksumAlgorithm,
    },
    /// Ask the server to sign these files in one call, renewing the token of those that have one
    /// (`UploadFile::token`), for `UploadFile::checksum` and `UploadFile::part_size`; answer with `Input::Signed`.
    Sign {
        /// Names the answer.
        call: CallId,
        /// At most `MAX_SIGN_BATCH`.
        files: Vec<FileId>,
    },
    /// Ask the server to sign these parts of a file in one call; answer with `Input::Signed`.
    SignParts {
        /// Names the answer.
        call: CallId,
        /// The upload.
        token: UploadToken,
        /// At most `MAX_SIGN_BATCH`.
        parts: Vec<PartRequest>,
    },
    /// Ask the server to begin the upload in parts whose key the file's token reserves; answer with `Input::Created`.
    Create {
        /// Names the answer.
        call: CallId,
        /// The file.
        file: FileId,
        /// An earlier call may have begun it already.
        again: bool,
    },
    /// Ask the server which parts the store has; answer with `Input::Listed`.
    List {
        /// Names the answer.
        call: CallId,
        /// The upload.
        token: UploadToken,
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
    /// Ask the server to complete the multipart upload, and whether the object is there then; answer with
    /// `Input::Confirmed`. That may take minutes, and an earlier call may still be running. May come again.
    Complete {
        /// Names the answer.
        call: CallId,
        /// The upload.
        token: UploadToken,
        /// The parts that the file has.
        plan: PartPlan,
        /// One for each part in order, or none at all.
        checksums: Vec<Checksum>,
    },
    /// Keep what `UploadFile::interrupted` says of this file, for a later page's `Engine::add_interrupted`.
    Remember {
        /// The file.
        file: FileId,
        /// Milliseconds from now after which the server does not know its token any more.
        expires_in_ms: Option<u64>,
    },
    /// Keep that the store has a part of an upload.
    RememberPart {
        /// The upload.
        token: UploadToken,
        /// The part.
        part: PartNumber,
        /// What its bytes are.
        checksum: Option<Checksum>,
    },
    /// Keep no longer that the store has a part: it has other bytes.
    ForgetPart {
        /// The upload.
        token: UploadToken,
        /// The part.
        part: PartNumber,
    },
    /// There is nothing left to go on with: what was kept of the upload can go.
    Forget {
        /// The upload.
        token: UploadToken,
    },
    /// Tell the server to delete what this upload may have stored: the object, and every unfinished multipart upload of its
    /// key. Comes only of what a person cancelled, of what the store has shown not to be the file, and of multipart uploads
    /// that nobody can complete any more and that nobody had completed. What was kept of it can go. May come twice. Needs
    /// no answer.
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
    /// A part of a file is in the store.
    PartUploaded(FileId, PartNumber),
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
