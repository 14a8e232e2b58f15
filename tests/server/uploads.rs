//! What the page does when all goes well.

use std::time::{Duration, SystemTime};

use leptos_aws_s3::{
    s3::{Method, Object, SignRequest},
    server::Visitor,
};
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE, COOKIE, LOCATION};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::{TestServer, by, file, send, sha256, with_checksum};

#[tokio::test]
async fn a_batch_goes_up_by_put_and_by_post_and_comes_back_byte_for_byte() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let bodies: Vec<Vec<u8>> = (0..6_u8).map(|n| vec![n; 40_000 * usize::from(n)]).collect();
    let methods = [Method::Put, Method::Post];
    let files = bodies.iter().enumerate();
    let files = files.map(|(n, body)| {
        let file = file(&format!("Größe {n} + “x”.txt"), "text/plain", body.len());
        with_checksum(sha256(body), by(methods[n % 2], file))
    });
    let signed = visit.sign(&files.collect::<Vec<_>>()).await;
    for (body, signed) in bodies.iter().zip(signed) {
        let signed = signed.unwrap();
        assert_eq!(signed.parameters.method, methods[usize::from(body.first().is_some_and(|n| n % 2 == 1))]);
        let sent = send(&server.http, &signed.parameters, body.clone()).await;
        assert!(sent.status().is_success(), "{}", sent.text().await.unwrap());

        let object: Object = visit.call("confirm_upload", json!({ "token": signed.token })).await;
        assert_eq!(object.size, body.len() as u64);
        assert_eq!(object.key.as_str(), &signed.parameters.fields["key"]);

        let url: String = visit.call("object_url", json!({ "token": signed.token })).await;
        let stored = server.http.get(url).send().await.unwrap();
        assert_eq!(stored.headers()[CONTENT_TYPE], "text/plain");
        assert!(stored.headers()[CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment; filename=\"Gr__e "));
        assert_eq!(Sha256::digest(stored.bytes().await.unwrap()), Sha256::digest(body));
    }
}

#[tokio::test]
async fn keys_keep_a_safe_name_where_the_operator_wants_it_and_are_unique() {
    let server = TestServer::start_with(&[("UPLOAD_PREFIX", "site/in"), ("UPLOAD_KEY_NAME", "true")]).await;
    let visit = server.visit().await;
    let names = ["a.txt", "a.txt", "../../up.txt", "<b>\u{202e}x\".txt", "", &("日".repeat(300) + ".png")];
    let signed = visit.sign(&names.map(|name| file(name, "", 1))).await;
    let keys: Vec<_> = signed.into_iter().map(|signed| signed.unwrap().parameters.fields["key"].to_owned()).collect();
    assert!(keys.iter().all(|key| key.starts_with("site/in/") && key.len() <= 128), "{keys:?}");
    assert_ne!(keys[0], keys[1]);
    let names: Vec<_> = keys.iter().map(|key| key.rsplit('/').next().unwrap()).collect();
    assert_eq!(names[..5], ["a.txt", "a.txt", "up.txt", "-b-x-.txt", "file"]);
    assert!(names[5].starts_with("日日") && names[5].ends_with("日.png"));
}

#[tokio::test]
async fn metadata_is_stored_with_both_methods() {
    let server = TestServer::start_with(&[("UPLOAD_META", "caption,page")]).await;
    let visit = server.visit().await;
    for method in [Method::Put, Method::Post] {
        let mut request = with_checksum(sha256(b"x"), by(method, file("a", "", 1)));
        request.file.meta = [("Caption".to_owned(), "über uns".to_owned()), ("page".to_owned(), "7".to_owned())].into();
        let signed = visit.sign_one(request).await.unwrap();
        let sent = send(&server.http, &signed.parameters, "x").await;
        assert!(sent.status().is_success(), "{method:?}: {}", sent.text().await.unwrap());
        let url: String = visit.call("object_url", json!({ "token": signed.token })).await;
        let stored = server.http.get(url).send().await.unwrap();
        assert_eq!(stored.headers()["x-amz-meta-page"], "7");
        let caption = stored.headers()["x-amz-meta-caption"].to_str().unwrap();
        assert!(caption.starts_with("=?UTF-8?"), "{caption}");
    }
}

#[tokio::test]
async fn signing_again_keeps_the_key() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let first = visit.sign_one(file("a.txt", "text/plain", 3)).await.unwrap();
    let again = SignRequest { renew: first.token.clone(), ..file("a.txt", "text/plain", 3) };
    let second = visit.sign_one(again).await.unwrap();
    assert_eq!(second.parameters.fields["key"], first.parameters.fields["key"]);
    assert_eq!(send(&server.http, &second.parameters, "abc").await.status(), 200);
    visit.call::<Object>("confirm_upload", json!({ "token": first.token })).await;
}

#[tokio::test]
async fn a_link_to_an_object_redirects_to_the_store() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let signed = visit.sign_one(file("a.txt", "text/plain", 3)).await.unwrap();
    send(&server.http, &signed.parameters, "abc").await;
    let link = server.url(&format!("/object/{}", signed.token.unwrap().as_str()));
    let redirect = server.http.get(&link).header(COOKIE, &visit.cookie).send().await.unwrap();
    let location = redirect.headers()[LOCATION].to_str().unwrap();
    assert_eq!(server.http.get(location).send().await.unwrap().text().await.unwrap(), "abc");
    assert_eq!(server.http.get(&link).send().await.unwrap().status(), 404, "another visitor");
}

#[tokio::test]
async fn a_discarded_upload_leaves_nothing_behind() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let signed = visit.sign_one(file("a.txt", "text/plain", 3)).await.unwrap();
    visit.call::<()>("discard_upload", json!({ "token": signed.token })).await;
    send(&server.http, &signed.parameters, "abc").await;
    assert_eq!(server.files().len(), 3, "an object and its attributes: {:?}", server.files());
    visit.call::<()>("discard_upload", json!({ "token": signed.token })).await;
    assert_eq!(server.files(), Vec::<String>::new());
}

#[tokio::test]
async fn a_signature_ends_when_it_says() {
    let server = TestServer::start_with(&[("UPLOAD_EXPIRES", "60")]).await;
    for method in [Method::Put, Method::Post] {
        let minute_ago = SystemTime::now() - Duration::from_secs(61);
        let request = with_checksum(sha256(b"x"), by(method, file("a", "", 1)));
        let signed = server.service.sign_at(&Visitor::new(), vec![request], minute_ago).await;
        let signed = signed.into_iter().next().unwrap().unwrap();
        assert_eq!(signed.expires_in_ms, Some(60_000));
        let answer = send(&server.http, &signed.parameters, "x").await;
        assert_eq!(answer.status(), 403);
        assert!(answer.text().await.unwrap().contains("Request has expired"), "{method:?}");
    }
}
