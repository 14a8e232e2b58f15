//! Stores that fail half-way, keep silent, or know less than S3.

use leptos_aws_s3::s3::{ChecksumAlgorithm, Refusal, SignRequest};

use crate::{
    fake_store::{Answer, FakeStore, answer, completing, error},
    support::{file, in_parts, sha256},
};

/// One part of 3 bytes; a store that says no checksum.
const PARTS: &str = "<ListPartsResult><IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber>\
    <Size>3</Size><ETag>\"x\"</ETag></Part></ListPartsResult>";

const COMPLETED: &str =
    "<CompleteMultipartUploadResult><Key>k</Key><ETag>\"x-1\"</ETag></CompleteMultipartUploadResult>";

fn head(size: u64, sha256: Option<&str>) -> Answer {
    let mut headers = vec![("content-length", size.to_string()), ("etag", "\"x-1\"".to_owned())];
    headers.extend(sha256.map(|sha256| ("x-amz-checksum-sha256", sha256.to_owned())));
    Answer { status: 200, headers, body: String::new() }
}

#[tokio::test]
async fn an_error_in_an_answer_that_began_well_is_an_error_and_worth_another_try() {
    let store = FakeStore::start(|call| match call {
        _ if call.starts_with("GET /photos/k?") => answer(200, PARTS),
        _ if call.starts_with("POST ") => error(200, "InternalError"),
        _ => answer(404, ""),
    })
    .await;
    let refused = store.service.complete(&store.visitor, &store.token(), vec![]).await;
    assert!(matches!(refused, Err(Refusal::StoreUnavailable { .. })), "{refused:?}");
    assert_eq!(store.calls("HEAD "), 1, "before, and not after: an object that is there by then proves nothing");
}

#[tokio::test]
async fn what_a_store_keeps_silent_about_is_not_verified() {
    let store = FakeStore::start(completing(|call| match call {
        _ if call.starts_with("GET ") => answer(200, PARTS),
        _ if call.starts_with("POST ") => answer(200, COMPLETED),
        _ => head(3, None),
    }))
    .await;
    let object = store.service.complete(&store.visitor, &store.token(), vec![sha256(b"abc")]).await.unwrap();
    assert_eq!((object.size, object.verified), (3, None));
}

#[tokio::test]
async fn a_composite_decides_where_the_list_of_parts_is_silent() {
    for (stored, expected) in [
        (sha256(&digest(b"abc")).value + "-1", Ok(Some(ChecksumAlgorithm::Sha256))),
        (sha256(b"abc").value, Ok(Some(ChecksumAlgorithm::Sha256))),
        (sha256(&digest(b"xyz")).value + "-1", Err(Refusal::ChecksumMismatch)),
    ] {
        let said = stored.clone();
        let store = FakeStore::start(completing(move |call| match call {
            _ if call.starts_with("GET ") => answer(200, PARTS),
            _ if call.starts_with("POST ") => answer(200, COMPLETED),
            _ => head(3, Some(&said)),
        }))
        .await;
        let object = store.service.complete(&store.visitor, &store.token(), vec![sha256(b"abc")]).await;
        assert_eq!(object.map(|object| object.verified), expected, "{stored}");
    }
}

#[tokio::test]
async fn an_upload_that_is_gone_is_judged_by_its_object() {
    let composite = sha256(&digest(b"abc")).value + "-1";
    let other = sha256(&digest(b"xyz")).value + "-1";
    for (found, expected) in [
        (head(3, Some(&composite)), Ok(Some(ChecksumAlgorithm::Sha256))),
        (head(3, None), Ok(None)),
        (head(3, Some(&other)), Err(Refusal::ChecksumMismatch)),
        (head(4, None), Err(Refusal::SizeMismatch { expected: 3, actual: 4 })),
        (answer(404, ""), Err(Refusal::UploadMissing)),
    ] {
        for gone_at in ["GET ", "POST "] {
            let found = found.clone();
            let respond = move |call: &str| match call {
                _ if call.starts_with(gone_at) => error(404, "NoSuchUpload"),
                _ if call.starts_with("GET ") => answer(200, PARTS),
                _ => found.clone(),
            };
            let store = match gone_at {
                "GET " => FakeStore::start(respond).await,
                _ => FakeStore::start(completing(respond)).await,
            };
            let object = store.service.complete(&store.visitor, &store.token(), vec![sha256(b"abc")]).await;
            assert_eq!(object.map(|object| object.verified), expected, "{gone_at}");
        }
    }
}

#[tokio::test]
async fn an_object_of_another_size_than_its_parts_is_refused() {
    let store = FakeStore::start(completing(|call| match call {
        _ if call.starts_with("GET ") => answer(200, PARTS),
        _ if call.starts_with("POST ") => answer(200, COMPLETED),
        _ => head(4, None),
    }))
    .await;
    let refused = store.service.complete(&store.visitor, &store.token(), vec![]).await;
    assert_eq!(refused, Err(Refusal::SizeMismatch { expected: 3, actual: 4 }));
}

#[tokio::test]
async fn a_store_that_lists_no_uploads_can_still_begin_and_discard_one() {
    let created = "<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>";
    let store = FakeStore::start(move |call| match call {
        _ if call.contains("uploads") && call.starts_with("GET ") => error(501, "NotImplemented"),
        _ if call.starts_with("POST ") => answer(200, created),
        _ if call.starts_with("HEAD ") => answer(404, ""),
        _ => answer(204, ""),
    })
    .await;
    let request = in_parts(5 << 20, file("a", "", 3));
    let reserved = store.service.sign(&store.visitor, vec![request.clone()]).await.remove(0).unwrap();
    let request = SignRequest { renew: reserved.token.clone(), ..request };
    assert!(store.service.create_multipart_upload(&store.visitor, &request, true).await.is_ok());
    assert_eq!(store.calls("POST "), 1);
    assert_eq!(store.service.discard(&store.visitor, &reserved.token.unwrap()).await, Ok(()));
    assert_eq!(store.calls("DELETE "), 0, "there is nothing to delete");
}

fn digest(bytes: &[u8]) -> Vec<u8> {
    use sha2::Digest;

    sha2::Sha256::digest(bytes).to_vec()
}
