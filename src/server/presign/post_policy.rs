use std::{
    ops::RangeInclusive,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use time::{format_description::BorrowedFormatItem, macros::format_description};

use super::{
    Bucket, format_time,
    policy_document::{Condition, PolicyDocument},
};
use crate::s3::{Key, Method, UploadParameters};

/// A form that stores an object: the browser sends `fields`, then the file. The policy says what the
/// form may hold, and S3 refuses a field that it does not cover.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html>
#[derive(Clone, Debug)]
pub struct PostPolicy<'a> {
    /// The bucket it goes into.
    pub bucket: &'a Bucket,
    /// Where in the bucket.
    pub key: &'a Key,
    /// Bytes of the file.
    pub content_length_range: RangeInclusive<u64>,
    /// Fields with fixed values: `Content-Type`, `x-amz-meta-*`, …
    pub fields: &'a [(String, String)],
    /// What S3 answers.
    pub target: PostTarget<'a>,
}

/// What S3 answers when the object is there.
#[derive(Clone, Copy, Debug)]
pub enum PostTarget<'a> {
    /// Status 201.
    Created,
    /// A redirect to this URL, with `bucket`, `key` and `etag` added to its query.
    Redirect(&'a str),
}

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]");
const DATE_TIME: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");

impl PostPolicy<'_> {
    /// A form that is good for `expires_in` from now on.
    #[must_use]
    pub fn sign(&self, credentials: &Credentials, expires_in: Duration) -> UploadParameters {
        self.sign_at(credentials, expires_in, SystemTime::now())
    }

    /// A form that is good for `expires_in` from `time` on.
    #[must_use]
    pub fn sign_at(&self, credentials: &Credentials, expires_in: Duration, time: SystemTime) -> UploadParameters {
        let mut fields = self.fields.to_vec();
        fields.push(field("key", self.key.as_str()));
        fields.push(match self.target {
            PostTarget::Created => field("success_action_status", "201"),
            PostTarget::Redirect(url) => field("success_action_redirect", url),
        });
        fields.extend(self.credential_fields(credentials, time));

        let policy = self.document(&fields, time + expires_in).encode();
        let signature = sign_policy(&policy, credentials, self.bucket.region(), time);
        fields.extend([field("policy", policy), field("x-amz-signature", signature)]);
        UploadParameters {
            method: Method::Post,
            url: self.bucket.url(),
            fields: fields.into_iter().collect(),
            ..UploadParameters::default()
        }
    }

    fn document<'b>(&'b self, fields: &'b [(String, String)], expiration: SystemTime) -> PolicyDocument<'b> {
        let mut conditions = vec![
            Condition::Is("bucket", self.bucket.name()),
            Condition::ContentLengthRange(&self.content_length_range),
        ];
        conditions.extend(fields.iter().map(|(name, value)| Condition::Is(name, value)));
        PolicyDocument { expiration, conditions }
    }

    fn credential_fields(&self, credentials: &Credentials, time: SystemTime) -> Vec<(String, String)> {
        let scope = format!(
            "{}/{}/{}/s3/aws4_request",
            credentials.access_key_id(),
            format_time(time, DATE),
            self.bucket.region()
        );
        let mut fields = vec![
            field("x-amz-algorithm", "AWS4-HMAC-SHA256"),
            field("x-amz-credential", scope),
            field("x-amz-date", format_time(time, DATE_TIME)),
        ];
        fields.extend(credentials.session_token().map(|token| field("x-amz-security-token", token)));
        fields
    }
}

fn field(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

/// The Base64 of the policy is itself the string to sign.
fn sign_policy(policy: &str, credentials: &Credentials, region: &str, time: SystemTime) -> String {
    let key = generate_signing_key(credentials.secret_access_key(), time, region, "s3");
    calculate_signature(key, policy.as_bytes())
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
    use serde_json::{Value, json};
    use time::macros::datetime;

    use super::*;
    use crate::server::provider::Addressing;

    /// The policy of AWS's example, with the line ends its Base64 has.
    const POLICY: &str = r#"{ "expiration": "2015-12-30T12:00:00.000Z",
  "conditions": [
    {"bucket": "sigv4examplebucket"},
    ["starts-with", "$key", "user/user1/"],
    {"acl": "public-read"},
    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},
    ["starts-with", "$Content-Type", "image/"],
    {"x-amz-meta-uuid": "14365123651274"},
    {"x-amz-server-side-encryption": "AES256"},
    ["starts-with", "$x-amz-meta-tag", ""],

    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},
    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
    {"x-amz-date": "20151229T000000Z" }
  ]
}"#;

    fn credentials() -> Credentials {
        Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None, None, "test")
    }

    fn time() -> SystemTime {
        datetime!(2015-12-29 00:00 UTC).into()
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html>
    #[test]
    fn the_published_example_has_the_published_signature() {
        let policy = BASE64.encode(POLICY.replace('\n', "\r\n"));
        let signature = sign_policy(&policy, &credentials(), "us-east-1", time());
        assert_eq!(signature, "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e");
    }

    #[test]
    fn the_policy_covers_every_field_and_the_exact_size() {
        let endpoint = "https://s3.amazonaws.com".parse().unwrap();
        let bucket = Bucket::new(&endpoint, Addressing::VirtualHosted, "b".into(), "us-east-1".into());
        let key = "a/b.txt".parse().unwrap();
        let fields = [field("Content-Type", "text/plain"), field("x-amz-meta-note", "hi")];
        let form = PostPolicy {
            bucket: &bucket,
            key: &key,
            content_length_range: 5..=5,
            fields: &fields,
            target: PostTarget::Created,
        }
        .sign_at(&credentials(), Duration::from_mins(15), time());
        assert_eq!(form.url, "https://b.s3.amazonaws.com/");
        let policy: Value = serde_json::from_slice(&BASE64.decode(&form.fields["policy"]).unwrap()).unwrap();
        assert_eq!(policy["expiration"], "2015-12-29T00:15:00.000Z");
        let conditions = policy["conditions"].as_array().unwrap();
        assert!(conditions.contains(&json!(["content-length-range", 5, 5])));
        for (name, value) in form.fields.iter() {
            let signed = conditions.contains(&json!({ name: value }));
            assert!(signed || ["policy", "x-amz-signature"].contains(&name), "{name} is not covered");
        }
    }
}
