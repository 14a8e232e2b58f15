use std::{error::Error, fmt::Debug};

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use thiserror::Error;

use crate::server::causes::{causes, one_line};

/// Why a command could not do what it was asked. The text says what to do.
#[derive(Debug, Error)]
pub enum CommandError {
    /// The store refused, or could not be reached.
    #[error("{0}")]
    Store(String),
    /// What was asked for would meet more than this server's own uploads.
    #[error(
        "UPLOAD_PREFIX is the bucket's root, so this would be for every unfinished upload of the bucket, also for those of \
         other applications. Set UPLOAD_PREFIX, or say --whole-bucket."
    )]
    WholeBucket,
}

/// What a store said to a call of the server's own.
pub(super) struct StoreSays {
    operation: &'static str,
    status: Option<u16>,
    pub(super) code: Option<String>,
    text: String,
}

impl StoreSays {
    pub(super) fn new<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Debug + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let code = error.code().map(one_line);
        let text = match error.message() {
            Some(message) => one_line(message),
            None if status.is_some_and(|status| status >= 300) => String::new(),
            // The answer makes no sense, or there is none.
            None => causes(error),
        };
        Self { operation, status, code, text }
    }

    /// Something in it can't be part of a request.
    pub(super) fn unsent(operation: &'static str, error: impl std::fmt::Display) -> Self {
        Self { operation, status: None, code: None, text: error.to_string() }
    }

    pub(super) fn is(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    /// The store has no such operation.
    pub(super) fn is_not_implemented(&self) -> bool {
        self.status == Some(501) || self.status == Some(405) || self.is(&["NotImplemented", "MethodNotAllowed"])
    }

    /// What it was asked about is not there; an answer to HEAD has no more than the status.
    pub(super) fn is_not_found(&self) -> bool {
        self.status == Some(404)
    }

    /// The keys may not do it.
    pub(super) fn is_denied(&self) -> bool {
        self.is(&["AccessDenied", "Forbidden"]) || (self.status == Some(403) && self.code.is_none())
    }

    /// As a sentence.
    pub(super) fn sentence(&self) -> String {
        let Self { operation, status, code, text } = self;
        match (status, code) {
            (None, _) => format!("{operation} got no answer: {text}."),
            (Some(status), None) if text.is_empty() => format!("{operation} was answered with {status}."),
            (Some(status), None) => format!("{operation} was answered with {status}: {text}."),
            (Some(status), Some(code)) if text.is_empty() => format!("{operation} was answered with {status} {code}."),
            (Some(status), Some(code)) => {
                format!("{operation} was answered with {status} {code}: {}.", text.trim_end_matches('.'))
            }
        }
    }
}

impl From<StoreSays> for CommandError {
    fn from(says: StoreSays) -> Self {
        Self::Store(format!("{} `leptos-aws-s3 doctor` finds out more.", says.sentence()))
    }
}
