//! What an object says of itself besides its type and its name: what the operator lets a visitor say.

use leptos_aws_s3::{
    s3::{Method, Object, Refusal, SignRequest, UploadParameters},
    server::Visitor,
};
use reqwest::header::{CACHE_CONTROL, CONTENT_ENCODING};
use serde_json::json;

use crate::{
    companion::{Client, ORIGINS, get},
    support::{TestServer, by, file, in_parts, send, sha256, with_checksum},
};

const PRIVATE: (&str, &str) = ("UPLOAD_CACHE_CONTROL", "private, no-cache");

async fn cache_control(server: &TestServer, key: &str) -> Option<String> {
    let head = server.s3().head_object().bucket("uploads").key(key).send().await.unwrap();
    head.cache_control().map(str::to_owned)
}

#[tokio::test]
async fn every_object_has_the_operators_cache_control() {
    let server = TestServer::start_with(&[ORIGINS, PRIVATE]).await;
    let visit = server.visit().await;
    let mut keys = Vec::new();
    for method in [Method::Put, Method::Post] {
        let signed = visit.sign_one(with_checksum(sha256(b"abc"), by(method, file("a", "", 3)))).await.unwrap();
        assert!(send(&server.http, &signed.parameters, "abc").await.status().is_success());
        keys.push(signed.parameters.fields["key"].to_owned());
    }
    let (_, token) = visit.begin(in_parts(5 << 20, file("a", "", 3))).await;
    let sum = sha256(b"abc");
    visit.send_part(&token, 1, b"abc", Some(sum.clone())).await;
    let object: Object = visit.call("complete_upload", json!({ "token": token, "checksums": [sum] })).await;
    keys.push(object.key.into());

    let (_, signed) = get(&server, "/s3/params?filename=a").await;
    let page = server.service.form(&Visitor::new(), &server.url("/")).await.unwrap();
    for form in [serde_json::from_value(signed).unwrap(), page] {
        assert!(send(&server.http, &form, "abc").await.status().as_u16() < 400);
        keys.push(form.fields["key"].to_owned());
    }
    let client = Client::begin(&server, "a").await;
    let etag = client.send_part(1, vec![1; 3]).await;
    client.complete(json!([{ "PartNumber": 1, "ETag": etag }])).await;
    keys.push(client.key);

    for key in keys {
        assert_eq!(cache_control(&server, &key).await.as_deref(), Some(PRIVATE.1), "{key}");
    }
}

#[tokio::test]
async fn nobody_sends_another_cache_control_than_the_operators() {
    let server = TestServer::start_with(&[PRIVATE]).await;
    let visit = server.visit().await;
    for (method, status) in [(Method::Put, 403), (Method::Post, 400)] {
        let signed =
            visit.sign_one(with_checksum(sha256(b"abc"), by(method, file("a", "", 3)))).await.unwrap().parameters;
        let other = "max-age=31536000, immutable";
        let (mut changed, mut without) = (signed.clone(), signed);
        for (parameters, value) in [(&mut changed, Some(other)), (&mut without, None)] {
            let UploadParameters { fields, headers, .. } = parameters;
            for (set, name) in [(headers, "cache-control"), (fields, "Cache-Control")] {
                match value {
                    Some(value) if set.get(name).is_some() => set.insert(name, value),
                    _ => set.retain(|known| known != name),
                }
            }
            assert_eq!(send(&server.http, parameters, "abc").await.status(), status, "{method:?}");
        }
    }
    assert_eq!(server.files(), Vec::<String>::new());
}

#[tokio::test]
async fn a_form_takes_no_header_of_an_object_that_is_not_signed_and_a_put_takes_it_as_s3_does() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let request = with_checksum(sha256(b"abc"), by(Method::Post, file("a", "", 3)));
    let mut form = visit.sign_one(request).await.unwrap().parameters;
    form.fields.insert("Content-Encoding", "gzip");
    assert_eq!(send(&server.http, &form, "abc").await.status(), 403);
    let mut put = visit.sign_one(by(Method::Put, file("a", "", 3))).await.unwrap();
    put.parameters.headers.insert("content-encoding", "gzip");
    assert_eq!(send(&server.http, &put.parameters, "abc").await.status(), 200);
    let url: String = visit.call("object_url", json!({ "token": put.token })).await;
    let stored = server.http.get(url).send().await.unwrap();
    assert_eq!(
        (&stored.headers()[CONTENT_ENCODING], stored.headers().get(CACHE_CONTROL)),
        (&"gzip".parse().unwrap(), None)
    );
}

#[tokio::test]
async fn metadata_that_nobody_allowed_is_not_stored() {
    let server = TestServer::start_with(&[ORIGINS, ("UPLOAD_META", "caption")]).await;
    let visit = server.visit().await;
    let with = |name: &str| {
        let mut request = with_checksum(sha256(b"abc"), by(Method::Post, file("a", "", 3)));
        request.file.meta = [(name, "admin")].into();
        request
    };
    for refused in [with("owner"), SignRequest { part_size: Some(5 << 20), ..with("owner") }] {
        let Err(Refusal::Malformed { reason }) = visit.sign_one(refused).await else { panic!("it was signed") };
        assert_eq!(reason, "the server takes no metadata of the name “owner”: UPLOAD_META does not have it.");
    }
    let signed = visit.sign_one(with("Caption")).await.unwrap();
    assert_eq!(&signed.parameters.fields["x-amz-meta-caption"], "admin");

    // Uppy sends all that it has, so what is not allowed costs no file.
    let (status, signed) =
        get(&server, "/s3/params?filename=a&metadata[name]=a&metadata[owner]=admin&metadata[caption]=c").await;
    let fields = signed["fields"].as_object().unwrap();
    let names: Vec<_> = fields.keys().filter_map(|name| name.strip_prefix("x-amz-meta-")).collect();
    assert_eq!((status, names), (200, vec!["caption"]));
    let client = Client::begin_with(&server, r#"{"owner":"admin","caption":"c"}"#).await;
    let etag = client.send_part(1, vec![1; 3]).await;
    client.complete(json!([{ "PartNumber": 1, "ETag": etag }])).await;
    let head = server.s3().head_object().bucket("uploads").key(&client.key).send().await.unwrap();
    assert_eq!(head.metadata().unwrap().keys().collect::<Vec<_>>(), ["caption"]);
}

#[tokio::test]
async fn without_a_word_from_the_operator_only_what_plugins_say_of_a_file_is_stored() {
    let server = TestServer::start_with(&[ORIGINS]).await;
    let query = "filename=a&metadata[name]=a&metadata[type]=b&metadata[relativePath]=c&metadata[owner]=admin";
    let (_, signed) = get(&server, &format!("/s3/params?{query}")).await;
    let fields = signed["fields"].as_object().unwrap();
    let mut names: Vec<_> = fields.keys().filter_map(|name| name.strip_prefix("x-amz-meta-")).collect();
    names.sort_unstable();
    assert_eq!(names, ["name", "relativepath", "type"]);
}
