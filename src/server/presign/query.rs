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

/// An object's URL with the signature in its query. `headers` are signed as well: whoever sends the
/// request must send exactly these.
///
/// No `x-id` parameter as the SDK adds it (Google's XML API rejects it), and no hash of the body: the
/// server never sees it.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>
pub(super) fn presigned_url(
    method: &str,
    bucket: &Bucket,
    key: &Key,
    headers: &[(&str, &str)],
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
        .region(bucket.region())
        .name("s3")
        .time(time)
        .settings(settings)
        .build()
        .map_err(PresignError::new)?
        .into();
    let mut url = bucket.object_url(key);
    let host = [("host", bucket.host())];
    let headers = host.iter().chain(headers).copied();
    let request = SignableRequest::new(method, url.as_str(), headers, SignableBody::UnsignedPayload)
        .map_err(PresignError::new)?;
    let (instructions, _) = sign(request, &params).map_err(PresignError::new)?.into_parts();
    for (index, (name, value)) in instructions.params().iter().enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        url.push_str(name);
        url.push('=');
        url.extend(utf8_percent_encode(value, UNRESERVED));
    }
    Ok(url)
}

impl PresignError {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}
