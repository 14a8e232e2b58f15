//! Uploads in parts, when all goes well and when answers get lost.

use leptos_aws_s3::s3::{ChecksumAlgorithm, CreatedUpload, Object, Part, SignRequest, UploadToken};
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::{TestServer, Visit, file, in_parts, md5, number, sha256};

const PART: usize = 5 << 20;

fn bytes() -> Vec<u8> {
    (0..=250).cycle().take(PART + 3).collect()
}

fn request() -> SignRequest {
    in_parts(PART as u64, file("Größe.bin", "video/mp4", PART + 3))
}

#[tokio::test]
async fn a_file_in_parts_comes_back_byte_for_byte_and_verified() {
    for (variables, sum, algorithm) in [
        (&[("UPLOAD_META", "page")][..], sha256 as fn(&[u8]) -> _, ChecksumAlgorithm::Sha256),
        (&[("UPLOAD_META", "page"), ("S3_CHECKSUM", "md5")][..], md5, ChecksumAlgorithm::Md5),
    ] {
        let server = TestServer::start_with(variables).await;
        let visit = server.visit().await;
        let bytes = bytes();
        let mut request = request();
        request.algorithm = Some(algorithm);
        request.file.meta = [("page", "7")].into();
        let (_, token) = visit.begin(request).await;
        let sums = [sum(&bytes[..PART]), sum(&bytes[PART..])];
        for (part, range) in [(2, PART..PART + 3), (1, 0..PART)] {
            let sent = visit.send_part(&token, part, &bytes[range], Some(sums[usize::from(part) - 1].clone())).await;
            assert_eq!(sent.status(), 200, "{}", sent.text().await.unwrap());
        }
        let parts: Vec<Part> = visit.call("list_parts", json!({ "token": token })).await;
        let part = |n: u16, size| Part { number: number(n), size, checksum: Some(sums[usize::from(n) - 1].clone()) };
        assert_eq!(parts, [part(1, PART as u64), part(2, 3)]);

        let object: Object = visit.call("complete_upload", json!({ "token": token, "checksums": sums })).await;
        assert_eq!((object.size, object.verified), (bytes.len() as u64, Some(algorithm)));
        assert!(object.etag.unwrap().0.ends_with("-2\""));
        let url: String = visit.call("object_url", json!({ "token": token })).await;
        let stored = server.http.get(url).send().await.unwrap();
        assert_eq!(stored.headers()[CONTENT_TYPE], "video/mp4");
        assert!(
            stored.headers()[CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment; filename=\"Gr__e.bin")
        );
        assert_eq!(stored.headers()["x-amz-meta-page"], "7");
        assert_eq!(Sha256::digest(stored.bytes().await.unwrap()), Sha256::digest(&bytes));
        assert_eq!(server.files().len(), 3, "an object and its attributes: {:?}", server.files());
    }
}

/// What a page that resumes it compares its file with.
#[tokio::test]
async fn parts_of_an_upload_without_checksums_are_listed_with_the_md5_that_their_etag_is() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let (_, token) = visit.begin(SignRequest { algorithm: None, ..request() }).await;
    let bytes = bytes();
    assert_eq!(visit.send_part(&token, 1, &bytes[..PART], None).await.status(), 200);
    let parts: Vec<Part> = visit.call("list_parts", json!({ "token": token })).await;
    assert_eq!(parts, [Part { number: number(1), size: PART as u64, checksum: Some(md5(&bytes[..PART])) }]);
}

#[tokio::test]
async fn a_reservation_says_where_the_object_will_be_and_asks_nothing_of_the_store() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let reserved = visit.sign_one(request()).await.unwrap();
    let key = &reserved.parameters.fields["key"];
    assert!(reserved.parameters.url.starts_with(&server.store_url("/uploads/uploads/")));
    assert!(!reserved.parameters.url.contains('?') && reserved.parameters.headers.is_empty());
    assert_eq!(reserved.expires_in_ms, None);
    assert_eq!(server.files(), Vec::<String>::new());
    let renewed = visit.sign_one(SignRequest { renew: reserved.token.clone(), ..request() }).await.unwrap();
    assert_eq!(&renewed.parameters.fields["key"], key);
}

#[tokio::test]
async fn without_checksums_an_object_is_complete_and_not_called_verified() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let (_, token) = visit.begin(in_parts(PART as u64, file("a", "", 3))).await;
    assert_eq!(visit.send_part(&token, 1, b"abc", None).await.status(), 200);
    let object: Object = visit.call("complete_upload", json!({ "token": token, "checksums": [] })).await;
    assert_eq!((object.size, object.verified), (3, None));
}

#[tokio::test]
async fn an_empty_file_may_be_one_empty_part() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let (_, token) = visit.begin(in_parts(PART as u64, file("a", "", 0))).await;
    assert_eq!(visit.send_part(&token, 1, b"", Some(sha256(b""))).await.status(), 200);
    let arguments = json!({ "token": token, "checksums": [sha256(b"")] });
    let object: Object = visit.call("complete_upload", arguments).await;
    assert_eq!((object.size, object.verified), (0, Some(ChecksumAlgorithm::Sha256)));
}

#[tokio::test]
async fn a_lost_answer_to_create_makes_no_second_upload() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let (reservation, first) = visit.begin(request()).await;
    assert_eq!(server.unfinished().await.len(), 1);
    let again = json!({ "request": reservation, "again": true });
    let CreatedUpload { token: second, .. } = visit.call("create_multipart_upload", again.clone()).await;
    assert_eq!(server.unfinished().await.len(), 1);
    assert_eq!(visit.send_part(&first, 1, &bytes()[..PART], None).await.status(), 200);
    let parts: Vec<Part> = visit.call("list_parts", json!({ "token": second })).await;
    assert_eq!(parts.len(), 1, "it is the same upload");

    let third = json!({ "request": reservation, "again": false });
    visit.call::<CreatedUpload>("create_multipart_upload", third).await;
    assert_eq!(server.unfinished().await.len(), 1, "the earlier one is aborted");
    let key = &visit.sign_one(reservation).await.unwrap().parameters.fields["key"];
    server.s3().create_multipart_upload().bucket("uploads").key(key).send().await.unwrap();
    assert_eq!(server.unfinished().await.len(), 2);
    visit.call::<CreatedUpload>("create_multipart_upload", again).await;
    assert_eq!(server.unfinished().await.len(), 1, "all but the newest are aborted");
}

#[tokio::test]
async fn create_again_begins_an_upload_where_there_is_none() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    visit.begin(request()).await;
    let reserved = visit.sign_one(request()).await.unwrap();
    let again = json!({ "request": SignRequest { renew: reserved.token, ..request() }, "again": true });
    visit.call::<CreatedUpload>("create_multipart_upload", again).await;
    assert_eq!(server.unfinished().await.len(), 2, "the other file's is its own");
}

#[tokio::test]
async fn a_lost_answer_to_complete_is_found_again() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let (token, arguments) = completable(&visit).await;
    let first: Object = visit.call("complete_upload", arguments.clone()).await;
    let second: Object = visit.call("complete_upload", arguments).await;
    assert_eq!((&second, second.verified), (&first, Some(ChecksumAlgorithm::Sha256)));
    let confirmed: Object = visit.call("confirm_upload", json!({ "token": token })).await;
    assert_eq!(confirmed, Object { verified: None, ..first });
}

#[tokio::test]
async fn two_calls_to_complete_at_the_same_time_both_succeed() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let (_, arguments) = completable(&visit).await;
    let call = || visit.call::<Object>("complete_upload", arguments.clone());
    let (one, other) = tokio::join!(call(), call());
    assert_eq!(one, other);
}

#[tokio::test]
async fn unfinished_uploads_survive_a_restart() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let cookie = visit.cookie.clone();
    let (_, token) = visit.begin(request()).await;
    let bytes = bytes();
    assert_eq!(visit.send_part(&token, 1, &bytes[..PART], None).await.status(), 200);
    let server = TestServer::start_in(server.stop().await, &[]).await;
    let visit = Visit { server: &server, cookie };
    assert_eq!(visit.send_part(&token, 2, &bytes[PART..], None).await.status(), 200);
    let checksums = [sha256(&bytes[..PART]), sha256(&bytes[PART..])];
    let object: Object = visit.call("complete_upload", json!({ "token": token, "checksums": checksums })).await;
    assert_eq!(object.verified, Some(ChecksumAlgorithm::Sha256));
}

#[tokio::test]
async fn a_cancelled_upload_leaves_nothing_at_whatever_stage() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let nothing_left = async |stage: &str, token: &UploadToken| {
        visit.call::<()>("discard_upload", json!({ "token": token })).await;
        assert_eq!((server.unfinished().await, server.files()), (vec![], vec![]), "{stage}");
    };
    let reserved = visit.sign_one(request()).await.unwrap().token.unwrap();
    nothing_left("reserved", &reserved).await;

    let (reservation, _) = visit.begin(request()).await;
    nothing_left("begun, and the answer lost", &reservation.renew.unwrap()).await;

    let (_, token) = visit.begin(request()).await;
    nothing_left("begun", &token).await;
    nothing_left("discarded before", &token).await;

    let (_, token) = visit.begin(request()).await;
    assert_eq!(visit.send_part(&token, 1, &bytes()[..PART], None).await.status(), 200);
    nothing_left("with a part", &token).await;

    let signed = visit.sign_parts(&token, &[(2, None)]).await.remove(0).unwrap();
    assert_eq!(crate::support::send(&server.http, &signed.parameters, "abc").await.status(), 404);
    nothing_left("with a part that came too late", &token).await;
}

#[tokio::test]
async fn a_discarded_upload_spares_others_of_a_longer_key() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let reserved = visit.sign_one(request()).await.unwrap();
    let key = reserved.parameters.fields["key"].to_owned();
    let other = server.s3().create_multipart_upload().bucket("uploads").key(key.clone() + "x").send().await.unwrap();
    visit.call::<()>("discard_upload", json!({ "token": reserved.token })).await;
    assert_eq!(server.unfinished().await, [other.upload_id().unwrap()]);
}

/// An upload of which all parts are there, and the call that completes it.
async fn completable(visit: &Visit<'_>) -> (UploadToken, serde_json::Value) {
    let bytes = bytes();
    let (_, token) = visit.begin(request()).await;
    let checksums = [sha256(&bytes[..PART]), sha256(&bytes[PART..])];
    for (part, range) in [(1, 0..PART), (2, PART..PART + 3)] {
        let checksum = Some(checksums[usize::from(part) - 1].clone());
        assert_eq!(visit.send_part(&token, part, &bytes[range], checksum).await.status(), 200);
    }
    let arguments = json!({ "token": token, "checksums": checksums });
    (token, arguments)
}
