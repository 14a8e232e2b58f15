use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_sdk_sts::{
    Client,
    config::{BehaviorVersion, Region, timeout::TimeoutConfig},
    types::Credentials,
};
use serde_json::{Value, json};
use tokio::{sync::Mutex, time::Instant};

use super::{Store, UploadService, store::OPERATION_TIMEOUT, store_error::StoreError};
use crate::{
    s3::Refusal,
    server::{
        config::{RoleArn, StsConfig},
        provider::AWS,
    },
};

/// What STS takes of every role. No role's own maximum is less than an hour; longer than that one is refused, and where the
/// server's credentials are those of a role themselves ("role chaining"), an hour is the most whatever the role allows.
///
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
const MIN_LIFE: Duration = Duration::from_mins(15);
const MAX_LIFE: Duration = Duration::from_hours(1);

/// Whatever STS answered, it is not asked again sooner: all that are refused ask again, and AWS counts the calls of a whole
/// account.
const MIN_PAUSE: Duration = Duration::from_secs(10);

/// As Companion calls it. AWS's logs have it.
const SESSION: &str = "companion";

/// To upload, in one request or in parts. `PutObject` is also to begin parts, send them and put them together.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions>
const ACTIONS: [&str; 3] = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"];

/// What uploads need besides where the bucket encrypts with a key of KMS, the second for parts. Allowed through S3 only, where
/// none of the above reads an object.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions>
/// <https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service>
const KMS_ACTIONS: [&str; 2] = ["kms:GenerateDataKey", "kms:Decrypt"];

/// The service that has credentials for others.
#[derive(Debug)]
pub(super) struct Sts {
    client: Client,
    role: RoleArn,
    /// Locked while STS is asked, so that all who come in the meantime have the same answer.
    last: Arc<Mutex<Option<Last>>>,
}

/// What STS answered last, to all who ask before `until`.
#[derive(Debug)]
struct Last {
    answer: Result<Credentials, Refusal>,
    until: Instant,
}

impl Sts {
    /// For the store's bucket, asked with the credentials that are there for it.
    pub(super) fn new(StsConfig { role, endpoint }: &StsConfig, store: &Store) -> Self {
        let mut config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .credentials_provider(store.credentials.provider())
            .region(Region::new(store.bucket.region().to_owned()))
            .timeout_config(TimeoutConfig::builder().operation_timeout(OPERATION_TIMEOUT).build());
        config.set_endpoint_url(endpoint.as_ref().map(ToString::to_string));
        Self { client: Client::from_conf(config.build()), role: role.clone(), last: Arc::default() }
    }
}

impl UploadService {
    /// Whether clients may have credentials of their own.
    pub(in crate::server) fn lends_credentials(&self) -> bool {
        self.0.sts.is_some()
    }

    /// Credentials that end, for uploads below the prefix: the same for all who ask, so that a client can have new ones
    /// while its upload runs. Those that are lent have half of their life before them.
    ///
    /// # Errors
    ///
    /// [`Refusal::StoreUnavailable`] and [`Refusal::StoreRefused`] as STS answers.
    pub(in crate::server) async fn lend_credentials(&self) -> Result<Credentials, Refusal> {
        let sts = self.0.sts.as_ref().ok_or_else(none)?;
        let mut last = Arc::clone(&sts.last).lock_owned().await;
        if let Some(Last { answer, until }) = &*last
            && Instant::now() < *until
        {
            return answer.clone();
        }
        let service = self.clone();
        // It is heard to its end also where the caller goes away: else each who does would have STS asked once more.
        let asked = tokio::spawn(async move {
            let answer = service.assume_role().await;
            let pause = answer.as_ref().map_or(MIN_PAUSE, |credentials| service.lending_time(credentials));
            *last = Some(Last { answer: answer.clone(), until: Instant::now() + pause });
            answer
        });
        asked.await.unwrap_or_else(|_| Err(none()))
    }

    async fn assume_role(&self) -> Result<Credentials, Refusal> {
        let sts = self.0.sts.as_ref().ok_or_else(none)?;
        let request = sts
            .client
            .assume_role()
            .role_arn(sts.role.as_str())
            .role_session_name(SESSION)
            .duration_seconds(i32::try_from(self.life().as_secs()).unwrap_or(i32::MAX))
            .policy(self.lending_policy(&sts.role).to_string());
        let answer = request.send().await.map_err(|error| StoreError::new("AssumeRole", &error))?;
        answer.credentials.ok_or_else(none)
    }

    /// How long credentials are asked for.
    fn life(&self) -> Duration {
        self.0.config.expires.clamp(MIN_LIFE, MAX_LIFE)
    }

    /// How long credentials that have just come are lent.
    fn lending_time(&self, credentials: &Credentials) -> Duration {
        let end = SystemTime::try_from(*credentials.expiration()).unwrap_or(SystemTime::UNIX_EPOCH);
        let left = end.duration_since(SystemTime::now()).unwrap_or_default();
        (left.min(self.life()) / 2).max(MIN_PAUSE)
    }

    /// Of what the role may do, this is left.
    fn lending_policy(&self, role: &RoleArn) -> Value {
        let bucket = self.bucket();
        let keys = format!("arn:{}:s3:::{}/{}*", role.partition(), bucket.name(), self.0.config.prefix);
        let mut statements = vec![json!({ "Effect": "Allow", "Action": ACTIONS, "Resource": keys })];
        // Other stores have no such keys, and need not take a policy with actions that are none of theirs.
        if *self.0.config.store.provider() == AWS {
            // With or without China's `.cn`.
            let s3 = format!("s3.{}.amazonaws.com*", bucket.region());
            let condition = json!({ "StringLike": { "kms:ViaService": s3 } });
            statements.push(json!({
                "Effect": "Allow", "Action": KMS_ACTIONS, "Resource": "*", "Condition": condition,
            }));
        }
        json!({ "Version": "2012-10-17", "Statement": statements })
    }
}

fn none() -> Refusal {
    Refusal::StoreRefused { reason: "it has no credentials to lend".to_owned() }
}
