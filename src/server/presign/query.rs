use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use thiserror::Error;

use super::Bucket;
use crate::s3::Key;

/// RFC 3986's unreserved characters; AWS's signatures have all others encoded.
pub(super) const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request that can't be signed. Keys, hosts and headers are checked before, so this says that
/// something in the configuration can't be part of a URL.
#[derive(Debug, Error)]
#[error("the request can't be signed: {0}")]
pub struct PresignError(String);

/// A request on an object, before it is signed.
#[derive(Clone, Copy)]
pub(super) struct UnsignedRequest<'a> {
    pub(super) method: &'static str,
    pub(super) bucket: &'a Bucket,
    pub(super) key: &'a Key,
    /// The action's own parameters.
    pub(super) query: &'a [(&'a str, &'a str)],
    /// Signed too: whoever sends the request must send exactly these.
    pub(super) headers: &'a [(&'a str, &'a str)],
}

impl UnsignedRequest<'_> {
    /// The object's URL with the signature in its query.
    ///
    /// No `x-id` parameter as the SDK adds it (Google's XML API rejects it), and no hash of the body: the
    /// server never sees it.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>
    pub(super) fn presign(
        &self,
        credentials: &Credentials,
        expires_in: Duration,
        time: SystemTime,
    ) -> Result<String, PresignError> {
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.expires_in = Some(expires_in);
        let identity = credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.bucket.region())
            .name("s3")
            .time(time)
            .settings(settings)
            .build()
            .map_err(PresignError::new)?
            .into();
        let mut url = self.bucket.object_url(self.key);
        append_query(&mut url, self.query.iter().copied());
        let host = [("host", self.bucket.host())];
        let headers = host.iter().chain(self.headers).copied();
        let request = SignableRequest::new(self.method, url.as_str(), headers, SignableBody::UnsignedPayload)
            .map_err(PresignError::new)?;
        let (instructions, _) = sign(request, &params).map_err(PresignError::new)?.into_parts();
        append_query(&mut url, instructions.params().iter().map(|(name, value)| (*name, value.as_ref())));
        Ok(url)
    }
}

fn append_query<'a>(url: &mut String, query: impl Iterator<Item = (&'a str, &'a str)>) {
    for (name, value) in query {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(name);
        url.push('=');
        url.extend(utf8_percent_encode(value, UNRESERVED));
    }
}

impl PresignError {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}
