//! After success nobody who uploaded an object can replace or delete it, with anything that he was ever given.

use std::time::Duration;

use leptos_aws_s3::s3::{Method, Object, PartRequest, Refusal, SignRequest, SignedUpload, UploadToken};
use serde_json::json;

use crate::{
    quirky_store::{PROVIDERS, QuirkyStore, SIZE},
    support::{TestServer, Visit, by, file, in_parts, number, send, sha256, with_checksum},
};

/// Tries all that a token can be used for, with other bytes of the same size.
async fn attack(visit: &Visit<'_>, request: &SignRequest, token: &UploadToken) {
    let renewals = [
        SignRequest { renew: Some(token.clone()), ..request.clone() },
        with_checksum(sha256(b"xyz"), SignRequest { renew: Some(token.clone()), ..request.clone() }),
        SignRequest { renew: Some(token.clone()), checksum: None, method: Some(Method::Put), ..request.clone() },
        SignRequest { renew: Some(token.clone()), checksum: None, method: Some(Method::Post), ..request.clone() },
    ];
    for renewal in renewals {
        let Ok(signed) = visit.sign_one(renewal.clone()).await else { continue };
        send(&visit.server.http, &signed.parameters, "xyz").await;
        for again in [true, false] {
            let begin =
                json!({ "request": SignRequest { renew: signed.token.clone(), ..renewal.clone() }, "again": again });
            visit.refused("create_multipart_upload", begin).await;
        }
    }
    let parts = json!({ "token": token, "parts": [{ "part": 1, "checksum": null }] });
    visit.refused("sign_parts", parts).await;
    visit.refused("complete_upload", json!({ "token": token, "checksums": [] })).await;
    visit.refused("confirm_upload", json!({ "token": token })).await;
    let refused = visit.refused("discard_upload", json!({ "token": token })).await;
    assert_eq!(refused, (409, json!({ "Refused": "AlreadyComplete" })));
}

async fn stored(server: &TestServer, key: &str) -> Vec<u8> {
    let object = server.s3().get_object().bucket("uploads").key(key).send().await.unwrap();
    object.body.collect().await.unwrap().to_vec()
}

#[tokio::test]
async fn what_one_request_brought_can_not_be_replaced_or_deleted_after_success() {
    for checksum in [None, Some(sha256(b"abc"))] {
        for method in [None, Some(Method::Put), Some(Method::Post)] {
            let server = TestServer::start().await;
            let visit = server.visit().await;
            let request = SignRequest { method, checksum: checksum.clone(), ..file("a.txt", "text/plain", 3) };
            // Both were signed before success.
            let first = visit.sign_one(request.clone()).await.unwrap();
            let renewal = SignRequest { renew: first.token.clone(), ..request.clone() };
            let second = visit.sign_one(renewal).await.unwrap();
            assert!(send(&server.http, &first.parameters, "abc").await.status().is_success());
            let token = first.token.clone().unwrap();
            let object: Object = visit.call("confirm_upload", json!({ "token": token })).await;
            for SignedUpload { parameters, .. } in [&first, &second] {
                send(&server.http, parameters, "xyz").await;
            }
            attack(&visit, &request, &token).await;
            assert_eq!(stored(&server, object.key.as_str()).await, b"abc", "{method:?} {checksum:?}");
        }
    }
}

#[tokio::test]
async fn what_parts_became_can_not_be_replaced_or_deleted_after_success() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let request = in_parts(5 << 20, file("a.txt", "text/plain", 3));
    let (reservation, token) = visit.begin(request.clone()).await;
    assert_eq!(visit.send_part(&token, 1, b"abc", None).await.status(), 200);
    let object: Object = visit.call("complete_upload", json!({ "token": token, "checksums": [] })).await;

    for again in [true, false] {
        let begin = json!({ "request": reservation, "again": again });
        let refused = visit.refused("create_multipart_upload", begin).await;
        assert_eq!(refused, (409, json!({ "Refused": "AlreadyComplete" })));
    }
    visit.send_part(&token, 1, b"xyz", None).await;
    for token in [&token, reservation.renew.as_ref().unwrap()] {
        attack(&visit, &request, token).await;
    }
    assert_eq!(stored(&server, object.key.as_str()).await, b"abc");
    assert_eq!(server.unfinished().await, [""; 0]);
}

#[tokio::test]
async fn of_two_uploads_under_one_key_the_second_does_not_replace_the_first() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let (_, token) = visit.begin(in_parts(5 << 20, file("a.txt", "", 3))).await;
    assert_eq!(visit.send_part(&token, 1, b"abc", Some(sha256(b"abc"))).await.status(), 200);
    // As another replica does at the same moment.
    let s3 = server.s3();
    let listed = s3.list_multipart_uploads().bucket("uploads").send().await.unwrap();
    let key = listed.uploads()[0].key().unwrap().to_owned();
    s3.put_object().bucket("uploads").key(&key).body(b"xyz".to_vec().into()).send().await.unwrap();
    let object: Object = visit.call("complete_upload", json!({ "token": token, "checksums": [] })).await;
    assert_eq!((object.key.as_str(), object.verified), (key.as_str(), None), "it is what the store has");
    assert_eq!(stored(&server, &key).await, b"xyz");
}

#[tokio::test]
async fn a_form_without_a_checksum_is_not_signed_where_a_second_put_is_refused() {
    for (provider, has_checksum, expected) in
        [("minio", false, Method::Put), ("minio", true, Method::Post), ("garage", false, Method::Post)]
    {
        let service = crate::support::service_for(&[
            ("S3_PROVIDER", provider),
            ("S3_BUCKET", "photos"),
            ("S3_ENDPOINT", "http://127.0.0.1:9"),
            ("S3_CHECKSUM", "sha256"),
            ("AWS_REGION", "us-east-1"),
        ]);
        let request = by(Method::Post, file("a", "", 3));
        let request = SignRequest { checksum: has_checksum.then(|| sha256(b"abc")), ..request };
        let visitor = leptos_aws_s3::server::Visitor::new();
        let signed = service.sign(&visitor, vec![request]).await.remove(0).unwrap();
        assert_eq!(signed.parameters.method, expected, "{provider}");
        assert_eq!(signed.parameters.headers.get("if-none-match").is_some(), expected == Method::Put);
    }
}

/// On stores that refuse no second PUT and on those that do.
#[tokio::test]
async fn nothing_is_signed_or_begun_for_a_key_that_has_an_object() {
    for provider in PROVIDERS {
        let store = QuirkyStore::start(provider).await;
        let signed = store.service.sign(&store.visitor, vec![file("a", "", SIZE)]).await.remove(0).unwrap();
        store.put_object(&signed.parameters.fields["key"], SIZE);
        let renewal = SignRequest { renew: signed.token, ..file("a", "", SIZE) };
        let renewed = store.service.sign(&store.visitor, vec![renewal]).await.remove(0);
        assert_eq!(renewed, Err(Refusal::AlreadyComplete));

        let upload = store.completable().await;
        store.service.complete(&store.visitor, &upload.token, vec![]).await.unwrap();
        assert_eq!(store.begin_again(&upload).await.map(drop), Err(Refusal::AlreadyComplete));
        assert_eq!(store.unfinished(&upload.key), [""; 0]);
        let parts = vec![PartRequest { part: number(1), checksum: None }];
        assert!(
            store.service.sign_parts(&store.visitor, &upload.token, parts).await.is_ok(),
            "of an upload that is gone"
        );
    }
}

#[tokio::test]
async fn an_object_is_discarded_only_young_and_unconfirmed_or_when_it_is_not_what_was_signed() {
    for provider in PROVIDERS {
        for (size, minutes, is_confirmed, is_deleted) in [
            (SIZE, 0, false, true),
            (SIZE, 1, false, true),
            (SIZE, 2, false, false),
            (SIZE, 0, true, false),
            (SIZE + 1, 0, false, true),
            (SIZE + 1, 600, false, true),
        ] {
            let what = format!("{provider}: {size} bytes after {minutes} minutes, confirmed: {is_confirmed}");
            let store = QuirkyStore::start(provider).await;
            let signed = store.service.sign(&store.visitor, vec![file("a", "", SIZE)]).await.remove(0).unwrap();
            let (key, token) = (signed.parameters.fields["key"].to_owned(), signed.token.unwrap());
            store.put_object(&key, size);
            if is_confirmed {
                store.service.confirm(&store.visitor, &token).await.unwrap();
            }
            store.let_pass(Duration::from_mins(minutes));
            let expected = if is_deleted { Ok(()) } else { Err(Refusal::AlreadyComplete) };
            assert_eq!(store.service.discard(&store.visitor, &token).await, expected, "{what}");
            assert_eq!(store.object(&key).is_none(), is_deleted, "{what}");
        }
    }
}

#[tokio::test]
async fn a_reservation_has_one_unfinished_upload_at_a_time() {
    for provider in PROVIDERS {
        let store = QuirkyStore::start(provider).await;
        let upload = store.completable().await;
        for _ in 0..3 {
            let (one, other) = tokio::join!(store.begin_again(&upload), store.begin_again(&upload));
            assert!(one.is_ok() && other.is_ok());
            assert_eq!(store.unfinished(&upload.key).len(), 1);
        }
    }
}
