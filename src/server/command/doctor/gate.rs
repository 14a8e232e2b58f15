use std::time::{Duration, SystemTime};

use ::http::Method as Verb;
use aws_credential_types::Credentials;

use crate::{
    s3::Key,
    server::{
        command::{
            Connection, Finding,
            http::{Answer, Http},
            reap::human_age,
            store_says::StoreSays,
        },
        presign::GetObject,
        random::random_id,
    },
};

/// Stores refuse signatures that are older or newer than this.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>, `RequestTimeTooSkewed`
const MAX_SKEW: Duration = Duration::from_mins(15);

/// Nobody would notice less.
const NOTICED_SKEW: Duration = Duration::from_mins(1);

const EXPIRES: Duration = Duration::from_mins(5);

/// Why a signed request for an object that is not there was not answered with just that.
enum Cause {
    /// It was.
    Accepted,
    KeyId,
    Secret,
    Token,
    Clock,
    /// With the region that the store says the bucket is in.
    Region(Option<String>),
    Bucket,
    Other,
}

/// What all else needs: a store that answers, the right time, keys, a bucket, and its region. One signed request finds
/// out; nothing is stored.
pub(super) async fn look(connection: &Connection, http: &Http, now: SystemTime) -> Vec<Finding> {
    let credentials = match connection.store().credentials.at(now).await {
        Ok(credentials) => credentials,
        Err(error) => return vec![Finding::fail("credentials", format!("There are none: {error}."), "Renew them.")],
    };
    let answer = match ask(connection, http, &credentials, now).await {
        Ok(answer) => answer,
        Err(reason) => return vec![Finding::no_answer(reason)],
    };
    let clock = clock(&answer, now);
    let cause = if clock.vital { Cause::Clock } else { Cause::of(&answer) };
    let mut findings =
        vec![Finding::pass("store", format!("{} answers.", connection.service.bucket().origin())), clock];
    findings.extend(cause.findings(connection, &answer, &credentials, now));
    if matches!(cause, Cause::Accepted) {
        findings.push(bucket(connection).await);
    }
    findings
}

/// Gets an object that is not there.
async fn ask(
    connection: &Connection,
    http: &Http,
    credentials: &Credentials,
    now: SystemTime,
) -> Result<Answer, String> {
    let config = &connection.config;
    let max_bytes = config.store.provider().max_key_bytes;
    let key = Key::for_upload(&config.prefix, &random_id(), "none", max_bytes);
    let url = GetObject { bucket: connection.service.bucket(), key: &key }.sign_at(credentials, EXPIRES, now);
    http.send(Verb::GET, &url.map_err(|error| error.to_string())?, [], Vec::new()).await
}

fn clock(answer: &Answer, now: SystemTime) -> Finding {
    let Some(date) = answer.date() else {
        return Finding::unknown("clock", "The store does not say what time it is.");
    };
    let (skew, word) = match date.duration_since(now) {
        Ok(behind) => (behind, "behind"),
        Err(error) => (error.duration(), "ahead of"),
    };
    let detail = format!("This machine's clock is {} {word} the store's.", human_age(skew.as_secs()));
    let remedy = "Set the clock, as by turning time synchronisation on: timedatectl set-ntp true";
    match skew {
        _ if skew >= MAX_SKEW => Finding::fail("clock", detail + " The store takes no signature.", remedy),
        _ if skew >= NOTICED_SKEW => Finding::amiss("clock", detail + " Signatures end at another time.", remedy),
        _ => Finding::pass("clock", "This machine's clock agrees with the store's."),
    }
}

impl Cause {
    fn of(answer: &Answer) -> Self {
        match (answer.code().as_str(), answer.status) {
            ("NoSuchKey", _) | (_, 200..=299) => Self::Accepted,
            // s3:ListBucket is missing, without which S3 does not say what is not there.
            ("AccessDenied", _) if !answer.summary().contains("expired") => Self::Accepted,
            ("InvalidAccessKeyId" | "NotSignedUp" | "UnauthorizedAccess", _) => Self::KeyId,
            ("SignatureDoesNotMatch", _) => Self::Secret,
            ("InvalidToken" | "ExpiredToken" | "TokenRefreshRequired", _) => Self::Token,
            ("RequestTimeTooSkewed" | "AccessDenied" | "RequestExpired", _) => Self::Clock,
            (
                "AuthorizationHeaderMalformed"
                | "AuthorizationQueryParametersError"
                | "PermanentRedirect"
                | "TemporaryRedirect"
                | "IllegalLocationConstraintException",
                _,
            )
            | (_, 301 | 307) => Self::Region(expected_region(answer)),
            ("NoSuchBucket", _) => Self::Bucket,
            _ => Self::Other,
        }
    }

    fn findings(
        &self,
        connection: &Connection,
        answer: &Answer,
        credentials: &Credentials,
        now: SystemTime,
    ) -> Vec<Finding> {
        let said = format!("The store says {}.", answer.summary());
        let unknown = |check: &str| Finding::unknown(check, "Not known before the rest is put right.");
        let (bucket, region) = (connection.service.bucket().name(), connection.service.bucket().region());
        let bad_keys = |remedy: &str| vec![Finding::fail("credentials", said.clone(), remedy), unknown("bucket")];
        match self {
            Self::Accepted => vec![
                life(credentials, connection.config.expires, now),
                Finding::pass("region", format!("Signatures for {region} are taken.")),
            ],
            Self::KeyId => {
                bad_keys("The store does not know AWS_ACCESS_KEY_ID: look for a typing error, or make new keys.")
            }
            Self::Secret => bad_keys("AWS_SECRET_ACCESS_KEY is not the one that belongs to AWS_ACCESS_KEY_ID."),
            Self::Token => bad_keys("AWS_SESSION_TOKEN has ended or belongs to other keys: get new ones."),
            Self::Clock => vec![unknown("credentials"), unknown("region"), unknown("bucket")],
            Self::Region(expected) => {
                let remedy = match expected {
                    Some(expected) => format!("Set S3_REGION={expected}."),
                    None => "Set S3_REGION to the region that the provider's console shows for the bucket.".to_owned(),
                };
                let detail = format!("The bucket is not in {region}. {said}");
                vec![unknown("credentials"), Finding::fail("region", detail, remedy), unknown("bucket")]
            }
            Self::Bucket => vec![unknown("credentials"), unknown("region"), no_bucket(bucket, &said)],
            Self::Other => vec![Finding::fail(
                "bucket",
                said,
                "Look this up in the provider's documentation, and at S3_ENDPOINT and S3_PROVIDER.",
            )],
        }
    }
}

fn no_bucket(bucket: &str, said: &str) -> Finding {
    let remedy = "Create it in the provider's console, or set S3_BUCKET to the right name.";
    Finding::fail("bucket", format!("There is no bucket {bucket}. {said}"), remedy)
}

/// How long the keys are good for: no signature outlives them.
fn life(credentials: &Credentials, expires: Duration, now: SystemTime) -> Finding {
    let start: String = credentials.access_key_id().chars().take(4).collect();
    let Some(end) = credentials.expiry() else {
        return Finding::pass("credentials", format!("The store takes the keys {start}…, which have no end."));
    };
    let life = end.duration_since(now).unwrap_or_default();
    let detail = format!("The store takes the keys {start}…, for {} from now.", human_age(life.as_secs()));
    if life < expires {
        let remedy =
            "Signatures end with them, before UPLOAD_EXPIRES: have the provider of credentials renew them earlier.";
        return Finding::amiss("credentials", detail, remedy);
    }
    Finding::pass("credentials", detail)
}

/// S3 says it in an element, in a header or in a sentence.
fn expected_region(answer: &Answer) -> Option<String> {
    let sentence = answer.element("Message").unwrap_or_default();
    let quoted = sentence.split_once("expecting '").and_then(|(_, rest)| rest.split('\'').next());
    let region = answer.element("Region").or_else(|| answer.header("x-amz-bucket-region"));
    region.or_else(|| quoted.map(str::to_owned))
}

async fn bucket(connection: &Connection) -> Finding {
    let store = connection.store();
    let name = store.bucket.name();
    match store.client.head_bucket().bucket(name).send().await {
        Ok(_) => Finding::pass("bucket", format!("{name} is there, under the server's own address of the store too.")),
        Err(error) => match StoreSays::new("HeadBucket", &error) {
            says if says.is_not_found() => no_bucket(name, &says.sentence()),
            says if says.is_denied() => Finding::unknown(
                "bucket",
                format!("{} Without s3:ListBucket the server can't tell forbidden from not there.", says.sentence()),
            ),
            says => Finding::fail("bucket", says.sentence(), "Look at S3_ENDPOINT and S3_REGION."),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(life: Duration) -> Finding {
        let now = SystemTime::UNIX_EPOCH;
        let credentials = Credentials::new("AKIAEXAMPLE", "secret", None, Some(now + life), "test");
        super::life(&credentials, Duration::from_mins(15), now)
    }

    #[test]
    fn keys_that_end_before_a_signature_does_are_amiss() {
        let finding = after(Duration::from_mins(5));
        assert_eq!(finding.detail, "The store takes the keys AKIA…, for 5 minutes from now.");
        assert!(finding.remedy.is_some() && !finding.vital);
        assert_eq!(after(Duration::from_hours(1)).remedy, None);
    }
}
