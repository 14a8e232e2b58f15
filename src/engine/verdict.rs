use super::Response;

/// What a data request's answer means for the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The store has the bytes.
    Stored,
    /// There is an object under the key already: an earlier attempt's, since keys are unique.
    AlreadyThere,
    /// The signature's time is over, or the clocks of signer and store differ: sign again.
    Expired,
    /// The bytes arrived changed: read, sign and send them again.
    Corrupted,
    /// Nothing wrong with the request: the same one may succeed later.
    Transient,
    /// The same, and fewer requests at one time would be better.
    Overloaded,
    /// The store does not know the upload in parts: it was put together, or given up.
    Gone,
    /// Another try would end the same way.
    Final,
}

impl Verdict {
    /// Codes and statuses: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
    pub(super) fn of(response: &Response) -> Self {
        let (code, message) = response.error.as_ref().map_or(("", ""), |error| (&error.code, &error.message));
        match (response.status, code) {
            (200..=299, _) => Self::Stored,
            (412, _) => Self::AlreadyThere,
            (501, _) | (_, "NotImplemented") => Self::Final,
            (429 | 503, _) | (_, "SlowDown") => Self::Overloaded,
            (404, "NoSuchUpload") => Self::Gone,
            // The conflict is with a cancelled attempt of the same file that S3 has not finished with.
            (408 | 500..=599, _) | (_, "RequestTimeout") | (409, "ConditionalRequestConflict" | "OperationAborted") => {
                Self::Transient
            }
            (400, "BadDigest" | "XAmzContentChecksumMismatch") => Self::Corrupted,
            (400 | 403, _) if is_expired(code, message) => Self::Expired,
            _ => Self::Final,
        }
    }
}

/// S3 says `AccessDenied` with "Request has expired" of a presigned URL, and with "Invalid according to
/// Policy: Policy expired." of a POST policy.
fn is_expired(code: &str, message: &str) -> bool {
    matches!(code, "ExpiredToken" | "RequestTimeTooSkewed") || says_expired(message)
}

/// By bytes: a search for text is 2 kB of the page.
fn says_expired(message: &str) -> bool {
    message.as_bytes().windows(7).any(|word| word.eq_ignore_ascii_case(b"expired"))
}

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
    fn what_is_too_old_is_signed_again() {
        assert_eq!(verdict(403, "AccessDenied", "Request has expired"), Verdict::Expired);
        let policy = "Invalid according to Policy: Policy expired.";
        assert_eq!(verdict(403, "AccessDenied", policy), Verdict::Expired);
        assert_eq!(verdict(400, "ExpiredToken", "The provided token is old."), Verdict::Expired);
        assert_eq!(verdict(403, "RequestTimeTooSkewed", "Too far apart."), Verdict::Expired);
    }

    #[test]
    fn changed_bytes_are_read_again() {
        assert_eq!(verdict(400, "BadDigest", "No match."), Verdict::Corrupted);
        assert_eq!(verdict(400, "XAmzContentChecksumMismatch", ""), Verdict::Corrupted);
    }

    #[test]
    fn an_upload_that_the_store_does_not_know_is_gone() {
        assert_eq!(verdict(404, "NoSuchUpload", "None."), Verdict::Gone);
    }

    #[test]
    fn other_refusals_are_final() {
        assert_eq!(verdict(403, "AccessDenied", "Access Denied"), Verdict::Final);
        assert_eq!(verdict(403, "SignatureDoesNotMatch", "No match."), Verdict::Final);
        assert_eq!(verdict(400, "EntityTooLarge", "Too large."), Verdict::Final);
        assert_eq!(verdict(404, "NoSuchBucket", "None."), Verdict::Final);
        assert_eq!(verdict(501, "NotImplemented", "Not implemented."), Verdict::Final);
        assert_eq!(verdict(409, "BucketNotEmpty", ""), Verdict::Final);
    }
}
