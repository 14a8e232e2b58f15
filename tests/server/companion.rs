//! Companion's protocol, as its clients speak it: what they send and what they look at in the answers.

use leptos_aws_s3::s3::UploadParameters;
use reqwest::{
    Method, StatusCode,
    header::{HeaderMap, ORIGIN, SET_COOKIE},
};
use serde_json::{Value, json};

use crate::support::{TestServer, send};

pub(crate) const ORIGINS: (&str, &str) = ("COMPANION_ORIGINS", "https://my-app.com,http://localhost:5173");

pub(crate) const PART: usize = 5 << 20;

/// As an `ETag`.
const MD5_OF_HELLO: &str = "\"5d41402abc4b2a76b9719d911017c592\"";

/// A client that has begun an upload in parts.
pub(crate) struct Client<'a> {
    server: &'a TestServer,
    pub(crate) key: String,
    pub(crate) id: String,
}

impl<'a> Client<'a> {
    pub(crate) async fn begin(server: &'a TestServer, name: &str) -> Self {
        Self::begin_as(server, name, "video/mp4").await
    }

    pub(crate) async fn begin_as(server: &'a TestServer, name: &str, content_type: &str) -> Self {
        let body = json!({ "filename": name, "type": content_type });
        Self::begun(server, post(server, "/s3/multipart", body).await)
    }

    /// `metadata` is JSON, in an order that may matter.
    pub(crate) async fn begin_with(server: &'a TestServer, metadata: impl ToString) -> Self {
        let body = format!(r#"{{"filename":"a","type":"","metadata":{}}}"#, metadata.to_string());
        let created = server.http.post(server.url("/s3/multipart")).body(body).send().await.unwrap();
        Self::begun(server, (created.status().as_u16(), created.json().await.unwrap()))
    }

    fn begun(server: &'a TestServer, (status, created): (u16, Value)) -> Self {
        assert_eq!((status, &created["bucket"]), (200, &json!("uploads")), "{created}");
        let text = |name: &str| created[name].as_str().unwrap().to_owned();
        Self { server, key: text("key"), id: text("uploadId") }
    }

    /// The path of a call about this upload.
    pub(crate) fn path(&self, rest: &str) -> String {
        let separator = if rest.contains('?') { '&' } else { '?' };
        format!("/s3/multipart/{}{rest}{separator}key={}", self.id, encoded(&self.key))
    }

    /// Sends a part to the URL that is signed for it, and returns its tag.
    pub(crate) async fn send_part(&self, part: u16, bytes: Vec<u8>) -> String {
        let (status, signed) = get(self.server, &self.path(&format!("/{part}"))).await;
        assert_eq!((status, &signed["expires"]), (200, &json!(900)), "{signed}");
        self.send_to(signed["url"].as_str().unwrap(), bytes).await
    }

    async fn send_to(&self, url: &str, bytes: Vec<u8>) -> String {
        let sent = self.server.http.put(url).body(bytes).send().await.unwrap();
        assert_eq!(sent.status(), 200);
        sent.headers()["etag"].to_str().unwrap().to_owned()
    }

    pub(crate) async fn complete(&self, parts: Value) -> (u16, Value) {
        post(self.server, &self.path("/complete"), json!({ "parts": parts })).await
    }
}

pub(crate) async fn get(server: &TestServer, path: &str) -> (u16, Value) {
    call(server, Method::GET, path).await
}

pub(crate) async fn post(server: &TestServer, path: &str, body: Value) -> (u16, Value) {
    let response = server.http.post(server.url(path)).json(&body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

pub(crate) async fn call(server: &TestServer, method: Method, path: &str) -> (u16, Value) {
    let response = server.http.request(method, server.url(path)).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

pub(crate) fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn part(number: u16, etag: &str) -> Value {
    json!({ "PartNumber": number, "ETag": etag })
}

#[tokio::test]
async fn a_small_file_goes_by_the_form_that_params_signs() {
    let server = TestServer::start_with(&[ORIGINS]).await;
    let query = "filename=Gr%C3%BC%C3%9Fe+%26.txt&type=text%2Fplain&metadata%5Bname%5D=Gr%C3%BC%C3%9Fe";
    let (status, signed) = get(&server, &format!("/s3/params?{query}")).await;
    assert_eq!((status, &signed["method"], &signed["expires"]), (200, &json!("POST"), &json!(900)), "{signed}");
    assert_eq!(signed["fields"]["success_action_status"], "201");
    let key = signed["fields"]["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("uploads/") && key.len() == 34, "{key}");

    let form: UploadParameters = serde_json::from_value(signed).unwrap();
    let sent = send(&server.http, &form, "hello").await;
    assert_eq!((sent.status(), sent.headers()["etag"].as_bytes()), (StatusCode::CREATED, MD5_OF_HELLO.as_bytes()));
    let head = server.s3().head_object().bucket("uploads").key(key).send().await.unwrap();
    assert_eq!((head.content_length(), head.content_type()), (Some(5), Some("text/plain")));
    assert_eq!(head.metadata().unwrap()["name"], "=?UTF-8?B?R3LDvMOfZQ==?=");
}

#[tokio::test]
async fn a_large_file_goes_in_parts_and_the_upload_id_is_all_the_client_has_to_keep() {
    let server = TestServer::start_with(&[ORIGINS]).await;
    let client = Client::begin(&server, "film.mp4").await;
    assert_eq!(get(&server, &client.path("")).await, (200, json!([])));
    let first = client.send_part(1, vec![1; PART]).await;
    let second = client.send_part(2, vec![2; 3]).await;

    let (status, listed) = get(&server, &client.path("")).await;
    assert_eq!((status, listed.as_array().unwrap().len()), (200, 2));
    assert_eq!((&listed[1]["PartNumber"], &listed[1]["Size"]), (&json!(2), &json!(3)));
    assert_eq!(listed[1]["ETag"], second);

    // Uppy 6 takes the quotes away.
    let parts = json!([part(1, first.trim_matches('"')), part(2, &second)]);
    let (status, completed) = client.complete(parts.clone()).await;
    let location = format!("{}/uploads/{}", server.store_url(""), client.key);
    let expected = json!({ "location": location, "key": client.key, "bucket": "uploads" });
    assert_eq!((status, &completed), (200, &expected));
    let object = server.s3().get_object().bucket("uploads").key(&client.key).send().await.unwrap();
    assert_eq!(object.content_type(), Some("video/mp4"));
    assert_eq!(object.body.collect().await.unwrap().to_vec(), [vec![1; PART], vec![2; 3]].concat());
    assert_eq!(client.complete(parts).await, (200, expected), "again, as after a lost answer");
}

#[tokio::test]
async fn a_batch_has_a_url_for_each_part() {
    let server = TestServer::start_with(&[ORIGINS]).await;
    let client = Client::begin(&server, "film.mp4").await;
    let (status, signed) = get(&server, &client.path("/batch?partNumbers=2,1")).await;
    assert_eq!((status, signed["presignedUrls"].as_object().unwrap().len()), (200, 2));
    let mut parts = Vec::new();
    for (number, bytes) in [(1, vec![1; PART]), (2, vec![2; 3])] {
        let url = signed["presignedUrls"][number.to_string()].as_str().unwrap();
        parts.push(part(number, &client.send_to(url, bytes).await));
    }
    assert_eq!(client.complete(parts.into()).await.0, 200);
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing_and_may_be_aborted_again() {
    let server = TestServer::start_with(&[ORIGINS]).await;
    let client = Client::begin(&server, "film.mp4").await;
    client.send_part(1, vec![1; 10]).await;
    for _ in 0..2 {
        assert_eq!(call(&server, Method::DELETE, &client.path("")).await, (200, json!({})));
    }
    assert_eq!((server.unfinished().await, server.files()), (Vec::<String>::new(), Vec::<String>::new()));
    assert_eq!(get(&server, &client.path("")).await.0, 404);
}

async fn cors(server: &TestServer, method: Method, origin: Option<&str>) -> (StatusCode, HeaderMap) {
    let request = server.http.request(method, server.url("/s3/params?filename=a"));
    let request = origin.into_iter().fold(request, |request, origin| request.header(ORIGIN, origin));
    let response = request.send().await.unwrap();
    (response.status(), response.headers().clone())
}

#[tokio::test]
async fn pages_of_the_configured_origins_may_call_and_no_others() {
    let server = TestServer::start_with(&[ORIGINS]).await;
    let own = format!("http://{}", server.addr);
    for (origin, allowed) in [
        (Some("https://my-app.com"), true),
        (Some("http://localhost:5173"), true),
        (Some("https://my-app.com.evil.example"), false),
        (Some("http://my-app.com"), false),
        (Some("null"), false),
    ] {
        for (method, status) in [(Method::OPTIONS, 204), (Method::GET, 200)] {
            let (answered, headers) = cors(&server, method, origin).await;
            assert_eq!(answered, if allowed { status } else { 403 }, "{origin:?}");
            let shared = headers.get("access-control-allow-origin").map(|shared| shared.to_str().unwrap());
            assert_eq!(shared, origin.filter(|_| allowed));
            assert_eq!(
                (&headers["vary"], &headers["cache-control"]),
                (&"Origin".parse().unwrap(), &"no-store".parse().unwrap())
            );
            assert!(!headers.contains_key(SET_COOKIE));
        }
    }
    let (_, headers) = cors(&server, Method::OPTIONS, Some("https://my-app.com")).await;
    assert_eq!(headers["access-control-allow-methods"], "GET,POST,DELETE,OPTIONS");
    assert_eq!(headers["access-control-expose-headers"], "retry-after");
    assert!(headers["access-control-allow-headers"].to_str().unwrap().contains("content-type,accept"));
    for origin in [None, Some(own.as_str())] {
        let (status, headers) = cors(&server, Method::GET, origin).await;
        assert!(status == 200 && !headers.contains_key("access-control-allow-origin"), "{origin:?}");
    }
}

#[tokio::test]
async fn errors_can_be_read_across_origins_too() {
    let server = TestServer::start_with(&[ORIGINS]).await;
    for path in ["/s3/params", "/s3/multipart/x?key=a", "/s3/nothing"] {
        let response = server.http.get(server.url(path)).header(ORIGIN, "https://my-app.com").send().await.unwrap();
        assert!(response.status().is_client_error());
        assert_eq!(response.headers()["access-control-allow-origin"], "https://my-app.com", "{path}");
    }
}
