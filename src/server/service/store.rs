use std::{
    error::Error,
    time::{Duration, SystemTime},
};

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Region, RequestChecksumCalculation, ResponseChecksumValidation, timeout::TimeoutConfig},
    types::{ChecksumMode, ServerSideEncryption},
};

use super::{response_date::ResponseDate, store_error::StoreError, x_id::remove_x_id};
use crate::{
    s3::{ChecksumAlgorithm, ETag, Key, Object},
    server::{
        before_signing::BeforeSigning,
        config::S3Config,
        credentials::CachedCredentials,
        presign::{Bucket, Endpoint},
        provider::{AWS, Addressing, Provider},
    },
};

/// How long the server asks the store before it tells the browser to try again.
pub(super) const OPERATION_TIMEOUT: Duration = Duration::from_secs(20);

/// What the store says of an object.
pub(super) struct Head {
    pub(super) object: Object,
    /// `x-amz-checksum-sha256`: of the object, or of its parts' digests and then with `-` and their number.
    pub(super) sha256: Option<String>,
    /// With keys of AWS KMS or of a customer an `ETag` is no MD5, though it looks like one.
    pub(super) etag_may_be_md5: bool,
    /// From `Last-Modified` to the answer, both by the store's clock; `None` where it did not say both. S3 says of an object
    /// that came of parts when its upload began.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>
    pub(super) age: Option<Duration>,
}

/// The bucket: for browsers by its URLs, for the server by its API.
#[derive(Debug)]
pub struct Store {
    pub(in crate::server) bucket: Bucket,
    pub(in crate::server) credentials: CachedCredentials,
    pub(in crate::server) client: Client,
}

impl Store {
    /// The configured bucket.
    #[must_use]
    pub fn configured(s3: &S3Config, credentials: SharedCredentialsProvider) -> Self {
        let bucket = Bucket::new(&s3.public_endpoint, s3.addressing, s3.bucket.clone(), s3.region.clone());
        Self::new(s3.provider, bucket, &s3.endpoint, s3.addressing, credentials)
    }

    /// `bucket` is what browsers reach; the server itself goes to `endpoint`.
    #[must_use]
    pub fn new(
        provider: &Provider,
        bucket: Bucket,
        endpoint: &Endpoint,
        addressing: Addressing,
        credentials: SharedCredentialsProvider,
    ) -> Self {
        let mut config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .credentials_provider(credentials.clone())
            .region(Region::new(bucket.region().to_owned()))
            // Without the slash the SDK makes `/pathbucket` of a path and a bucket.
            .endpoint_url(format!("{endpoint}/"))
            .force_path_style(addressing == Addressing::Path)
            .timeout_config(TimeoutConfig::builder().operation_timeout(OPERATION_TIMEOUT).build());
        if *provider != AWS {
            // Other stores reject the checksums and the parameter that the SDK adds of its own accord.
            config = config
                .interceptor(BeforeSigning(remove_x_id))
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        }
        let client = Client::from_conf(config.build());
        Self { bucket, credentials: CachedCredentials::new(credentials), client }
    }

    /// Whether there is anything to sign with, and why not.
    pub(in crate::server) async fn check_credentials(&self) -> Result<(), String> {
        let credentials = self.credentials.at(SystemTime::now()).await;
        credentials.map(drop).map_err(|error| error.source().unwrap_or(&error).to_string())
    }

    /// `algorithm` is what the answer is looked through for.
    pub(super) async fn head_object(
        &self,
        key: &Key,
        algorithm: Option<ChecksumAlgorithm>,
    ) -> Result<Head, StoreError> {
        let mut request = self.client.head_object().bucket(self.bucket.name()).key(key.as_str());
        if algorithm == Some(ChecksumAlgorithm::Sha256) {
            request = request.checksum_mode(ChecksumMode::Enabled);
        }
        let date = ResponseDate::default();
        let head = request.customize().interceptor(date.clone()).send().await;
        let head = head.map_err(|error| StoreError::of_object("HeadObject", &error))?;
        let size = head.content_length().and_then(|length| u64::try_from(length).ok());
        // What a proxy has left out is not an object of 0 bytes.
        let size = size.ok_or_else(|| StoreError::Unavailable { reason: "HeadObject said no size.".to_owned() })?;
        let etag = head.e_tag().map(|etag| ETag(etag.to_owned()));
        let is_aes = |encryption: &ServerSideEncryption| *encryption == ServerSideEncryption::Aes256;
        Ok(Head {
            etag_may_be_md5: head.server_side_encryption().is_none_or(is_aes)
                && head.sse_customer_algorithm().is_none(),
            age: head.last_modified().and_then(|modified| date.since(modified)),
            sha256: head.checksum_sha256().map(str::to_owned),
            object: Object { key: key.clone(), size, etag, verified: None, location: None },
        })
    }

    /// No object is as good as a deleted one. The caller has the evidence that it may be deleted.
    pub(super) async fn delete_object(&self, key: &Key) -> Result<(), StoreError> {
        let request = self.client.delete_object().bucket(self.bucket.name()).key(key.as_str());
        match request.send().await.map_err(|error| StoreError::of_object("DeleteObject", &error)) {
            Ok(_) | Err(StoreError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
