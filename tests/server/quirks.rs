//! Every call of the service, against every way in which stores misbehave.

use std::time::Duration;

use futures::future::join_all;
use leptos_aws_s3::{
    app::{App, shell},
    s3::{PartRequest, Refusal, SignRequest, UploadToken},
    server::router::router,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    companion::encoded,
    quirky_store::{Completable, PROVIDERS, QUIRKS, Quirk, QuirkyStore, SIZE},
    support::{file, in_parts, number, serve},
};

/// More often than any quirk lasts.
const ATTEMPTS: usize = 8;

/// What is asked of the service, and of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Sign,
    Renew,
    Reserve,
    Create,
    CreateAgain,
    SignParts,
    ListParts,
    Complete,
    CompleteTwice,
    CompleteCompleted,
    ConfirmCompleted,
    ConfirmSingle,
    ObjectUrl,
    DiscardUnfinished,
    DiscardReserved,
    DiscardStored,
    DiscardOld,
    DiscardConfirmed,
}

const CALLS: &[Call] = &[
    Call::Sign,
    Call::Renew,
    Call::Reserve,
    Call::Create,
    Call::CreateAgain,
    Call::SignParts,
    Call::ListParts,
    Call::Complete,
    Call::CompleteTwice,
    Call::CompleteCompleted,
    Call::ConfirmCompleted,
    Call::ConfirmSingle,
    Call::ObjectUrl,
    Call::DiscardUnfinished,
    Call::DiscardReserved,
    Call::DiscardStored,
    Call::DiscardOld,
    Call::DiscardConfirmed,
];

/// An upload in the state that the call is about.
struct Prepared {
    multipart: Completable,
    /// Of one request.
    single: UploadToken,
    single_key: String,
    /// Of a multipart upload that has not begun.
    reserved: UploadToken,
}

fn single() -> SignRequest {
    file("b", "", SIZE)
}

fn reservation(token: &UploadToken) -> SignRequest {
    SignRequest { renew: Some(token.clone()), ..in_parts(5 << 20, file("a", "", SIZE)) }
}

async fn prepare(store: &QuirkyStore, call: Call) -> Prepared {
    let sign = async |request| store.service.sign(&store.visitor, vec![request]).await.remove(0).unwrap();
    let multipart = store.completable().await;
    let signed = sign(single()).await;
    let reserved = sign(in_parts(5 << 20, file("a", "", SIZE))).await.token.unwrap();
    let single_key = signed.parameters.fields["key"].to_owned();
    if matches!(call, Call::CompleteCompleted | Call::ConfirmCompleted) {
        store.service.complete(&store.visitor, &multipart.token, vec![]).await.unwrap();
    }
    if matches!(call, Call::ConfirmSingle | Call::DiscardStored | Call::DiscardOld | Call::DiscardConfirmed) {
        store.put_object(&single_key, SIZE);
    }
    if call == Call::DiscardOld {
        store.let_pass(Duration::from_mins(3));
    }
    let single = signed.token.unwrap();
    if call == Call::DiscardConfirmed {
        store.service.confirm(&store.visitor, &single).await.unwrap();
    }
    Prepared { multipart, single, single_key, reserved }
}

async fn ask(store: &QuirkyStore, call: Call, prepared: &Prepared) -> Result<(), Refusal> {
    let Prepared { multipart: Completable { reservation: own, token, .. }, single: one, reserved, .. } = prepared;
    let (service, visitor) = (&store.service, &store.visitor);
    let sign = async |request| service.sign(visitor, vec![request]).await.remove(0).map(drop);
    let complete = || service.complete(visitor, token, vec![]);
    match call {
        Call::Sign => sign(single()).await,
        Call::Renew => sign(SignRequest { renew: Some(one.clone()), ..single() }).await,
        Call::Reserve => sign(in_parts(5 << 20, file("a", "", SIZE))).await,
        Call::Create => service.create_multipart_upload(visitor, &reservation(own), false).await.map(drop),
        Call::CreateAgain => service.create_multipart_upload(visitor, &reservation(own), true).await.map(drop),
        Call::SignParts => {
            let parts = vec![PartRequest { part: number(1), checksum: None }];
            service.sign_parts(visitor, token, parts).await?.remove(0).map(drop)
        }
        Call::ListParts => {
            let parts = service.list_parts(visitor, token).await?;
            let is_late = parts.is_empty().then(|| Refusal::PartsMissing { parts: vec![number(1)] });
            is_late.map_or(Ok(()), Err)
        }
        Call::Complete | Call::CompleteCompleted => complete().await.map(drop),
        Call::CompleteTwice => {
            let (first, second) = tokio::join!(complete(), complete());
            first.and(second).map(drop)
        }
        Call::ConfirmCompleted => service.confirm(visitor, token).await.map(drop),
        Call::ConfirmSingle => service.confirm(visitor, one).await.map(drop),
        Call::ObjectUrl => service.object_url(visitor, token).await.map(drop),
        Call::DiscardUnfinished => service.discard(visitor, token).await,
        Call::DiscardReserved => service.discard(visitor, reserved).await,
        Call::DiscardStored | Call::DiscardOld | Call::DiscardConfirmed => service.discard(visitor, one).await,
    }
}

/// What may be said before a call succeeds: nothing after which a client gives up, or starts over without a second look.
fn is_doubt(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::StoreUnavailable { .. }
            | Refusal::UploadMissing
            | Refusal::ObjectMissing
            | Refusal::PartsMissing { .. }
    )
}

/// Asks until it succeeds, as a client does.
async fn outlast<T>(what: &str, mut ask: impl AsyncFnMut() -> Result<T, Refusal>) -> Result<T, Refusal> {
    let mut said = Vec::new();
    for _ in 0..ATTEMPTS {
        match ask().await {
            Err(refusal) if is_doubt(&refusal) => said.push(refusal),
            answer => return answer,
        }
    }
    panic!("{what}: {said:?}");
}

/// What the store has in the end.
fn check(what: &str, store: &QuirkyStore, call: Call, prepared: &Prepared) {
    let Prepared { multipart: Completable { key, upload_id, .. }, single_key, .. } = prepared;
    match call {
        Call::Complete | Call::CompleteTwice | Call::CompleteCompleted | Call::ConfirmCompleted => {
            let object = store.object(key).unwrap();
            assert_eq!((object.size, &object.origin), (SIZE, upload_id), "{what}");
        }
        Call::Create | Call::CreateAgain => assert_eq!(store.unfinished(key).len(), 1, "{what}"),
        Call::DiscardUnfinished => assert_eq!(store.unfinished(key), [""; 0], "{what}"),
        Call::ConfirmSingle | Call::DiscardOld | Call::DiscardConfirmed => {
            assert_eq!(store.object(single_key).unwrap().size, SIZE, "{what}");
        }
        _ => assert_eq!(store.unfinished(key), [upload_id.as_str()], "{what}"),
    }
    // Where the store does not say how old an object is, or does not show it, it is not deleted.
    let is_deleted = call == Call::DiscardStored && store.object(single_key).is_none();
    let destroyed: &[String] = if is_deleted { std::slice::from_ref(single_key) } else { &[] };
    assert_eq!(store.destroyed(), destroyed, "{what}");
}

async fn misbehaving(provider: &str, quirk: Quirk, call: Call) {
    let what = format!("{provider} {quirk:?} {call:?}");
    let store = QuirkyStore::start(provider).await;
    store.complete_by_itself();
    let prepared = prepare(&store, call).await;
    store.misbehave(quirk);
    let answer = outlast(&what, async || ask(&store, call, &prepared).await).await;
    let is_kept = match call {
        Call::DiscardOld => quirk != Quirk::ShowsObjectsLate,
        Call::DiscardConfirmed => true,
        Call::DiscardStored => quirk == Quirk::NoDates,
        _ => false,
    };
    let expected = if is_kept { Err(Refusal::AlreadyComplete) } else { Ok(()) };
    assert_eq!(answer, expected, "{what}");
    check(&what, &store, call, &prepared);
}

#[tokio::test]
async fn whatever_a_store_does_each_call_succeeds_in_the_end_and_no_right_object_is_destroyed() {
    let quirks = PROVIDERS.iter().flat_map(|provider| QUIRKS.iter().map(move |quirk| (*provider, *quirk)));
    join_all(quirks.flat_map(|(provider, quirk)| CALLS.iter().map(move |call| misbehaving(provider, quirk, *call))))
        .await;
}

/// A Companion client's calls.
struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    async fn call(&self, method: Method, path: &str, body: Value) -> Result<Value, Refusal> {
        let request = self.http.request(method, format!("{}/s3/multipart{path}", self.url)).json(&body);
        let response = request.send().await.unwrap();
        let (status, answer) = (response.status().as_u16(), response.json::<Value>().await.unwrap());
        match status {
            200 => Ok(answer),
            404 => Err(Refusal::UploadMissing),
            409 => Err(Refusal::PartsMissing { parts: Vec::new() }),
            503 => Err(Refusal::StoreUnavailable { reason: answer["error"].to_string() }),
            status => panic!("{path}: {status}: {answer}"),
        }
    }
}

#[tokio::test]
async fn whatever_a_store_does_companions_calls_succeed_in_the_end_and_no_right_object_is_destroyed() {
    let quirks = PROVIDERS.iter().flat_map(|provider| QUIRKS.iter().map(move |quirk| (*provider, *quirk)));
    join_all(quirks.map(|(provider, quirk)| companion(provider, quirk))).await;
}

async fn companion(provider: &str, quirk: Quirk) {
    let what = format!("{provider} {quirk:?}");
    let store = QuirkyStore::start(provider).await;
    store.complete_by_itself();
    let options = leptos::config::LeptosOptions::builder().output_name("leptos-aws-s3").build();
    let url = serve(router(store.service.clone(), options, App, shell)).await;
    let client = Client { http: reqwest::Client::new(), url };
    let create = json!({ "filename": "a", "type": "a/b" });
    let retry = async |method: Method, path: &str, body: &Value| {
        store.misbehave(quirk);
        outlast(&format!("{what} {path}"), async || client.call(method.clone(), path, body.clone()).await).await
    };

    let created = retry(Method::POST, "", &create).await.unwrap();
    let (id, key) = (created["uploadId"].as_str().unwrap(), created["key"].as_str().unwrap());
    let path = |rest: &str| format!("/{id}{rest}?key={}", encoded(key));
    let upload_id = store.unfinished(key).remove(0);
    store.put_part(&upload_id);
    retry(Method::GET, &path(""), &json!(null)).await.unwrap();
    let parts = json!({ "parts": [{ "PartNumber": 1, "ETag": "x" }] });
    let completed = retry(Method::POST, &path("/complete"), &parts).await.unwrap();
    assert_eq!(completed["key"], key, "{what}");
    assert_eq!(retry(Method::POST, &path("/complete"), &parts).await.unwrap(), completed, "{what}, again");
    retry(Method::DELETE, &path(""), &json!(null)).await.unwrap();
    let object = store.object(key).unwrap();
    assert_eq!((object.size, object.origin), (SIZE, upload_id), "{what}");

    let created = retry(Method::POST, "", &create).await.unwrap();
    let (id, key) = (created["uploadId"].as_str().unwrap(), created["key"].as_str().unwrap());
    store.put_part(&store.unfinished(key)[0]);
    retry(Method::DELETE, &format!("/{id}?key={}", encoded(key)), &json!(null)).await.unwrap();
    assert_eq!((store.unfinished(key), store.destroyed()), (vec![], vec![]), "{what}");
}
