//! By which hosts the server may be asked for: another site's name that is rebound to this machine is none of them.

use std::net::SocketAddr;

use axum::{Extension, extract::ConnectInfo};
use leptos_aws_s3::app::ApiError;
use reqwest::{
    Client, Method, RequestBuilder,
    header::{CACHE_CONTROL, COOKIE, HOST, ORIGIN, SET_COOKIE},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    companion::ORIGINS,
    support::{TestServer, file, router_for, serve},
};

/// A visitor of HTTP and of HTTPS: nothing is signed for browsers that keep no cookie.
const VISITOR: &str = "upload_visitor=abcdefghijklmnopqrstuvwxyz; __Host-upload_visitor=abcdefghijklmnopqrstuvwxyz";

const PROXIED: (&str, &str) = ("UPLOAD_ORIGINS", "https://up.example");

/// As a browser asks for it on a page of that host itself.
fn same_origin(request: RequestBuilder, host: &str) -> RequestBuilder {
    request.header(HOST, host).header(ORIGIN, format!("http://{host}")).header("sec-fetch-site", "same-origin")
}

#[tokio::test]
async fn a_site_whose_name_is_rebound_to_this_machine_has_nothing_signed_and_begins_no_upload() {
    let server = TestServer::start_with(&[ORIGINS]).await;
    let visit = server.visit().await;
    let files = json!({ "files": [file("a", "text/plain", 1)] });
    let described = json!({ "filename": "a", "type": "text/plain" });
    for host in ["evil.example", &format!("evil.example:{}", server.addr.port()), "127.0.0.1.evil.example"] {
        for (method, path, body) in [
            (Method::GET, "/", None),
            (Method::GET, "/no/such/page", None),
            (Method::GET, "/object/x", None),
            (Method::GET, "/s3/params?filename=a&type=text/plain", None),
            (Method::POST, "/s3/multipart", Some(&described)),
            (Method::POST, "/api/sign_uploads", Some(&files)),
        ] {
            let request = server.http.request(method, server.url(path)).header(COOKIE, &visit.cookie);
            let request = same_origin(request, host);
            let answer = body.iter().fold(request, RequestBuilder::json).send().await.unwrap();
            assert_eq!(answer.status(), 421, "{host}{path}");
            assert!(!answer.headers().contains_key(SET_COOKIE), "{host}{path}");
            assert!(answer.headers().contains_key("x-content-type-options"), "{host}{path}");
            let text = answer.text().await.unwrap();
            assert!(text.contains("UPLOAD_ORIGINS") && text.contains("UPLOAD_HOSTS"), "{path}: {text}");
            assert!(!text.to_lowercase().contains("x-amz"), "{path}: {text}");
        }
    }
    assert_eq!(server.unfinished().await, Vec::<String>::new());
}

#[tokio::test]
async fn our_own_page_reads_why_its_calls_are_refused() {
    let server = TestServer::start().await;
    let call = server.http.post(server.url("/api/sign_uploads")).json(&json!({ "files": [] }));
    let answer = same_origin(call, "up.example").send().await.unwrap();
    let ApiError::BadRequest(text) = answer.json().await.unwrap() else { panic!("another error") };
    assert!(text.contains("\"up.example\"") && text.contains("UPLOAD_ORIGINS"), "{text}");
}

#[tokio::test]
async fn a_server_without_a_name_answers_by_every_address_of_its_own_and_as_localhost() {
    let server = TestServer::start().await;
    for host in ["localhost:3000", "127.0.0.1", "[::1]:3000", "192.168.1.7:3000"] {
        let call = server.http.post(server.url("/api/sign_uploads")).header(COOKIE, VISITOR);
        let call = call.json(&json!({ "files": [] }));
        assert_eq!(same_origin(call, host).send().await.unwrap().status(), 200, "{host}");
    }
}

#[tokio::test]
async fn behind_the_readmes_proxy_the_page_works_as_before() {
    let server = TestServer::start_with(&[PROXIED]).await;
    let proxied = |request: RequestBuilder| request.header(HOST, "up.example").header("x-forwarded-proto", "https");
    let page = proxied(server.http.get(server.url("/"))).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let cookie = page.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert!(page.text().await.unwrap().contains("value=\"https://up.example/uploaded/"));
    let call = proxied(server.http.post(server.url("/api/sign_uploads"))).header(COOKIE, cookie);
    let call = call.header(ORIGIN, "https://up.example").header("sec-fetch-site", "same-origin");
    assert_eq!(call.json(&json!({ "files": [] })).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_proxy_that_calls_the_server_by_its_address_says_what_the_visitor_asked_for() {
    for (variables, status) in [
        (&[PROXIED][..], 200),
        (&[("UPLOAD_HOSTS", "up.example")], 200),
        (&[], 421),
        (&[PROXIED, ("TRUST_PROXY", "no")], 403),
    ] {
        let server = TestServer::start_with(variables).await;
        let call = server.http.post(server.url("/api/sign_uploads")).json(&json!({ "files": [] }));
        let call = call.header("x-forwarded-host", "up.example").header(ORIGIN, "https://up.example");
        let call = call.header(COOKIE, VISITOR);
        assert_eq!(call.send().await.unwrap().status(), status, "{variables:?}");
    }
}

#[tokio::test]
async fn nobody_in_the_internet_passes_for_a_proxy() {
    let env = [("S3_BUCKET", "photos"), ("S3_REGION", "eu-central-1"), PROXIED];
    for (peer, cookie) in [("10.0.0.7:1", "__Host-upload_visitor="), ("203.0.113.7:1", "upload_visitor=")] {
        let peer: SocketAddr = peer.parse().unwrap();
        let url = serve(router_for(&env).layer(Extension(ConnectInfo(peer)))).await;
        let page = Client::new().get(url).header("x-forwarded-proto", "https").send().await.unwrap();
        assert!(page.headers()[SET_COOKIE].to_str().unwrap().starts_with(cookie), "{peer}");
    }
}

#[tokio::test]
async fn a_request_has_one_host_wherever_it_says_it() {
    let server = TestServer::start().await;
    for (head, status) in [
        ("GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example", "400"),
        ("GET http://evil.example/ HTTP/1.1\r\nHost: localhost", "421"),
        ("GET / HTTP/1.1\r\nHost: me@localhost", "421"),
        ("GET / HTTP/1.1\r\nHost: localhost/", "421"),
        ("GET http://localhost/ HTTP/1.1\r\nHost: localhost", "200"),
        ("GET / HTTP/1.0", "200"),
    ] {
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer.split(' ').nth(1), Some(status), "{head}: {answer}");
    }
}

#[tokio::test]
async fn a_refusal_is_not_kept_by_caches() {
    let server = TestServer::start().await;
    let refused = server.http.get(server.url("/")).header(HOST, "evil.example").send().await.unwrap();
    assert_eq!(refused.headers()[CACHE_CONTROL], "no-store");
}
