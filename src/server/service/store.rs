use std::{
    error::Error,
    fmt::Debug,
    time::{Duration, SystemTime},
};

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Region, RequestChecksumCalculation, ResponseChecksumValidation, timeout::TimeoutConfig},
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::{
    s3::{ETag, Key, Object, Refusal},
    server::{
        credentials::CachedCredentials,
        presign::{Bucket, Endpoint},
        provider::{AWS, Addressing, Provider},
    },
};

/// How long the server asks the store before it tells the browser to try again.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(20);

/// The bucket: for browsers by its URLs, for the server by its API.
#[derive(Debug)]
pub struct Store {
    pub(super) bucket: Bucket,
    pub(super) credentials: CachedCredentials,
    client: Client,
}

impl Store {
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
            .endpoint_url(endpoint.to_string())
            .force_path_style(addressing == Addressing::Path)
            .timeout_config(TimeoutConfig::builder().operation_timeout(OPERATION_TIMEOUT).build());
        if *provider != AWS {
            // Other stores reject the checksums that the SDK adds of its own accord.
            config = config
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

    pub(super) async fn head_object(&self, key: Key) -> Result<Object, StoreError> {
        let request = self.client.head_object().bucket(self.bucket.name()).key(key.as_str());
        let head = request.send().await.map_err(|error| StoreError::new("HeadObject", &error))?;
        let size = head.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0);
        let etag = head.e_tag().map(|etag| ETag(etag.to_owned()));
        Ok(Object { key, size, etag, verified: None })
    }

    pub(super) async fn delete_object(&self, key: &Key) -> Result<(), StoreError> {
        let request = self.client.delete_object().bucket(self.bucket.name()).key(key.as_str());
        request.send().await.map_err(|error| StoreError::new("DeleteObject", &error))?;
        Ok(())
    }
}

/// Why the store did not do what the server asked.
pub(super) enum StoreError {
    NotFound,
    Unavailable { reason: String },
    Refused { reason: String },
}

impl StoreError {
    fn new<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Debug + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        if status == Some(404) {
            return Self::NotFound;
        }
        eprintln!("{operation}: {}", DisplayErrorContext(error));
        match (error, status) {
            (_, Some(status @ (429 | 500..))) => {
                Self::Unavailable { reason: format!("{operation} was answered with {status}.") }
            }
            (_, Some(status)) => {
                let code = error.code().map(|code| format!(" {code}")).unwrap_or_default();
                Self::Refused { reason: format!("{operation} was answered with {status}{code}") }
            }
            (SdkError::TimeoutError(_), None) => {
                Self::Unavailable { reason: format!("{operation} was not answered in time.") }
            }
            (SdkError::DispatchFailure(_) | SdkError::ResponseError(_), None) => {
                Self::Unavailable { reason: format!("{operation} got no answer.") }
            }
            (_, None) => Self::Refused { reason: format!("{operation} could not be sent") },
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::ObjectMissing,
            StoreError::Unavailable { reason } => Self::StoreUnavailable { reason },
            StoreError::Refused { reason } => Self::StoreRefused { reason },
        }
    }
}
