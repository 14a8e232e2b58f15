//! What bad input gets: words, on that file alone.

use std::time::{Duration, SystemTime};

use leptos_aws_s3::{
    app::ApiError,
    s3::{Method, Refusal, SignRequest},
    server::Visitor,
};
use serde_json::json;

use crate::support::{TestServer, by, file, send, sha256, with_checksum};

#[tokio::test]
async fn a_file_that_breaks_a_limit_is_refused_and_the_others_are_signed() {
    let limits = [("UPLOAD_MAX_SIZE", "1kB"), ("UPLOAD_ALLOWED_TYPES", "text/plain,.csv"), ("UPLOAD_META", "essay")];
    let server = TestServer::start_with(&limits).await;
    let visit = server.visit().await;
    let mut wordy = file("wordy.txt", "text/plain", 1);
    wordy.file.meta = [("essay".to_owned(), "x".repeat(3000))].into();
    let files = [
        file("fine.txt", "text/plain", 1000),
        file("large.txt", "text/plain", 1001),
        file("a.png", "image/png", 1),
        file("a.csv", "nonsense", 1),
        wordy,
        file("empty.txt", "text/plain", 0),
    ];
    let signed = visit.sign(&files).await;
    assert!(signed[0].is_ok() && signed[5].is_ok());
    assert_eq!(signed[1], Err(Refusal::FileTooLarge { size: 1001, max: 1000 }));
    assert!(matches!(&signed[2], Err(Refusal::TypeNotAllowed { content_type, .. }) if content_type == "image/png"));
    assert!(signed[3].is_ok(), "its type is none, and its extension is allowed");
    assert!(matches!(&signed[4], Err(Refusal::Malformed { .. })));
}

#[tokio::test]
async fn ten_thousand_files_too_many_are_each_told_so() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let files = vec![file("a name of an ordinary length.jpeg", "image/jpeg", 123_456); 10_001];
    let signed = visit.sign(&files).await;
    assert_eq!(signed.len(), 10_001);
    assert!(signed[..100].iter().all(Result::is_ok));
    assert!(signed[100..].iter().all(|signed| *signed == Err(Refusal::TooManyFiles { max: 100 })));
}

#[tokio::test]
async fn the_store_refuses_another_size_or_another_type_than_signed() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    for (method, status) in [(Method::Put, 403), (Method::Post, 400)] {
        let request = with_checksum(sha256(b"abc"), by(method, file("a.txt", "text/plain", 3)));
        let signed = visit.sign_one(request).await.unwrap();
        assert_eq!(send(&server.http, &signed.parameters, "four").await.status(), status, "{method:?}");
        assert_eq!(send(&server.http, &signed.parameters, "tw").await.status(), status, "{method:?}");

        let mut other = signed.parameters;
        match method {
            Method::Put => other.headers.insert("content-type", "text/html"),
            Method::Post => other.fields.insert("Content-Type", "text/html"),
        }
        assert_eq!(send(&server.http, &other, "abc").await.status(), status, "{method:?}");
    }
    assert_eq!(server.files(), Vec::<String>::new(), "nothing of them is left");
}

#[tokio::test]
async fn a_refusal_of_a_large_body_can_be_read() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    for method in [Method::Put, Method::Post] {
        let request = with_checksum(sha256(b"abc"), by(method, file("a.txt", "text/plain", 3)));
        let signed = visit.sign_one(request).await.unwrap();
        let answer = send(&server.http, &signed.parameters, vec![0; 30 << 20]).await;
        assert!(answer.status().is_client_error());
        assert!(answer.text().await.unwrap().contains("<Code>"), "{method:?}");
    }
}

#[tokio::test]
async fn a_token_is_no_use_when_changed_or_expired_or_to_another_visitor() {
    let server = TestServer::start_with(&[("UPLOAD_EXPIRES", "60"), ("UPLOAD_TOKEN_EXPIRES", "60")]).await;
    let (visit, other) = (server.visit().await, server.visit().await);
    let token = visit.sign_one(file("a.txt", "", 3)).await.unwrap().token.unwrap();
    let changed = json!({ "token": format!("A{}", token.as_str()) });
    let invalid = (403, json!({ "Refused": "TokenInvalid" }));
    for function in ["confirm_upload", "object_url", "discard_upload"] {
        assert_eq!(visit.refused(function, changed.clone()).await, invalid, "{function}");
        assert_eq!(other.refused(function, json!({ "token": token })).await, invalid, "{function}");
    }
    let renewed = SignRequest { renew: Some(token), ..file("a.txt", "", 4) };
    assert_eq!(visit.sign_one(renewed).await, Err(Refusal::TokenInvalid), "for a file of another size");

    let visitor = Visitor::from_cookie(visit.cookie.split_once('=').unwrap().1).unwrap();
    let minute_ago = SystemTime::now() - Duration::from_secs(61);
    let signed = server.service.sign_at(&visitor, vec![file("a.txt", "", 3)], minute_ago).await;
    let old = json!({ "token": signed[0].as_ref().unwrap().token });
    assert_eq!(visit.refused("confirm_upload", old).await, (410, json!({ "Refused": "TokenExpired" })));
}

#[tokio::test]
async fn an_upload_that_is_not_there_is_not_confirmed() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let signed = visit.sign_one(file("a.txt", "", 3)).await.unwrap();
    let refused = visit.refused("confirm_upload", json!({ "token": signed.token })).await;
    assert_eq!(refused, (404, json!({ "Refused": "ObjectMissing" })));
    // Whoever could write to the bucket itself, say with other tools.
    let path = server.dir().join("uploads").join(&signed.parameters.fields["key"]);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "four").unwrap();
    let refused = visit.refused("confirm_upload", json!({ "token": signed.token })).await;
    assert_eq!(refused, (409, json!({ "Refused": { "SizeMismatch": { "expected": 3, "actual": 4 } } })));
}

#[tokio::test]
async fn garbage_is_a_bad_request_in_words() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    for body in ["", "{", "[]", "<html>", r#"{"files":7}"#, r#"{"files":[{"name":1}]}"#, "\u{0}"] {
        let response = visit.request("sign_uploads").body(body).send().await.unwrap();
        assert_eq!(response.status(), 400, "{body}");
        let error: ApiError = response.json().await.unwrap();
        assert!(matches!(error, ApiError::BadRequest(_)), "{body}: {error:?}");
    }
}

#[tokio::test]
async fn a_call_that_is_too_large_is_told_so() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let response = visit.request("sign_uploads").body(vec![b' '; 20 << 20]).send().await.unwrap();
    assert_eq!(response.status(), 413);
    assert!(matches!(response.json().await.unwrap(), ApiError::BadRequest(_)));
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_the_stores_failure() {
    let server = TestServer::start().await;
    let visitor = Visitor::new();
    let signed = server.service.sign(&visitor, vec![file("a", "", 1)]).await.remove(0).unwrap();
    let service = server.service.clone();
    drop(server.stop().await);
    let refused = service.confirm(&visitor, &signed.token.unwrap()).await;
    assert!(matches!(refused, Err(Refusal::StoreUnavailable { .. })), "{refused:?}");
}
