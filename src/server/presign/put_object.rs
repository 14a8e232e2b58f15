use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;

use super::{Bucket, PresignError, query::UnsignedRequest};
use crate::s3::{Key, Method, UploadParameters};

/// Stores an object whose bytes are the body.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>
#[derive(Clone, Copy, Debug)]
pub struct PutObject<'a> {
    /// The bucket it goes into.
    pub bucket: &'a Bucket,
    /// Where in the bucket.
    pub key: &'a Key,
    /// Bytes. Signed, so a body of any other length is refused; browsers send the header themselves.
    pub content_length: u64,
    /// Headers the browser must send. An unsigned `Content-Type` or `Content-Disposition` would be
    /// the browser's to choose, and an unsigned `x-amz-*` is refused.
    pub headers: &'a [(String, String)],
}

impl PutObject<'_> {
    /// A request that is good for `expires_in` from now on.
    ///
    /// # Errors
    ///
    /// If the bucket's URL is none.
    pub fn sign(&self, credentials: &Credentials, expires_in: Duration) -> Result<UploadParameters, PresignError> {
        self.sign_at(credentials, expires_in, SystemTime::now())
    }

    /// A request that is good for `expires_in` from `time` on.
    ///
    /// # Errors
    ///
    /// As for [`PutObject::sign`].
    pub fn sign_at(
        &self,
        credentials: &Credentials,
        expires_in: Duration,
        time: SystemTime,
    ) -> Result<UploadParameters, PresignError> {
        let length = self.content_length.to_string();
        let mut signed = vec![("content-length", length.as_str())];
        signed.extend(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let request =
            UnsignedRequest { method: "PUT", bucket: self.bucket, key: self.key, query: &[], headers: &signed };
        Ok(UploadParameters {
            method: Method::Put,
            url: request.presign(credentials, expires_in, time)?,
            fields: [("key".to_owned(), self.key.to_string())].into(),
            headers: self.headers.iter().cloned().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::provider::Addressing;

    #[test]
    fn size_and_every_header_are_signed_and_the_browser_gets_what_it_must_send() {
        let endpoint = "http://127.0.0.1:9000".parse().unwrap();
        let bucket = Bucket::new(&endpoint, Addressing::Path, "uploads".into(), "us-east-1".into());
        let headers = [("content-type", "text/plain"), ("if-none-match", "*")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let key = "a/b.txt".parse().unwrap();
        let put = PutObject { bucket: &bucket, key: &key, content_length: 5, headers: &headers };
        let credentials = Credentials::new("AK", "secret", Some("token/+".into()), None, "test");
        let signed = put.sign_at(&credentials, Duration::from_mins(1), SystemTime::UNIX_EPOCH).unwrap();
        assert!(signed.url.contains("&X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost%3Bif-none-match&"));
        assert!(signed.url.contains("&X-Amz-Security-Token=token%2F%2B"));
        assert!(!signed.url.contains("x-id"));
        assert_eq!(signed.headers, headers.into());
        assert_eq!(&signed.fields["key"], "a/b.txt");
    }
}
