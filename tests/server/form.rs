//! The page without JavaScript.

use leptos_aws_s3::s3::{Refusal, UploadToken};
use leptos_aws_s3::server::Visitor;
use reqwest::header::{COOKIE, LOCATION};

use crate::support::{TestServer, form};

#[tokio::test]
async fn a_form_stores_a_file_and_comes_back_to_the_page_with_its_key() {
    let server = TestServer::start().await;
    let cookie = server.visit().await.cookie;
    let visitor = Visitor::from_cookie(cookie.split_once('=').unwrap().1).unwrap();
    let parameters = server.service.form(&visitor, &server.url("/")).await.unwrap();
    let sent = server.http.post(&parameters.url).multipart(form(&parameters, "Größe 1+1.txt", "hello"));
    let answer = sent.send().await.unwrap();
    assert_eq!(answer.status(), 303);
    let location = answer.headers()[LOCATION].to_str().unwrap();
    assert!(location.starts_with(&server.url("/?uploaded=")), "{location}");

    let page = server.http.get(location).header(COOKIE, cookie).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("/file</code>"), "{page}");

    let query = reqwest::Url::parse(location).unwrap();
    let (_, token) = query.query_pairs().find(|(name, _)| name == "uploaded").unwrap();
    let token = UploadToken::new(token.into_owned());
    let object = server.service.confirm_form(&visitor, &token).await.unwrap();
    assert_eq!((object.size, object.key.as_str().starts_with("uploads/")), (5, true));

    let refused = server.service.confirm_form(&Visitor::new(), &token).await;
    assert_eq!(refused, Err(Refusal::TokenInvalid), "another visitor");
    let refused = server.service.confirm(&visitor, &token).await;
    assert_eq!(refused, Err(Refusal::TokenInvalid), "a form's token names no single object");
}

#[tokio::test]
async fn a_form_takes_no_more_than_the_limit() {
    let server = TestServer::start_with(&[("UPLOAD_MAX_SIZE", "4")]).await;
    let parameters = server.service.form(&Visitor::new(), &server.url("/")).await.unwrap();
    let sent = server.http.post(&parameters.url).multipart(form(&parameters, "a.txt", "hello"));
    assert_eq!(sent.send().await.unwrap().status(), 400);
    assert_eq!(server.files(), Vec::<String>::new());
}

#[tokio::test]
async fn whatever_a_file_is_called_its_key_stays_what_was_signed() {
    let server = TestServer::start().await;
    for name in ["../x", "a/../../b", "\u{202e}gpj.exe", "${filename}", "<img src=x>.html"] {
        let parameters = server.service.form(&Visitor::new(), &server.url("/")).await.unwrap();
        let sent = server.http.post(&parameters.url).multipart(form(&parameters, name, "hello"));
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
    let proxied = [("UPLOAD_ORIGINS", "https://up.example")];
    for (variables, host, back) in [
        (&[][..], "up.example", Some("http://up.example/?uploaded=")),
        (&[], "evil.example/page?", None),
        (&proxied, "evil.example", Some("https://up.example/?uploaded=")),
    ] {
        let server = TestServer::start_with(variables).await;
        let own = server.url("/?uploaded=");
        let request = server.http.get(server.url("/")).header("x-forwarded-host", host);
        let page = request.send().await.unwrap().text().await.unwrap();
        let back = format!("name=\"success_action_redirect\" value=\"{}", back.unwrap_or(&own));
        assert!(page.contains(&back), "{host}: {back} is not in {page}");
    }
}
