//! The embedded store's multipart uploads, by S3's own API: they behave as S3's do.

use std::time::Duration;

use crate::support::{TestServer, file, in_parts, md5, number, send, sha256};
use aws_sdk_s3::{
    Client,
    error::ProvideErrorMetadata,
    types::{ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart},
};
use leptos_aws_s3::{
    s3::{Part, SignRequest},
    server::presign::UploadPart,
};
use serde_json::json;

pub(crate) const PART: usize = 5 << 20;

pub(crate) async fn begin(s3: &Client, key: &str) -> String {
    let create = s3.create_multipart_upload().bucket("uploads").key(key).checksum_algorithm(ChecksumAlgorithm::Sha256);
    create.send().await.unwrap().upload_id().unwrap().to_owned()
}

pub(crate) async fn put(s3: &Client, key: &str, id: &str, part: i32, bytes: &[u8]) -> Result<CompletedPart, String> {
    let request = s3.upload_part().bucket("uploads").key(key).upload_id(id).part_number(part);
    let sent = request.body(bytes.to_vec().into()).send().await;
    let sent = sent.map_err(|error| error.code().unwrap_or_default().to_owned())?;
    let done = CompletedPart::builder().part_number(part).set_e_tag(sent.e_tag);
    Ok(done.set_checksum_sha256(sent.checksum_sha256).build())
}

/// The error's code, if it is one.
pub(crate) async fn complete(s3: &Client, key: &str, id: &str, parts: &[&CompletedPart]) -> Option<String> {
    let parts = parts.iter().map(|part| (*part).clone()).collect();
    let upload = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let request = s3.complete_multipart_upload().bucket("uploads").key(key).upload_id(id).multipart_upload(upload);
    request.send().await.err().map(|error| error.code().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn complete_refuses_what_s3_refuses_and_then_makes_one_object() {
    let server = TestServer::start().await;
    let s3 = server.s3();
    let id = begin(&s3, "a").await;
    let (large, small) = (vec![1; PART], vec![2; 3]);
    let first = put(&s3, "a", &id, 1, &small).await.unwrap();
    let third = put(&s3, "a", &id, 3, &small).await.unwrap();
    let refused = async |parts: &[&CompletedPart]| complete(&s3, "a", &id, parts).await.unwrap_or_default();
    assert_eq!(refused(&[&first, &third]).await, "EntityTooSmall");
    let replaced = put(&s3, "a", &id, 1, &large).await.unwrap();
    assert_eq!(refused(&[&first, &third]).await, "InvalidPart", "the part was replaced");
    assert_eq!(refused(&[&third, &replaced]).await, "InvalidPartOrder");
    assert_eq!(refused(&[]).await, "MalformedXML");
    let absent = CompletedPart::builder().part_number(2).e_tag("\"x\"").checksum_sha256("x").build();
    assert_eq!(refused(&[&replaced, &absent]).await, "InvalidPart");
    let unsummed = CompletedPart::builder().part_number(3).set_e_tag(third.e_tag().map(Into::into)).build();
    assert_eq!(refused(&[&replaced, &unsummed]).await, "InvalidRequest");

    assert_eq!(complete(&s3, "a", &id, &[&replaced, &third]).await, None);
    assert_eq!(refused(&[&replaced, &third]).await, "NoSuchUpload");
    let head = || s3.head_object().bucket("uploads").key("a");
    let with = head().checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
    assert_eq!(with.content_length(), Some((5 << 20) + 3));
    assert!(with.checksum_sha256().unwrap().ends_with("-2"));
    assert_eq!(head().send().await.unwrap().checksum_sha256(), None);
    assert_eq!(server.files().len(), 3, "an object and its attributes: {:?}", server.files());
}

#[tokio::test]
async fn the_etag_of_a_part_is_its_md5_unless_its_sha256_alone_was_given() {
    const BYTES: &[u8] = b"123456789";
    const SHA256: &str = "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225";
    let server = TestServer::start().await;
    let s3 = server.s3();
    for (key, with_md5, with_sha256, etag) in [
        ("both", true, true, "25f9e794323b453885f5181f1b624d0b"),
        ("md5", true, false, "25f9e794323b453885f5181f1b624d0b"),
        ("sha256", false, true, SHA256),
        ("none", false, false, "25f9e794323b453885f5181f1b624d0b"),
    ] {
        let create = s3.create_multipart_upload().bucket("uploads").key(key).send().await.unwrap();
        let id = create.upload_id().unwrap();
        let part = s3.upload_part().bucket("uploads").key(key).upload_id(id).part_number(1).body(BYTES.to_vec().into());
        let part = part.set_content_md5(with_md5.then(|| md5(BYTES).value));
        let sent = part.set_checksum_sha256(with_sha256.then(|| sha256(BYTES).value)).send().await.unwrap();
        assert_eq!(sent.e_tag(), Some(format!("\"{etag}\"").as_str()), "{key}");
        assert_eq!(sent.checksum_sha256().is_some(), with_sha256, "{key}");
        let part = CompletedPart::builder().part_number(1).set_e_tag(sent.e_tag).build();
        let other = put(&s3, key, id, 1, b"987654321").await.unwrap();
        assert_eq!(complete(&s3, key, id, &[&part]).await.as_deref(), Some("InvalidPart"), "{key} was replaced");
        assert_eq!(complete(&s3, key, id, &[&other]).await, None, "{key}");
        assert_eq!(std::fs::read(server.dir().join("uploads").join(key)).unwrap(), b"987654321");
    }
}

#[tokio::test]
async fn nothing_can_be_done_with_an_upload_that_was_aborted_or_is_another_objects() {
    let server = TestServer::start().await;
    let s3 = server.s3();
    let aborted = begin(&s3, "a").await;
    s3.abort_multipart_upload().bucket("uploads").key("a").upload_id(&aborted).send().await.unwrap();
    let other = begin(&s3, "b").await;
    for id in [aborted.as_str(), &other, "..", "a/../../x", "upload.json"] {
        assert_eq!(put(&s3, "a", id, 1, b"x").await.unwrap_err(), "NoSuchUpload", "{id}");
        let part = CompletedPart::builder().part_number(1).e_tag("x").build();
        assert_eq!(complete(&s3, "a", id, &[&part]).await.unwrap(), "NoSuchUpload", "{id}");
        let listed = s3.list_parts().bucket("uploads").key("a").upload_id(id).send().await;
        assert_eq!(listed.unwrap_err().code(), Some("NoSuchUpload"), "{id}");
        let abort = s3.abort_multipart_upload().bucket("uploads").key("a").upload_id(id).send().await;
        assert_eq!(abort.unwrap_err().code(), Some("NoSuchUpload"), "{id}");
    }
    assert_eq!(server.unfinished().await, [other]);
}

#[tokio::test]
async fn uploads_are_listed_by_prefix_and_in_pages() {
    let server = TestServer::start().await;
    let s3 = server.s3();
    let mut ids = vec![begin(&s3, "a/1").await, begin(&s3, "a/1").await, begin(&s3, "a/2").await];
    begin(&s3, "b").await;
    let (mut listed, mut key_marker, mut id_marker) = (Vec::new(), None, None);
    loop {
        let page = s3.list_multipart_uploads().bucket("uploads").prefix("a/").max_uploads(2);
        let page = page.set_key_marker(key_marker).set_upload_id_marker(id_marker).send().await.unwrap();
        assert!(page.uploads().len() <= 2);
        listed.extend(page.uploads().iter().map(|upload| upload.upload_id().unwrap().to_owned()));
        (key_marker, id_marker) = (page.next_key_marker.clone(), page.next_upload_id_marker.clone());
        if page.is_truncated() != Some(true) {
            break;
        }
    }
    ids.sort();
    listed.sort();
    assert_eq!(listed, ids);
}

#[tokio::test]
async fn more_parts_than_a_page_holds_are_all_listed_in_order() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let request = in_parts(PART as u64, file("a", "", 1_001 * PART));
    let reserved = visit.sign_one(request.clone()).await.unwrap();
    let key = reserved.parameters.fields["key"].parse().unwrap();
    let create = json!({ "request": SignRequest { renew: reserved.token, ..request }, "again": false });
    let created: serde_json::Value = visit.call("create_multipart_upload", create).await;
    let token = &created["token"];
    let upload_id = server.unfinished().await.remove(0);
    let credentials = server.credentials();
    for part in (1..=1_001).rev() {
        let checksum = sha256(b"x");
        let (bucket, part) = (server.service.bucket(), number(part));
        let part = UploadPart {
            bucket,
            key: &key,
            upload_id: &upload_id,
            part,
            content_length: Some(1),
            checksum: Some(&checksum),
        };
        let signed = part.sign(&credentials, Duration::from_mins(1)).unwrap();
        assert_eq!(send(&server.http, &signed, "x").await.status(), 200);
    }
    let parts: Vec<Part> = visit.call("list_parts", json!({ "token": token })).await;
    assert!(parts.iter().map(|part| part.number.get()).eq(1..=1_001));
    assert!(parts.iter().all(|part| part.size == 1 && part.checksum == Some(sha256(b"x"))));
    let s3 = server.s3();
    let first = s3.list_parts().bucket("uploads").key(key.as_str()).upload_id(&upload_id).send().await.unwrap();
    assert_eq!((first.parts().len(), first.is_truncated()), (1_000, Some(true)), "there was a second page");
}
