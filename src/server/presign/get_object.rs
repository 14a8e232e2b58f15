use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;

use super::{Bucket, PresignError, query::UnsignedRequest};
use crate::s3::Key;

/// Reads an object.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>
#[derive(Clone, Copy, Debug)]
pub struct GetObject<'a> {
    /// The bucket it is in.
    pub bucket: &'a Bucket,
    /// Where in the bucket.
    pub key: &'a Key,
}

impl GetObject<'_> {
    /// A URL that is good for `expires_in` from now on.
    ///
    /// # Errors
    ///
    /// If the bucket's URL is none.
    pub fn sign(&self, credentials: &Credentials, expires_in: Duration) -> Result<String, PresignError> {
        self.sign_at(credentials, expires_in, SystemTime::now())
    }

    /// A URL that is good for `expires_in` from `time` on.
    ///
    /// # Errors
    ///
    /// As for [`GetObject::sign`].
    pub fn sign_at(
        &self,
        credentials: &Credentials,
        expires_in: Duration,
        time: SystemTime,
    ) -> Result<String, PresignError> {
        let request = UnsignedRequest { method: "GET", bucket: self.bucket, key: self.key, query: &[], headers: &[] };
        request.presign(credentials, expires_in, time)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::server::provider::Addressing;

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>, “An Example”.
    #[test]
    fn the_published_example_has_the_published_signature() {
        let endpoint = "https://s3.amazonaws.com".parse().unwrap();
        let bucket = Bucket::new(&endpoint, Addressing::VirtualHosted, "examplebucket".into(), "us-east-1".into());
        let credentials =
            Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None, None, "test");
        let time = datetime!(2013-05-24 00:00 UTC).into();
        let key = "test.txt".parse().unwrap();
        let url =
            GetObject { bucket: &bucket, key: &key }.sign_at(&credentials, Duration::from_hours(24), time).unwrap();
        assert_eq!(
            url,
            "https://examplebucket.s3.amazonaws.com/test.txt\
             ?X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20130524T000000Z\
             &X-Amz-Expires=86400\
             &X-Amz-SignedHeaders=host\
             &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }
}
