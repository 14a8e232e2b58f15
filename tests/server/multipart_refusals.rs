//! What bad input gets on the way of an upload in parts.

use std::time::{Duration, SystemTime};

use leptos_aws_s3::{
    app::ApiError,
    s3::{Checksum, ChecksumAlgorithm, Object, Refusal, SignRequest, SignedPart, UploadToken},
    server::{
        Visitor,
        token::{MultipartUpload, Sealer, Upload},
    },
};
use serde_json::{Value, json};

use crate::support::{TestServer, file, in_parts, md5, number, sha256};

const PART: usize = 5 << 20;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn request() -> SignRequest {
    in_parts(PART as u64, file("a.bin", "", PART + 3))
}

#[tokio::test]
async fn parts_that_s3_would_not_take_are_refused_before_anything_begins() {
    let server = TestServer::start_with(&[("UPLOAD_MAX_SIZE", "53687091200000")]).await;
    let visit = server.visit().await;
    let huge = SignRequest { part_size: Some(5 << 30), ..file("a", "", 53_687_091_200_000) };
    assert!(visit.sign_one(huge).await.is_ok());
    for (part_size, size) in [(PART - 1, PART), (PART, 10_000 * PART + 1), (6 << 30, 7 << 30), (0, 0)] {
        let refused = visit.sign_one(in_parts(part_size as u64, file("a", "", size))).await;
        assert!(matches!(refused, Err(Refusal::Malformed { .. })), "{size} in {part_size}: {refused:?}");
    }
    let single = visit.sign_one(file("a", "", (5 << 30) + 1)).await;
    assert_eq!(single, Err(Refusal::FileTooLarge { size: (5 << 30) + 1, max: 5 << 30 }));
}

#[tokio::test]
async fn an_upload_begins_only_with_a_reservation_of_this_file() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let reserved = visit.sign_one(request()).await.unwrap().token;
    let single = visit.sign_one(file("a.bin", "", PART + 3)).await.unwrap().token;
    let larger = in_parts(PART as u64, file("a.bin", "", PART + 4));
    for (what, request) in [
        ("none", request()),
        ("of one request", SignRequest { renew: single.clone(), ..request() }),
        ("of another size", SignRequest { renew: reserved.clone(), ..larger }),
        (
            "of another type",
            SignRequest { renew: reserved.clone(), ..in_parts(PART as u64, file("a", "a/b", PART + 3)) },
        ),
        ("of other parts", SignRequest { renew: reserved.clone(), part_size: Some(8 << 20), ..request() }),
    ] {
        let refused = visit.refused("create_multipart_upload", json!({ "request": request, "again": false })).await;
        assert_eq!(refused, (403, json!({ "Refused": "TokenInvalid" })), "{what}");
    }
    let renewed = SignRequest { renew: single, ..request() };
    assert_eq!(visit.sign_one(renewed).await, Err(Refusal::TokenInvalid));
    assert_eq!(server.unfinished().await, Vec::<String>::new());
}

#[tokio::test]
async fn limits_hold_for_uploads_in_parts() {
    let limits = [("UPLOAD_MAX_SIZE", "5MiB"), ("UPLOAD_ALLOWED_TYPES", "image/*")];
    let server = TestServer::start_with(&limits).await;
    let visit = server.visit().await;
    let refused = visit.sign_one(in_parts(PART as u64, file("a.png", "image/png", PART + 1))).await;
    assert_eq!(refused, Err(Refusal::FileTooLarge { size: PART as u64 + 1, max: PART as u64 }));
    let refused = visit.sign_one(in_parts(PART as u64, file("a.exe", "", 1))).await;
    assert!(matches!(refused, Err(Refusal::TypeNotAllowed { .. })));
}

#[tokio::test]
async fn a_token_is_no_use_when_changed_or_expired_or_to_another_visitor() {
    let server = TestServer::start_with(&[("UPLOAD_SECRET", SECRET)]).await;
    let (visit, other) = (server.visit().await, server.visit().await);
    let (reservation, token) = visit.begin(request()).await;
    let reserved = reservation.renew.unwrap();
    let visitor = Visitor::from_cookie(visit.cookie.split_once('=').unwrap().1).unwrap();
    let upload = MultipartUpload {
        key: "uploads/id/a".parse().unwrap(),
        upload_id: server.unfinished().await.remove(0),
        size: PART as u64 + 3,
        part_size: PART as u64,
        algorithm: None,
    };
    let sealer =
        Sealer::new(SECRET.as_bytes(), Duration::from_mins(1)).bound_to("embedded http://127.0.0.1:0".to_owned());
    let hour_ago = SystemTime::now() - Duration::from_hours(1);
    let expired = sealer.seal(&visitor, Upload::Multipart(upload), hour_ago);
    let changed = UploadToken::new(format!("A{}", token.as_str()));

    let invalid = (403, json!({ "Refused": "TokenInvalid" }));
    for function in
        ["create_multipart_upload", "sign_parts", "list_parts", "complete_upload", "confirm_upload", "discard_upload"]
    {
        let own = if function == "create_multipart_upload" { &reserved } else { &token };
        assert_eq!(other.refused(function, arguments(function, own)).await, invalid, "{function} of another");
        assert_eq!(visit.refused(function, arguments(function, &changed)).await, invalid, "{function}, changed");
        let refused = visit.refused(function, arguments(function, &expired)).await;
        assert_eq!(refused, (410, json!({ "Refused": "TokenExpired" })), "{function}");
    }
    for function in ["sign_parts", "list_parts", "complete_upload"] {
        assert_eq!(visit.refused(function, arguments(function, &reserved)).await, invalid, "{function}, not begun");
    }
    assert_eq!(
        visit.refused("confirm_upload", json!({ "token": reserved })).await.1,
        json!({ "Refused": "UploadMissing" })
    );
    assert_eq!(server.unfinished().await.len(), 1, "nobody else ended it");
}

fn arguments(function: &str, token: &UploadToken) -> Value {
    match function {
        "create_multipart_upload" => {
            json!({ "request": SignRequest { renew: Some(token.clone()), ..request() }, "again": true })
        }
        "sign_parts" => json!({ "token": token, "parts": [{ "part": 1 }] }),
        "complete_upload" => json!({ "token": token, "checksums": [] }),
        _ => json!({ "token": token }),
    }
}

#[tokio::test]
async fn a_part_number_that_s3_does_not_know_is_a_bad_request() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let (_, token) = visit.begin(request()).await;
    for part in [json!(0), json!(10_001), json!(-1), json!("1")] {
        let arguments = json!({ "token": token, "parts": [{ "part": part }] });
        let (status, error) = visit.refused("sign_parts", arguments).await;
        let error: ApiError = serde_json::from_value(error).unwrap();
        assert!(status == 400 && matches!(error, ApiError::BadRequest(_)), "{part}: {status} {error:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_part_is_that_parts_own_refusal() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let (_, token) = visit.begin(request()).await;
    let [short, short_md5] = [sha256(b""), md5(b"")].map(|sum| Checksum { value: sum.value[..20].to_owned(), ..sum });
    let parts = [(1, None), (3, None), (2, Some(short)), (2, Some(short_md5)), (2, Some(md5(b"")))];
    let signed = visit.sign_parts(&token, &parts).await;
    assert!(signed[0].is_ok());
    assert!(matches!(signed[1], Err(Refusal::Malformed { .. })), "the file has two parts");
    assert!(matches!(signed[2..4], [Err(Refusal::Malformed { .. }), Err(Refusal::Malformed { .. })]));
    assert!(signed[4].as_ref().unwrap().parameters.headers.is_empty(), "this store checks SHA-256");
}

#[tokio::test]
async fn a_browser_that_computes_no_checksums_may_leave_them_out() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let (_, token) = visit.begin(SignRequest { algorithm: None, ..request() }).await;
    let signed = visit.sign_parts(&token, &[(2, Some(sha256(b"abc")))]).await;
    assert!(signed[0].as_ref().unwrap().parameters.headers.is_empty(), "what was begun without them goes on without");
    let parts = [(1, vec![0; PART]), (2, b"abc".to_vec())];
    for (part, bytes) in parts {
        assert_eq!(visit.send_part(&token, part, &bytes, None).await.status(), 200);
    }
    let object: Object = visit.call("complete_upload", json!({ "token": token, "checksums": [] })).await;
    assert_eq!((object.size, object.verified), (PART as u64 + 3, None));
}

#[tokio::test]
async fn a_call_signs_a_hundred_parts() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let (_, token) = visit.begin(in_parts(8 << 20, file("a", "", 101 * (8 << 20)))).await;
    let parts = |parts| (1..=parts).map(|part| json!({ "part": part, "checksum": null })).collect::<Vec<_>>();
    let signed: Vec<Result<SignedPart, Refusal>> =
        visit.call("sign_parts", json!({ "token": token, "parts": parts(100) })).await;
    assert!(signed.len() == 100 && signed.iter().all(Result::is_ok));
    let (status, error) = visit.refused("sign_parts", json!({ "token": token, "parts": parts(101) })).await;
    let text = error["Refused"]["Malformed"]["reason"].as_str().unwrap();
    assert!(status == 422 && text.contains("at most 100 parts"), "{status} {error}");
}

#[tokio::test]
async fn a_part_of_another_size_or_with_other_bytes_than_signed_is_refused_by_the_store() {
    for (variables, sum) in [(&[][..], sha256 as fn(&[u8]) -> _), (&[("S3_CHECKSUM", "md5")][..], md5)] {
        let server = TestServer::start_with(variables).await;
        let visit = server.visit().await;
        let (_, token) = visit.begin(SignRequest { algorithm: Some(sum(b"").algorithm), ..request() }).await;
        let wrong = visit.send_part(&token, 2, b"xyz", Some(sum(b"abc"))).await;
        assert_eq!(wrong.status(), 400);
        assert!(wrong.text().await.unwrap().contains("<Code>BadDigest</Code>"));
        assert_eq!(visit.send_part(&token, 2, b"abcd", None).await.status(), 403);
        let parts: Value = visit.call("list_parts", json!({ "token": token })).await;
        assert_eq!(parts, json!([]), "they are no parts");
        let () = visit.call("discard_upload", json!({ "token": token })).await;
        assert_eq!(server.files(), Vec::<String>::new(), "nothing of them is kept");
    }
}

#[tokio::test]
async fn completing_names_the_parts_that_are_not_there_as_they_should_be() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let (_, token) = visit.begin(request()).await;
    let missing = |parts: &[u16]| {
        let parts: Vec<_> = parts.iter().map(|part| number(*part)).collect();
        (409, json!({ "Refused": Refusal::PartsMissing { parts } }))
    };
    let complete = json!({ "token": token, "checksums": [] });
    assert_eq!(visit.refused("complete_upload", complete.clone()).await, missing(&[1, 2]));
    assert_eq!(visit.send_part(&token, 2, b"abc", None).await.status(), 200);
    assert_eq!(visit.refused("complete_upload", complete.clone()).await, missing(&[1]));

    let first = vec![7; PART];
    assert_eq!(visit.send_part(&token, 1, &first, None).await.status(), 200);
    let other = json!({ "token": token, "checksums": [sha256(&first), sha256(b"xyz")] });
    assert_eq!(visit.refused("complete_upload", other).await, missing(&[2]), "other bytes");

    let upload_id = server.unfinished().await.remove(0);
    let s3 = server.s3();
    let listed = s3.list_multipart_uploads().bucket("uploads").send().await.unwrap();
    let key = listed.uploads()[0].key().unwrap();
    let short = s3.upload_part().bucket("uploads").key(key).upload_id(upload_id).part_number(1);
    short.body(vec![7; PART - 1].into()).send().await.unwrap();
    assert_eq!(visit.refused("complete_upload", complete).await, missing(&[1]), "another size");
}

#[tokio::test]
async fn checksums_that_do_not_fit_the_file_are_refused() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let (_, token) = visit.begin(request()).await;
    let arguments = json!({ "token": token, "checksums": [sha256(b"")] });
    let (status, error) = visit.refused("complete_upload", arguments).await;
    assert_eq!((status, error["Refused"]["Malformed"].is_object()), (422, true));
}

#[tokio::test]
async fn an_upload_that_ended_has_to_start_over() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let (_, token) = visit.begin(request()).await;
    let s3 = server.s3();
    let listed = s3.list_multipart_uploads().bucket("uploads").send().await.unwrap();
    let upload = &listed.uploads()[0];
    let abort = s3.abort_multipart_upload().bucket("uploads").key(upload.key().unwrap());
    abort.upload_id(upload.upload_id().unwrap()).send().await.unwrap();
    let missing = (404, json!({ "Refused": "UploadMissing" }));
    for function in ["list_parts", "complete_upload", "confirm_upload"] {
        assert_eq!(visit.refused(function, arguments(function, &token)).await, missing, "{function}");
    }
}

#[tokio::test]
async fn ten_thousand_checksums_fit_a_call() {
    let server = TestServer::start_with(&[("UPLOAD_MAX_SIZE", "53687091200000")]).await;
    let visit = server.visit().await;
    let (_, token) = visit.begin(in_parts(8 << 20, file("a", "", 10_000 * (8 << 20)))).await;
    let checksum = Checksum { algorithm: ChecksumAlgorithm::Sha256, value: sha256(b"x").value };
    let arguments = json!({ "token": token, "checksums": vec![checksum; 10_000] });
    let (status, error) = visit.refused("complete_upload", arguments).await;
    assert_eq!((status, error["Refused"]["PartsMissing"]["parts"].as_array().unwrap().len()), (409, 100));
}
