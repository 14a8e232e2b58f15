//! What the clients of Companion's protocol do besides what the protocol asks for.

use std::{sync::Arc, time::Duration};

use axum::{Router, http::Method};
use leptos_aws_s3::s3::UploadParameters;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
    time::timeout,
};

use crate::{
    companion::{Client, ORIGINS, get, post},
    support::{TestServer, router_for, send, serve},
};

const ANY_META: (&str, &str) = ("UPLOAD_META", "*");

#[tokio::test]
async fn a_field_of_metadata_with_an_odd_name_refuses_no_file() {
    let server = TestServer::start_with(&[ORIGINS, ANY_META]).await;
    let query = "filename=a&metadata[my+caption]=%C3%BC&metadata[Gr%C3%B6%C3%9Fe]=1&metadata[]=x";
    let (status, signed) = get(&server, &format!("/s3/params?{query}")).await;
    assert_eq!(status, 200, "{signed}");
    let form: UploadParameters = serde_json::from_value(signed).unwrap();
    assert_eq!(send(&server.http, &form, "abc").await.status(), 201);

    let metadata = json!({ "my caption": "ü", "Größe": "1", "": "x" });
    let client = Client::begin_with(&server, metadata).await;
    let etag = client.send_part(1, vec![1; 3]).await;
    assert_eq!(client.complete(json!([{ "PartNumber": 1, "ETag": etag }])).await.0, 200);

    for key in [&form.fields["key"], &client.key] {
        let head = server.s3().head_object().bucket("uploads").key(key).send().await.unwrap();
        let metadata = head.metadata().unwrap();
        assert_eq!(
            (metadata["my%20caption"].as_str(), metadata["gr%c3%b6%c3%9fe"].as_str()),
            ("=?UTF-8?B?w7w=?=", "1")
        );
        assert_eq!(metadata.len(), 2);
    }
}

#[tokio::test]
async fn of_two_names_that_differ_in_case_only_the_first_wins() {
    let server = TestServer::start_with(&[ORIGINS]).await;
    let (status, signed) = get(&server, "/s3/params?filename=a&metadata[name]=a&metadata[Name]=A").await;
    assert_eq!((status, &signed["fields"]["x-amz-meta-name"]), (200, &json!("a")), "{signed}");
    for (body, expected) in [(r#"{"name":"a","Name":"A"}"#, "a"), (r#"{"Name":"A","name":"a"}"#, "A")] {
        let client = Client::begin_with(&server, body).await;
        let etag = client.send_part(1, vec![1; 3]).await;
        assert_eq!(client.complete(json!([{ "PartNumber": 1, "ETag": etag }])).await.0, 200);
        let head = server.s3().head_object().bucket("uploads").key(&client.key).send().await.unwrap();
        assert_eq!(head.metadata().unwrap()["name"], expected);
    }
}

#[tokio::test]
async fn a_refusal_is_said_wherever_a_version_of_uppy_reads_it() {
    let server = TestServer::start_with(&[ORIGINS, ("UPLOAD_ALLOWED_TYPES", "image/*")]).await;
    for (filename, name) in [("a.txt", "a.txt"), ("%C3%BC%0D%0ASet-Cookie:+a.txt", "ü")] {
        let answer = server
            .http
            .get(server.url(&format!("/s3/params?filename={filename}&type=text/%C3%BC")))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 400, "{name}");
        let reason = answer.extensions().get::<hyper::ext::ReasonPhrase>().unwrap().clone();
        let text = "s3: Files of type text/plain are not accepted here. Accepted: image/*.";
        assert_eq!(String::from_utf8_lossy(reason.as_bytes()), text, "Uppy 6");
        let body: Value = answer.json().await.unwrap();
        assert_eq!((&body["message"], &body["error"]), (&json!(text), &json!(text)), "Uppy 0.x to 5");
    }
}

#[tokio::test]
async fn temporary_credentials_that_are_off_say_so() {
    let server = TestServer::start_with(&[ORIGINS]).await;
    let (status, error) = get(&server, "/s3/sts").await;
    let text =
        "s3: this server gives no temporary credentials: COMPANION_STS_ROLE_ARN is not set. It signs each upload.";
    assert_eq!((status, &error["message"], &error["error"]), (404, &json!(text), &json!(text)));
}

/// A store whose answer to `CreateMultipartUpload` is held back until `answer`.
#[derive(Default)]
struct SlowStore {
    asked: Notify,
    answer: Notify,
    aborted: Notify,
}

impl SlowStore {
    async fn start(self: &Arc<Self>) -> String {
        let this = Arc::clone(self);
        serve(Router::new().fallback(move |method: Method| async move {
            if method == Method::DELETE {
                this.aborted.notify_one();
                return (StatusCode::NO_CONTENT, "");
            }
            this.asked.notify_one();
            this.answer.notified().await;
            (StatusCode::OK, "<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>")
        }))
        .await
    }
}

#[tokio::test]
async fn an_upload_that_its_client_never_hears_of_is_aborted() {
    let store = Arc::new(SlowStore::default());
    let endpoint = store.start().await;
    let url = serve(router_for(&[ORIGINS, ("S3_BUCKET", "photos"), ("S3_ENDPOINT", &endpoint)])).await;
    let mut client = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
    let body = r#"{"filename":"film.mp4","type":"video/mp4"}"#;
    let head = format!("POST /s3/multipart HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    client.write_all([&head, body].concat().as_bytes()).await.unwrap();
    store.asked.notified().await;

    // As a browser does whose page cancels; the server has noticed once it closes its side too.
    client.shutdown().await.unwrap();
    assert_eq!(client.read_to_end(&mut Vec::new()).await.unwrap_or_default(), 0);
    store.answer.notify_one();
    timeout(Duration::from_secs(10), store.aborted.notified()).await.unwrap();
}

#[tokio::test]
async fn an_upload_that_its_client_hears_of_goes_on() {
    let server = TestServer::start_with(&[ORIGINS]).await;
    let (status, created) = post(&server, "/s3/multipart", json!({ "filename": "a", "type": "" })).await;
    assert_eq!((status, created["uploadId"].is_string()), (200, true));
    assert_eq!(server.unfinished().await.len(), 1);
}
