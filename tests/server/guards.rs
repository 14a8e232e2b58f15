//! What stands before every answer.

use leptos_aws_s3::app::ApiError;
use reqwest::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, COOKIE, IF_MODIFIED_SINCE, LAST_MODIFIED, ORIGIN, SET_COOKIE,
};
use serde_json::json;

use crate::support::TestServer;

#[tokio::test]
async fn another_sites_page_is_refused_in_words_our_own_understand() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let own = format!("http://{}", server.addr);
    for (name, value, status) in [
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
        ("sec-fetch-site", "cross-site", 403),
        ("origin", own.as_str(), 200),
        ("sec-fetch-site", "same-origin", 200),
    ] {
        let request = visit.request("sign_uploads").header(name, value).json(&json!({ "files": [] }));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{name}: {value}");
        if status == 403 {
            assert_eq!(response.json::<ApiError>().await.unwrap(), ApiError::CrossSite);
        }
    }
}

#[tokio::test]
async fn server_functions_take_no_other_method() {
    let server = TestServer::start().await;
    let response = server.http.get(server.url("/api/sign_uploads")).send().await.unwrap();
    assert_eq!(response.status(), 405);
}

#[tokio::test]
async fn a_visitor_keeps_one_cookie_that_scripts_can_not_read() {
    let server = TestServer::start().await;
    let first = server.http.get(server.url("/")).send().await.unwrap();
    let cookie = first.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.contains("; HttpOnly; SameSite=Lax") && !cookie.contains("Secure"), "{cookie}");
    let again = server.http.get(server.url("/")).header(COOKIE, cookie.split(';').next().unwrap());
    assert!(!again.send().await.unwrap().headers().contains_key(SET_COOKIE));
    let behind_tls = server.http.get(server.url("/")).header("x-forwarded-proto", "https").send().await.unwrap();
    assert!(behind_tls.headers()[SET_COOKIE].to_str().unwrap().ends_with("; Secure"));
}

#[tokio::test]
async fn nothing_is_signed_for_who_sends_no_cookie_and_the_answer_sets_one() {
    let server = TestServer::start().await;
    let sign = || server.http.post(server.url("/api/sign_uploads")).json(&json!({ "files": [] }));
    let refused = sign().send().await.unwrap();
    assert_eq!(refused.status(), 428);
    let cookie = refused.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    assert_eq!(refused.json::<ApiError>().await.unwrap(), ApiError::NoCookie);
    for (cookie, status) in [(cookie.split(';').next().unwrap(), 200), ("upload_visitor=a; other=b", 428)] {
        assert_eq!(sign().header(COOKIE, cookie).send().await.unwrap().status(), status, "{cookie}");
    }
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let server = TestServer::start().await;
    for (path, status) in [("/", 200), ("/no/such/page", 404), ("/api/sign_uploads", 405)] {
        let response = server.http.get(server.url(path)).send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        let headers = response.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["x-frame-options"], "DENY");
        assert!(headers.contains_key("content-security-policy"), "{path}");
    }
}

#[tokio::test]
async fn the_page_may_send_to_the_store_and_every_script_has_the_nonce() {
    let server = TestServer::start().await;
    let page = server.http.get(server.url("/")).header(ORIGIN, "http://any.example").send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    let store = server.store_url("");
    assert!(policy.contains(&format!("connect-src 'self' {store};")), "{policy}");
    assert!(policy.contains(&format!("form-action 'self' {store};")), "{policy}");
    let (_, nonce) = policy.split_once("'nonce-").unwrap();
    let nonce = format!("nonce=\"{}\"", nonce.split('\'').next().unwrap());
    let html = page.text().await.unwrap();
    assert!(html.contains("<script"));
    assert!(html.split("<script").skip(1).all(|script| script.split('>').next().unwrap().contains(&nonce)));
}

#[tokio::test]
async fn a_file_that_has_not_changed_is_not_sent_again() {
    let server = TestServer::start().await;
    let pkg = server.dir().join("site/pkg");
    std::fs::create_dir_all(&pkg).unwrap();
    std::fs::write(pkg.join("app.js"), "//").unwrap();
    let url = server.url("/pkg/app.js");
    let first = server.http.get(&url).send().await.unwrap();
    assert_eq!(first.headers()[CACHE_CONTROL], "no-cache");
    let again = server.http.get(&url).header(IF_MODIFIED_SINCE, &first.headers()[LAST_MODIFIED]);
    assert_eq!(again.send().await.unwrap().status(), 304);
}

#[tokio::test]
async fn the_page_is_compressed() {
    let server = TestServer::start().await;
    for encoding in ["br", "gzip"] {
        let page = server.http.get(server.url("/")).header(ACCEPT_ENCODING, encoding).send().await.unwrap();
        assert_eq!(page.headers()[CONTENT_ENCODING], encoding);
    }
}
