//! Credentials that end: no signature outlives them, and an upload does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use leptos_aws_s3::s3::{Method, PartRequest, Refusal, SignRequest, SignedUpload, UploadParameters};
use serde_json::{Value, json};
use time::macros::datetime;

use crate::{
    fake_store::{Answer, FakeStore, answer, completing, error},
    support::{by, file, in_parts, number},
};

const HOUR: Duration = Duration::from_hours(1);

const PARTS: &str = "<ListPartsResult><IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber>\
    <Size>3</Size><ETag>\"x\"</ETag></Part></ListPartsResult>";

const CREATED: &str = "<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>";

const COMPLETED: &str =
    "<CompleteMultipartUploadResult><Key>k</Key><ETag>\"x-1\"</ETag></CompleteMultipartUploadResult>";

/// Gives others every time, `token-0` first.
#[derive(Clone, Debug)]
struct Rotating {
    given: Arc<AtomicU64>,
    /// The first one's end, and how much later each of the others ends.
    first_end: SystemTime,
    step: Duration,
    /// How many there are before it can't be reached.
    supply: u64,
}

impl Rotating {
    fn ending(first_end: SystemTime, step: Duration) -> Self {
        Self { given: Arc::default(), first_end, step, supply: u64::MAX }
    }

    async fn store(self) -> FakeStore {
        FakeStore::start_below("", SharedCredentialsProvider::new(self), completing(respond)).await
    }
}

impl ProvideCredentials for Rotating {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let nth = self.given.fetch_add(1, Ordering::Relaxed);
        if nth >= self.supply {
            return future::ProvideCredentials::ready(Err(CredentialsError::provider_error("no answer")));
        }
        let end = self.first_end + self.step * u32::try_from(nth).unwrap();
        let token = Some(format!("token-{nth}"));
        future::ProvideCredentials::ready(Ok(Credentials::new(format!("AK{nth}"), "secret", token, Some(end), "test")))
    }
}

fn respond(call: &str) -> Answer {
    match call {
        _ if call.starts_with("GET ") && call.contains("prefix=") => answer(200, "<ListMultipartUploadsResult/>"),
        _ if call.contains("uploads=") || call.ends_with("?uploads") => answer(200, CREATED),
        _ if call.starts_with("GET ") => answer(200, PARTS),
        _ if call.starts_with("POST ") => answer(200, COMPLETED),
        _ => Answer { status: 200, headers: vec![("content-length", "3".to_owned())], body: String::new() },
    }
}

async fn sign(store: &FakeStore, request: SignRequest, now: SystemTime) -> Result<SignedUpload, Refusal> {
    store.service.sign_at(&store.visitor, vec![request], now).await.remove(0)
}

async fn sign_part(store: &FakeStore, now: SystemTime) -> Result<(UploadParameters, Option<u64>), Refusal> {
    let parts = vec![PartRequest { part: number(1), checksum: None }];
    let signed = store.service.sign_parts_at(&store.visitor, &store.token(), parts, now).await?.remove(0)?;
    Ok((signed.parameters, signed.expires_in_ms))
}

fn parameter<'a>(signed: &'a UploadParameters, name: &str) -> &'a str {
    let (_, query) = signed.url.split_once('?').unwrap();
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap()
}

fn policy(signed: &UploadParameters) -> Value {
    serde_json::from_slice(&BASE64.decode(&signed.fields["policy"]).unwrap()).unwrap()
}

#[tokio::test]
async fn no_signature_outlives_the_credentials_and_each_names_their_session() {
    // Ends 90.7 s later; the signatures' own life is 900 s.
    let now: SystemTime = datetime!(2027-01-15 08:00 UTC).into();
    let end = now + Duration::from_millis(90_700);
    let store = Rotating::ending(end, Duration::ZERO).store().await;
    let put = sign(&store, by(Method::Put, file("a.txt", "text/plain", 3)), now).await.unwrap();
    assert_eq!(parameter(&put.parameters, "X-Amz-Expires"), "90");
    assert_eq!(parameter(&put.parameters, "X-Amz-Security-Token"), "token-0");
    assert_eq!(put.expires_in_ms, Some(90_000));

    let post = sign(&store, by(Method::Post, file("a.txt", "text/plain", 3)), now).await.unwrap();
    let policy = policy(&post.parameters);
    assert_eq!(policy["expiration"], "2027-01-15T08:01:30.000Z");
    assert!(policy["conditions"].as_array().unwrap().contains(&json!({ "x-amz-security-token": "token-1" })));
    assert_eq!((&post.parameters.fields["x-amz-security-token"], post.expires_in_ms), ("token-1", Some(90_000)));
}

#[tokio::test]
async fn no_parts_url_outlives_the_credentials_and_each_names_their_session() {
    let now = SystemTime::now();
    let store = Rotating::ending(now + Duration::from_millis(90_700), Duration::ZERO).store().await;
    let (part, expires_in_ms) = sign_part(&store, now).await.unwrap();
    assert_eq!(parameter(&part, "X-Amz-Expires"), "90");
    assert_eq!(parameter(&part, "X-Amz-Security-Token"), "token-0");
    assert_eq!(expires_in_ms, Some(90_000));
}

#[tokio::test]
async fn credentials_that_have_ended_or_end_within_a_second_sign_nothing() {
    let now = SystemTime::now();
    for end in [now - HOUR, now, now + Duration::from_millis(900)] {
        let store = Rotating::ending(end, Duration::ZERO).store().await;
        for method in [Method::Put, Method::Post] {
            let refused = sign(&store, by(method, file("a.txt", "text/plain", 3)), now).await;
            assert!(matches!(refused, Err(Refusal::StoreRefused { .. })), "{refused:?}");
        }
        assert!(matches!(sign_part(&store, now).await, Err(Refusal::StoreRefused { .. })));
    }
}

#[tokio::test]
async fn credentials_that_end_during_an_upload_are_replaced_and_the_upload_goes_on() {
    let start = SystemTime::now();
    let store = Rotating::ending(start + HOUR, HOUR).store().await;
    let first = sign(&store, by(Method::Put, file("a.txt", "text/plain", 3)), start).await.unwrap();
    let again = by(Method::Put, SignRequest { renew: first.token.clone(), ..file("a.txt", "text/plain", 3) });
    let renewed = sign(&store, again, start + HOUR).await.unwrap();
    let session = |signed: &SignedUpload| parameter(&signed.parameters, "X-Amz-Security-Token").to_owned();
    assert_eq!([session(&first), session(&renewed)], ["token-0", "token-1"]);
    assert_eq!(&first.parameters.fields["key"], &renewed.parameters.fields["key"]);
    assert_eq!(parameter(&renewed.parameters, "X-Amz-Expires"), "900");

    let (part, _) = sign_part(&store, start + HOUR).await.unwrap();
    assert_eq!((parameter(&part, "X-Amz-Security-Token"), parameter(&part, "uploadId")), ("token-1", "U"));
}

#[tokio::test]
async fn where_no_others_are_to_be_had_the_last_ones_sign_until_they_end_and_no_longer() {
    let start = SystemTime::now();
    let rotating = Rotating { supply: 1, ..Rotating::ending(start + HOUR, HOUR) };
    let store = rotating.store().await;
    for (minute, expected) in [(0, Some("900")), (58, Some("120")), (60, None)] {
        let now = start + Duration::from_mins(minute);
        let signed = sign(&store, by(Method::Put, file("a.txt", "text/plain", 3)), now).await;
        let expires = signed.as_ref().ok().map(|signed| parameter(&signed.parameters, "X-Amz-Expires"));
        assert_eq!(expires, expected, "minute {minute}");
    }
}

/// They end in 5 seconds, so nothing is worth keeping for the next call.
#[tokio::test]
async fn the_servers_own_calls_go_on_with_other_credentials_too() {
    let now = SystemTime::now();
    let store = Rotating::ending(now + Duration::from_secs(5), Duration::ZERO).store().await;
    let (service, visitor) = (&store.service, &store.visitor);
    let request = in_parts(5 << 20, file("a.txt", "text/plain", 3));
    let reserved = sign(&store, request.clone(), now).await.unwrap();
    let request = SignRequest { renew: reserved.token, ..request };
    let token = service.create_multipart_upload(visitor, &request, false).await.unwrap().token;
    let parts = vec![PartRequest { part: number(1), checksum: None }];
    let part = service.sign_parts(visitor, &token, parts).await.unwrap().remove(0).unwrap();
    let object = service.complete(visitor, &token, vec![]).await.unwrap();
    assert_eq!(object.size, 3);

    let signed = |token: &str| token.strip_prefix("token-").unwrap().parse::<u64>().unwrap();
    let sessions: Vec<_> = store.session_tokens().into_iter().map(|token| signed(&token.unwrap())).collect();
    assert_eq!(sessions.len(), 7, "Head, ListMultipartUploads, Create, ListParts, Head, Complete and Head");
    assert!(sessions.is_sorted_by(|one, next| one < next), "{sessions:?}");
    let of_part = signed(parameter(&part.parameters, "X-Amz-Security-Token"));
    assert!((sessions[2]..sessions[3]).contains(&of_part), "{of_part} is not between those of {sessions:?}");
}

#[tokio::test]
async fn a_store_that_calls_the_credentials_expired_is_asked_again_later() {
    let store = FakeStore::start(|_| error(400, "ExpiredToken")).await;
    let refused = store.service.complete(&store.visitor, &store.token(), vec![]).await;
    assert!(matches!(refused, Err(Refusal::StoreUnavailable { .. })), "{refused:?}");
}
