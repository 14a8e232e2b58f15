use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;

use super::{Bucket, PresignError, query::UnsignedRequest};
use crate::s3::{Checksum, Key, Method, PartNumber, UploadParameters};

/// Stores one part of a multipart upload; sent again, it replaces the part.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html>
#[derive(Clone, Copy, Debug)]
pub struct UploadPart<'a> {
    /// The bucket it goes into.
    pub bucket: &'a Bucket,
    /// Where in the bucket.
    pub key: &'a Key,
    /// S3's id of the multipart upload.
    pub upload_id: &'a str,
    /// Which part.
    pub part: PartNumber,
    /// Bytes of exactly this part. Signed, so a body of any other length is refused; `None` takes any.
    pub content_length: Option<u64>,
    /// What the bytes have to be. Signed, so the browser can't send others and say so.
    pub checksum: Option<&'a Checksum>,
}

impl UploadPart<'_> {
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
    /// As for [`UploadPart::sign`].
    pub fn sign_at(
        &self,
        credentials: &Credentials,
        expires_in: Duration,
        time: SystemTime,
    ) -> Result<UploadParameters, PresignError> {
        let number = self.part.get().to_string();
        let length = self.content_length.map(|length| length.to_string());
        let checksum = self.checksum.map(|checksum| (checksum.algorithm.header(), checksum.value.as_str()));
        let length = length.as_deref().map(|length| ("content-length", length));
        let signed: Vec<_> = length.into_iter().chain(checksum).collect();
        let request = UnsignedRequest {
            method: "PUT",
            bucket: self.bucket,
            key: self.key,
            query: &[("partNumber", &number), ("uploadId", self.upload_id)],
            headers: &signed,
        };
        Ok(UploadParameters {
            method: Method::Put,
            url: request.presign(credentials, expires_in, time)?,
            fields: [("key", self.key.as_str())].into(),
            headers: checksum.into_iter().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{s3::ChecksumAlgorithm, server::provider::Addressing};

    fn signed(content_length: Option<u64>, checksum: Option<&Checksum>) -> UploadParameters {
        let endpoint = "https://s3.example.com".parse().unwrap();
        let bucket = Bucket::new(&endpoint, Addressing::VirtualHosted, "photos".into(), "eu-central-1".into());
        let key = "a/b.txt".parse().unwrap();
        let part = PartNumber::try_from(7).unwrap();
        let upload_id = "2~a/b+c=";
        UploadPart { bucket: &bucket, key: &key, upload_id, part, content_length, checksum }
            .sign_at(
                &Credentials::new("AK", "secret", None, None, "test"),
                Duration::from_mins(15),
                SystemTime::UNIX_EPOCH,
            )
            .unwrap()
    }

    #[test]
    fn part_number_upload_id_and_length_are_signed() {
        let signed = signed(Some(8_388_608), None);
        let (object, query) = signed.url.split_once('?').unwrap();
        assert_eq!(object, "https://photos.s3.example.com/a/b.txt");
        assert!(query.starts_with("partNumber=7&uploadId=2~a%2Fb%2Bc%3D&X-Amz-Algorithm="), "{query}");
        assert!(query.contains("&X-Amz-Expires=900&X-Amz-SignedHeaders=content-length%3Bhost&"), "{query}");
        assert!(signed.headers.is_empty());
        assert_eq!(&signed.fields["key"], "a/b.txt");
    }

    #[test]
    fn a_length_that_nobody_knows_is_not_signed() {
        let signed = signed(None, None);
        assert!(signed.url.contains("&X-Amz-SignedHeaders=host&"), "{}", signed.url);
    }

    #[test]
    fn a_checksum_is_a_signed_header_that_the_browser_must_send() {
        for (algorithm, headers) in [
            (ChecksumAlgorithm::Sha256, "content-length%3Bhost%3Bx-amz-checksum-sha256"),
            (ChecksumAlgorithm::Md5, "content-length%3Bcontent-md5%3Bhost"),
        ] {
            let checksum = Checksum { algorithm, value: "AAAA".into() };
            let signed = signed(Some(8_388_608), Some(&checksum));
            assert!(signed.url.contains(&format!("&X-Amz-SignedHeaders={headers}&")), "{}", signed.url);
            assert_eq!(signed.headers, [(algorithm.header(), "AAAA")].into());
        }
    }
}
