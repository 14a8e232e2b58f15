//! What the server's own calls ask of a store: paths and queries.

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use leptos_aws_s3::s3::PartRequest;

use crate::{
    fake_store::{Answer, FakeStore, answer, completing, error},
    support::number,
};

const PARTS: &str = "<ListPartsResult><IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber>\
    <Size>3</Size><ETag>\"x\"</ETag></Part></ListPartsResult>";

/// A store whose API lives below a path.
#[tokio::test]
async fn the_servers_own_calls_go_where_the_browsers_go() {
    let credentials = Credentials::new("AK", "secret", None, None, "test");
    let store = FakeStore::start_below(
        "/deep/s3",
        SharedCredentialsProvider::new(credentials),
        completing(|call| match call {
            _ if call.starts_with("GET ") => answer(200, PARTS),
            _ if call.starts_with("POST ") => answer(200, "<CompleteMultipartUploadResult/>"),
            _ => Answer { status: 200, headers: vec![("content-length", "3".to_owned())], body: String::new() },
        }),
    )
    .await;
    let parts = vec![PartRequest { part: number(1), checksum: None }];
    let signed = store.service.sign_parts(&store.visitor, &store.token(), parts).await.unwrap().remove(0).unwrap();
    assert!(signed.parameters.url.contains("/deep/s3/photos/k?"), "{}", signed.parameters.url);
    store.service.complete(&store.visitor, &store.token(), vec![]).await.unwrap();
    let lines = store.lines();
    assert_eq!(lines.len(), 4, "ListParts, Head, Complete and Head");
    assert!(lines.iter().all(|line| line.contains(" /deep/s3/photos/k")), "{lines:?}");
}

#[tokio::test]
async fn the_servers_own_calls_have_no_parameter_that_s3_does_not_know() {
    let store = FakeStore::start(|call| match call {
        _ if call.contains("max-parts=1") => error(404, "NoSuchUpload"),
        _ if call.starts_with("GET ") => answer(200, PARTS),
        _ if call.starts_with("HEAD ") => {
            Answer { status: 200, headers: vec![("content-length", "4".to_owned())], body: String::new() }
        }
        _ => answer(204, ""),
    })
    .await;
    store.service.list_parts(&store.visitor, &store.token()).await.unwrap();
    store.service.discard(&store.visitor, &store.token()).await.unwrap();
    let lines = [
        "GET /photos/k?uploadId=U",
        "DELETE /photos/k?uploadId=U",
        "GET /photos/k?max-parts=1&uploadId=U",
        "HEAD /photos/k",
        "DELETE /photos/k",
    ];
    assert_eq!(store.lines(), lines, "ListParts; Abort, ListParts, Head and Delete");
}
