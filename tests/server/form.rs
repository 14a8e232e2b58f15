//! The page without JavaScript.

use axum::{Router, body::Bytes, http::HeaderMap};
use leptos_aws_s3::{
    s3::{Refusal, UploadParameters, UploadToken},
    server::Visitor,
};
use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION};

use crate::support::{TestServer, form as multipart, serve};

#[tokio::test]
async fn a_form_stores_a_file_and_comes_back_to_the_page_with_its_key() {
    let server = TestServer::start().await;
    let cookie = server.visit().await.cookie;
    let visitor = Visitor::from_cookie(cookie.split_once('=').unwrap().1).unwrap();
    let parameters = server.service.form(&visitor, &server.url("/")).await.unwrap();
    let sent = server.http.post(&parameters.url).multipart(multipart(&parameters, "Größe 1+1.txt", "hello"));
    let answer = sent.send().await.unwrap();
    assert_eq!(answer.status(), 303);
    let location = answer.headers()[LOCATION].to_str().unwrap();
    assert!(location.starts_with(&server.url("/uploaded/")), "{location}");

    let page = come_back(&server, &cookie, location).await;
    assert!(page.contains(&format!("{}</code>", &parameters.fields["key"])), "{page}");

    let token = token_in(&parameters);
    let object = server.service.confirm_form(&visitor, &token).await.unwrap();
    assert_eq!((object.size, object.key.as_str().starts_with("uploads/")), (5, true));

    let refused = server.service.confirm_form(&Visitor::new(), &token).await;
    assert_eq!(refused, Err(Refusal::TokenInvalid), "another visitor");
    let refused = server.service.confirm(&visitor, &token).await;
    assert_eq!(refused, Err(Refusal::TokenInvalid), "a form's token names no single object");
}

/// The page that a browser shows in the end which a store sends to `location`.
async fn come_back(server: &TestServer, cookie: &str, location: &str) -> String {
    let answer = server.http.get(location).header(COOKIE, cookie).send().await.unwrap();
    assert_eq!(answer.status(), 303, "{location}");
    let page = answer.headers()[LOCATION].to_str().unwrap();
    assert!(page.starts_with("/?uploaded="), "{page}");
    server.http.get(server.url(page)).header(COOKIE, cookie).send().await.unwrap().text().await.unwrap()
}

fn token_in(form: &UploadParameters) -> UploadToken {
    let (_, token) = form.fields["success_action_redirect"].rsplit_once('/').unwrap();
    UploadToken::new(token.to_owned())
}

#[tokio::test]
async fn a_form_comes_back_whatever_its_store_appends_to_the_redirect() {
    let server = TestServer::start().await;
    let cookie = server.visit().await.cookie;
    let visitor = Visitor::from_cookie(cookie.split_once('=').unwrap().1).unwrap();
    for appended in [
        "",
        "?bucket=uploads&key=uploads%2Fid%2Ffile&etag=%22x%22",
        "&bucket=uploads&key=uploads%2Fid%2Ffile&etag=%22x%22",
        "/?bucket=uploads",
        "%3Fbucket=uploads&key=uploads/id/file",
    ] {
        let form = server.service.form(&visitor, &server.url("/")).await.unwrap();
        let store = appending_store(form.url.clone(), appended).await;
        let sent = server.http.post(store).multipart(multipart(&form, "a.txt", "hello")).send().await.unwrap();
        let location = sent.headers()[LOCATION].to_str().unwrap();
        assert!(location.ends_with(appended), "{location}");
        let page = come_back(&server, &cookie, location).await;
        assert!(page.contains(&format!("{}</code>", &form.fields["key"])), "{appended}: {page}");
    }
}

/// A store in front of the real one that looks at no URL of a redirect before it appends to it.
async fn appending_store(form_url: String, appended: &'static str) -> String {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    serve(Router::new().fallback(move |headers: HeaderMap, body: Bytes| {
        let request = http.post(form_url.clone()).header(CONTENT_TYPE, &headers[CONTENT_TYPE]).body(body);
        async move {
            let answer = request.send().await.unwrap();
            let location = answer.headers()[LOCATION].to_str().unwrap();
            let (bare, _) = location.split_once("?bucket=").or(location.split_once("&bucket=")).unwrap();
            (answer.status(), [(LOCATION, format!("{bare}{appended}"))])
        }
    }))
    .await
}

#[tokio::test]
async fn a_form_takes_no_more_than_the_limit() {
    let server = TestServer::start_with(&[("UPLOAD_MAX_SIZE", "4")]).await;
    let parameters = server.service.form(&Visitor::new(), &server.url("/")).await.unwrap();
    let sent = server.http.post(&parameters.url).multipart(multipart(&parameters, "a.txt", "hello"));
    assert_eq!(sent.send().await.unwrap().status(), 400);
    assert_eq!(server.files(), Vec::<String>::new());
}

#[tokio::test]
async fn whatever_a_file_is_called_its_key_stays_what_was_signed() {
    let server = TestServer::start().await;
    for name in ["../x", "a/../../b", "\u{202e}gpj.exe", "${filename}", "<img src=x>.html"] {
        let parameters = server.service.form(&Visitor::new(), &server.url("/")).await.unwrap();
        let sent = server.http.post(&parameters.url).multipart(multipart(&parameters, name, "hello"));
        assert_eq!(sent.send().await.unwrap().status(), 303, "{name}");
        assert!(server.files().iter().any(|file| file.ends_with(&parameters.fields["key"])), "{name}");
    }
}

#[tokio::test]
async fn there_is_no_form_where_types_are_restricted() {
    let server = TestServer::start_with(&[("UPLOAD_ALLOWED_TYPES", "image/*")]).await;
    assert_eq!(server.service.form(&Visitor::new(), &server.url("/")).await, None);
}

#[tokio::test]
async fn a_form_comes_back_to_the_page_whatever_else_a_request_calls_the_host() {
    for (variables, host, back) in [
        (&[("UPLOAD_HOSTS", "up.example")][..], "up.example", "http://up.example/uploaded/"),
        (&[("UPLOAD_ORIGINS", "https://up.example")], "up.example", "https://up.example/uploaded/"),
        (&[("UPLOAD_ORIGINS", "https://up.example")], "127.0.0.1", "https://up.example/uploaded/"),
    ] {
        let server = TestServer::start_with(variables).await;
        let request = server.http.get(server.url("/")).header("x-forwarded-host", host);
        let page = request.send().await.unwrap().text().await.unwrap();
        let back = format!("name=\"success_action_redirect\" value=\"{back}");
        assert!(page.contains(&back), "{host}: {back} is not in {page}");
    }
}
