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
    assert!(page.contains("/Größe 1+1.txt"), "{page}");

    let query = reqwest::Url::parse(location).unwrap();
    let value = |name: &str| query.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    let (token, key) = (UploadToken::new(value("uploaded")), value("key"));
    assert!(key.starts_with("uploads/") && key.ends_with("/Größe 1+1.txt"), "{key}");
    let object = server.service.confirm_form(&visitor, &token, key.parse().unwrap()).await.unwrap();
    assert_eq!(object.size, 5);

    let refused = server.service.confirm_form(&visitor, &token, "uploads/other/key".parse().unwrap()).await;
    assert_eq!(refused, Err(Refusal::TokenInvalid), "a key outside the form's folder");
    let refused = server.service.confirm_form(&Visitor::new(), &token, key.parse().unwrap()).await;
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
async fn a_file_name_can_not_lead_out_of_the_forms_folder() {
    let server = TestServer::start().await;
    let parameters = server.service.form(&Visitor::new(), &server.url("/")).await.unwrap();
    for name in ["../x", "../../../.keys.json", "a/../../b"] {
        let sent = server.http.post(&parameters.url).multipart(form(&parameters, name, "hello"));
        assert_eq!(sent.send().await.unwrap().status(), 400, "{name}");
    }
    assert_eq!(server.files(), Vec::<String>::new());
}

#[tokio::test]
async fn there_is_no_form_where_types_are_restricted() {
    let server = TestServer::start_with(&[("UPLOAD_ALLOWED_TYPES", "image/*")]).await;
    assert_eq!(server.service.form(&Visitor::new(), &server.url("/")).await, None);
}
