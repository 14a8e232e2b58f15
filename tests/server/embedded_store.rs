//! The store inside the server, as browsers and strangers meet it.

use leptos_aws_s3::s3::{Method, Object, UploadParameters};
use leptos_aws_s3::server::{Config, Server};
use reqwest::{
    Method as HttpMethod,
    header::{ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ETAG, ORIGIN},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{TestServer, Visit, by, file, send};

#[tokio::test]
async fn nobody_gets_in_without_a_signature() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let signed = visit.sign_one(file("a.txt", "text/plain", 3)).await.unwrap();
    send(&server.http, &signed.parameters, "abc").await;
    let object = format!("/uploads/{}", &signed.parameters.fields["key"]);
    for path in ["/", "/uploads", "/uploads?list-type=2", &object] {
        for method in [HttpMethod::GET, HttpMethod::HEAD, HttpMethod::PUT, HttpMethod::DELETE] {
            let url = server.store_url(path);
            let status = server.http.request(method.clone(), url).body("x").send().await.unwrap().status();
            assert!(status == 403 || status == 501 || status == 405, "{method} {path}: {status}");
        }
    }
    let anonymous = reqwest::multipart::Form::new().text("key", "a").text("file", "x");
    let posted = server.http.post(server.store_url("/uploads")).multipart(anonymous).send().await.unwrap();
    assert_eq!(posted.status(), 403);
    assert_eq!(server.files().len(), 3, "only the signed upload is there");
}

#[tokio::test]
async fn objects_tokens_and_keys_survive_a_restart() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let cookie = visit.cookie.clone();
    let signed = visit.sign_one(file("a.txt", "text/plain", 3)).await.unwrap();
    send(&server.http, &signed.parameters, "abc").await;
    let server = TestServer::start_in(server.stop().await, &[]).await;
    let visit = Visit { server: &server, cookie };
    let object: Object = visit.call("confirm_upload", json!({ "token": signed.token })).await;
    assert_eq!(object.size, 3);
    let url: String = visit.call("object_url", json!({ "token": signed.token })).await;
    assert_eq!(server.http.get(url).send().await.unwrap().text().await.unwrap(), "abc");
}

#[tokio::test]
async fn a_second_server_on_the_same_directory_is_told_so() {
    let first = TestServer::start().await;
    let dir = first.dir().to_str().unwrap().to_owned();
    let variables = [("EMBEDDED_S3_DIR", dir.as_str()), ("EMBEDDED_S3_ADDR", "127.0.0.1:0")];
    let lookup = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let second = Server::bind(Config::from_lookup(lookup).unwrap(), ([127, 0, 0, 1], 0).into()).await;
    assert!(second.err().unwrap().to_string().contains("EMBEDDED_S3_DIR"));
}

#[tokio::test]
async fn a_presigned_put_does_not_overwrite() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let signed = visit.sign_one(by(Method::Put, file("a.txt", "text/plain", 3))).await.unwrap();
    assert_eq!(send(&server.http, &signed.parameters, "abc").await.status(), 200);
    assert_eq!(send(&server.http, &signed.parameters, "xyz").await.status(), 412);
}

/// A PUT of which only these bytes have been sent, and arrived.
async fn begin_put(server: &TestServer, parameters: &UploadParameters, size: usize, bytes: &[u8]) -> TcpStream {
    let origin = server.store_url("");
    let host = origin.strip_prefix("http://").unwrap();
    let path = parameters.url.strip_prefix(&origin).unwrap();
    let headers = parameters.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let headers = headers.collect::<String>();
    let head = format!("PUT {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {size}\r\n{headers}\r\n");
    let mut connection = TcpStream::connect(host).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(bytes).await.unwrap();
    while server.files().is_empty() {
        tokio::task::yield_now().await;
    }
    connection
}

#[tokio::test]
async fn of_two_puts_at_one_time_the_first_that_is_complete_stays() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let signed = visit.sign_one(by(Method::Put, file("a.txt", "text/plain", 3))).await.unwrap();
    let mut slow = begin_put(&server, &signed.parameters, 3, b"A").await;
    assert_eq!(send(&server.http, &signed.parameters, "BBB").await.status(), 200);
    slow.write_all(b"AA").await.unwrap();
    let mut answer = [0; 12];
    slow.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 412");
    let object = server.dir().join("uploads").join(&signed.parameters.fields["key"]);
    assert_eq!(std::fs::read(object).unwrap(), b"BBB");
    assert_eq!(server.files().len(), 3, "nothing is left of the other: {:?}", server.files());
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let signed = visit.sign_one(by(Method::Put, file("a.bin", "", 1_000_000))).await.unwrap();
    let mut connection = begin_put(&server, &signed.parameters, 1_000_000, &vec![7; 500_000]).await;
    connection.shutdown().await.unwrap();
    // The store closes its side when it has given up.
    let _ = connection.read_to_end(&mut Vec::new()).await;
    assert_eq!(server.files(), Vec::<String>::new());
}

#[tokio::test]
async fn a_target_that_is_no_path_is_a_bad_request_on_both_ports() {
    let server = TestServer::start().await;
    let store = server.store_url("");
    for host in [server.addr.to_string(), store.strip_prefix("http://").unwrap().to_owned()] {
        for target in ["CONNECT evil.example:80", "GET evil.example:80", "POST evil.example:80"] {
            let mut connection = TcpStream::connect(&host).await.unwrap();
            let request = format!("{target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
            connection.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            connection.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 40"), "{target} to {host}: {answer}");
        }
    }
}

#[tokio::test]
async fn what_a_killed_server_left_is_removed_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let begun = dir.path().join(".multipart/new-x");
    std::fs::create_dir_all(&begun).unwrap();
    std::fs::write(begun.join("upload.json"), "{").unwrap();
    std::fs::write(dir.path().join(".tmp.0.internal.part"), "half a file").unwrap();
    let server = TestServer::start_in(dir, &[]).await;
    assert_eq!(server.files(), Vec::<String>::new());
}

#[tokio::test]
async fn only_our_page_may_read_answers_also_those_that_are_errors() {
    let server = TestServer::start().await;
    let own = format!("http://localhost:{}", server.addr.port());
    for (origin, allowed) in [(own.as_str(), true), ("http://evil.example", false)] {
        let preflight = server
            .http
            .request(HttpMethod::OPTIONS, server.store_url("/uploads/a"))
            .header(ORIGIN, origin)
            .header("access-control-request-method", "PUT")
            .header("access-control-request-headers", "content-disposition,content-type,if-none-match,x-amz-meta-a")
            .send()
            .await
            .unwrap();
        let refused = server.http.put(server.store_url("/uploads/a")).header(ORIGIN, origin).send().await.unwrap();
        assert_eq!(refused.status(), 403);
        for answer in [preflight, refused] {
            let granted = answer.headers().get(ACCESS_CONTROL_ALLOW_ORIGIN).map(|value| value == origin);
            assert_eq!(granted, allowed.then_some(true), "{origin}");
        }
    }
}

#[tokio::test]
async fn an_upload_answers_with_an_etag_the_page_may_read() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let signed = visit.sign_one(by(Method::Put, file("a.txt", "text/plain", 3))).await.unwrap();
    let answer = send(&server.http, &signed.parameters, "abc").await;
    assert!(answer.headers().contains_key(ETAG));
    assert_eq!(answer.headers()[ACCESS_CONTROL_EXPOSE_HEADERS], "etag");
}
