use super::Response;

/// What a data request's answer means for the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The store has the bytes.
    Stored,
    /// There is an object under the key already: an earlier attempt's, since keys are unique.
    AlreadyThere,
    /// The signature was refused. It may have expired, or its credentials have, and stores say that in many ways.
    Refused,
    /// The bytes arrived changed: read, sign and send them again.
    Corrupted,
    /// Nothing wrong with the request: the same one may succeed later.
    Transient,
    /// The same, and fewer requests at one time would be better.
    Overloaded,
    /// The store does not know the multipart upload: it was completed or aborted.
    Gone,
    /// A bad request. Of an expired signature that is one more way to say so.
    Bad,
    /// Another try would end the same way.
    Final,
}

impl Verdict {
    /// Codes and statuses: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
    pub(super) fn of(response: &Response) -> Self {
        let code = response.error.as_ref().map_or("", |error| &error.code);
        match (response.status, code) {
            (200..=299, _) => Self::Stored,
            (412, _) => Self::AlreadyThere,
            (501, _) | (_, "NotImplemented") | (404, "NoSuchBucket") => Self::Final,
            (429 | 503, _) | (_, "SlowDown") => Self::Overloaded,
            (404, _) => Self::Gone,
            // The conflict is with a cancelled attempt of the same file that S3 has not finished with.
            (408 | 500..=599, _) | (_, "RequestTimeout") | (409, "ConditionalRequestConflict" | "OperationAborted") => {
                Self::Transient
            }
            (400, "BadDigest" | "XAmzContentChecksumMismatch") => Self::Corrupted,
            (401 | 403, _) => Self::Refused,
            (400, code) if REFUSED_SIGNATURES.contains(&code) => Self::Refused,
            (400, _) => Self::Bad,
            _ => Self::Final,
        }
    }
}

/// Codes of status 400 with which stores refuse a signature or its credentials; most say `AccessDenied` with 403. The words
/// of the message are not looked at: they differ, and some stores send none.
const REFUSED_SIGNATURES: [&str; 11] = [
    "AccessDenied",
    "AuthorizationHeaderMalformed",
    "AuthorizationQueryParametersError",
    "ExpiredRequest",
    "ExpiredToken",
    "InvalidToken",
    "MalformedHeader",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::ErrorResponse;

    fn verdict(status: u16, code: &str, message: &str) -> Verdict {
        let error = ErrorResponse { code: code.into(), message: message.into() };
        let error = (!code.is_empty()).then_some(error);
        Verdict::of(&Response { status, error, ..Response::default() })
    }

    #[test]
    fn only_a_2xx_means_stored() {
        assert!([200, 201, 204].iter().all(|status| verdict(*status, "", "") == Verdict::Stored));
        assert!([0, 100, 199, 301, 304, 307].iter().all(|status| verdict(*status, "", "") == Verdict::Final));
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        for status in [408, 500, 502, 504] {
            assert_eq!(verdict(status, "", ""), Verdict::Transient, "{status}");
        }
        for (status, code) in [(429, ""), (503, ""), (503, "SlowDown"), (400, "SlowDown")] {
            assert_eq!(verdict(status, code, "Reduce your rate."), Verdict::Overloaded, "{status} {code}");
        }
        assert_eq!(verdict(400, "RequestTimeout", "Socket idle."), Verdict::Transient);
        assert_eq!(verdict(409, "ConditionalRequestConflict", ""), Verdict::Transient);
    }

    #[test]
    fn a_refused_signature_is_told_by_status_and_code_and_never_by_words() {
        for (status, code) in [(401, ""), (403, ""), (403, "AccessDenied"), (403, "SignatureDoesNotMatch")] {
            assert_eq!(verdict(status, code, ""), Verdict::Refused, "{status} {code}");
        }
        for code in REFUSED_SIGNATURES {
            assert_eq!(verdict(400, code, "Any words."), Verdict::Refused, "{code}");
        }
        assert_eq!(verdict(400, "InvalidArgument", "The date has expired."), Verdict::Bad);
    }

    #[test]
    fn changed_bytes_are_read_again() {
        assert_eq!(verdict(400, "BadDigest", "No match."), Verdict::Corrupted);
        assert_eq!(verdict(400, "XAmzContentChecksumMismatch", ""), Verdict::Corrupted);
    }

    #[test]
    fn an_upload_that_the_store_does_not_know_is_gone_whatever_the_code() {
        for code in ["NoSuchUpload", "NoSuchKey", "NotFound", ""] {
            assert_eq!(verdict(404, code, "None."), Verdict::Gone, "{code}");
        }
    }

    #[test]
    fn other_refusals_are_final() {
        assert_eq!(verdict(404, "NoSuchBucket", "None."), Verdict::Final);
        assert_eq!(verdict(501, "NotImplemented", "Not implemented."), Verdict::Final);
        assert_eq!(verdict(409, "BucketNotEmpty", ""), Verdict::Final);
    }
}
