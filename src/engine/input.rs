use std::time::Duration;

use super::{CallId, FileId, RequestId};
use crate::s3::{Checksum, CreatedUpload, ErrorResponse, Object, Part, Refusal, SignedUpload};

/// What the world answers.
#[derive(Clone, Debug)]
pub enum Input {
    /// The answer to `Output::Read`.
    Read {
        /// The call answered.
        call: CallId,
        /// The checksum; an error where the file can't be read just now.
        result: Result<Checksum, ()>,
    },
    /// The answer to `Output::Sign` and `Output::SignParts`: one result each, in the order asked.
    Signed {
        /// The call answered.
        call: CallId,
        /// One for each file or part of the call; a missing one counts as unanswered. Of parts the token is ignored.
        results: Vec<Result<SignedUpload, CallFailure>>,
    },
    /// The answer to `Output::Create`.
    Created {
        /// The call answered.
        call: CallId,
        /// With the upload's token from now on.
        result: Result<CreatedUpload, CallFailure>,
    },
    /// The answer to `Output::List`.
    Listed {
        /// The call answered.
        call: CallId,
        /// Every part that the store has.
        result: Result<Vec<Part>, CallFailure>,
    },
    /// The answer to `Output::Confirm` and `Output::Complete`.
    Confirmed {
        /// The call answered.
        call: CallId,
        /// The object, if it is there in full.
        result: Result<Object, CallFailure>,
    },
    /// Bytes of a request's body have left.
    Progress {
        /// The request.
        request: RequestId,
        /// Bytes of the file sent so far by this request, without form overhead.
        sent: u64,
    },
    /// The last byte of a request's body has left; the response is still to come.
    BodySent {
        /// The request.
        request: RequestId,
    },
    /// A request was answered, with whatever status.
    Response {
        /// The request.
        request: RequestId,
        /// The answer.
        response: Response,
    },
    /// A request ended without an answer.
    RequestFailed {
        /// The request.
        request: RequestId,
        /// Why.
        failure: RequestFailure,
    },
    /// A file has other bytes than it had when it was read before: what is in the store would become a mix.
    FileChanged {
        /// The file.
        file: FileId,
    },
    /// The browser says that there is a network again.
    Online,
    /// The browser says that there is no network.
    Offline,
}

/// S3's answer to a data request, as far as it was readable across origins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After`, where it was sent and readable.
    pub retry_after: Option<Duration>,
    /// The error body, where there is one.
    pub error: Option<ErrorResponse>,
    /// `<Key>` of a POST's answer.
    pub key: Option<String>,
    /// `<Location>` of a POST's answer, resolved against the request's URL.
    pub location: Option<String>,
}

/// Why a data request ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestFailure {
    /// The connection broke, was refused, or the browser hid the answer (CORS). Browsers don't say which.
    Network,
    /// The same, and the browser itself seems to have stopped the request: no byte had left, and the store answers others.
    Blocked,
    /// The file could not be read just now: it was changed, moved or deleted after it was picked, is locked, or is a folder.
    Unreadable,
}

/// Why a call to the signing server gave nothing for a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallFailure {
    /// The server answered, and will not.
    Refused(Refusal),
    /// No answer, or one that is not the server's (500, HTML): worth another try.
    Unreachable {
        /// What came instead, in words.
        reason: String,
        /// `Retry-After`, where it was sent.
        retry_after: Option<Duration>,
    },
    /// The app's own signing function failed or returned what can't be used: final.
    Invalid {
        /// What is wrong with it, in words.
        reason: String,
    },
}

impl From<String> for CallFailure {
    /// A signing function's own error is final, as in the original plugin.
    fn from(reason: String) -> Self {
        Self::Invalid { reason }
    }
}
