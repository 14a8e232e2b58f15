//! What a file is called and what it is, once it is stored.

use leptos_aws_s3::s3::{Method, Object, UploadToken};
use percent_encoding::percent_decode_str;
use reqwest::{
    Response,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE},
};
use serde_json::json;

use crate::{
    companion::{Client, ORIGINS, get},
    support::{TestServer, Visit, by, file, in_parts, send, sha256},
};

const WAYS: [Way; 3] = [Way::Put, Way::Post, Way::Multipart];

#[derive(Clone, Copy, Debug)]
enum Way {
    Put,
    Post,
    Multipart,
}

/// Uploads a file of 3 bytes, and downloads it.
async fn round_trip(visit: &Visit<'_>, way: Way, name: &str, content_type: &str) -> Response {
    let token = match way {
        Way::Put => upload(visit, Method::Put, name, content_type).await,
        Way::Post => upload(visit, Method::Post, name, content_type).await,
        Way::Multipart => upload_parts(visit, name, content_type).await,
    };
    let url: String = visit.call("object_url", json!({ "token": token })).await;
    visit.server.http.get(url).send().await.unwrap()
}

async fn upload(visit: &Visit<'_>, method: Method, name: &str, content_type: &str) -> UploadToken {
    let signed = visit.sign_one(by(method, file(name, content_type, 3))).await.unwrap();
    let sent = send(&visit.server.http, &signed.parameters, "abc").await;
    assert!(sent.status().is_success(), "{name}: {}", sent.text().await.unwrap());
    signed.token.unwrap()
}

async fn upload_parts(visit: &Visit<'_>, name: &str, content_type: &str) -> UploadToken {
    let (_, token) = visit.begin(in_parts(5 << 20, file(name, content_type, 3))).await;
    let sum = sha256(b"abc");
    assert_eq!(visit.send_part(&token, 1, b"abc", Some(sum.clone())).await.status(), 200);
    visit.call::<Object>("complete_upload", json!({ "token": token, "checksums": [sum] })).await;
    token
}

/// The name under which a browser saves an answer.
fn saved_as(answer: &Response) -> String {
    let header = answer.headers()[CONTENT_DISPOSITION].to_str().unwrap();
    let (_, encoded) = header.split_once("filename*=UTF-8''").unwrap();
    percent_decode_str(encoded).decode_utf8().unwrap().into_owned()
}

#[tokio::test]
async fn a_download_has_exactly_the_name_that_the_file_had() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let scotland = "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}.svg";
    for name in ["می\u{200c}خواهم.txt", "👨\u{200d}👩\u{200d}👧.png", "❤\u{fe0f}.png", scotland, " two  spaces .txt"]
    {
        for way in WAYS {
            assert_eq!(saved_as(&round_trip(&visit, way, name, "a/b").await), name, "{way:?}");
        }
    }
    let spoof = round_trip(&visit, Way::Put, "photo\u{202e}gpj.exe", "a/b").await;
    assert_eq!(saved_as(&spoof), "photogpj.exe");
}

#[tokio::test]
async fn a_file_without_a_type_is_stored_as_its_extension_says_and_counts_as_an_image() {
    let server = TestServer::start_with(&[("UPLOAD_ALLOWED_TYPES", "image/*,text/markdown")]).await;
    let visit = server.visit().await;
    for (name, said, stored) in [
        ("IMG_1.heic", "", "image/heic"),
        ("note.md", "", "text/markdown"),
        ("a.png", "foo", "image/png"),
        ("a.png", "a/b c", "image/png"),
        ("a", "image/png; charset=x", "image/png; charset=x"),
    ] {
        for way in WAYS {
            let answer = round_trip(&visit, way, name, said).await;
            assert_eq!(answer.headers()[CONTENT_TYPE], stored, "{name} by {way:?}");
        }
    }
    let refused = visit.sign_one(file("film.mp4", "", 3)).await.unwrap_err().to_string();
    assert!(refused.starts_with("Files of type video/mp4 are not accepted here."), "{refused}");
}

#[tokio::test]
async fn a_type_that_is_none_becomes_the_default() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    for way in WAYS {
        let answer = round_trip(&visit, way, "data", "foo").await;
        assert_eq!(answer.headers()[CONTENT_TYPE], "application/octet-stream", "{way:?}");
    }
}

#[tokio::test]
async fn uppys_files_without_a_type_have_their_extensions_too() {
    let server = TestServer::start_with(&[ORIGINS, ("UPLOAD_ALLOWED_TYPES", "image/*")]).await;
    for said in ["", "application%2Foctet-stream", "foo"] {
        let (status, signed) = get(&server, &format!("/s3/params?filename=IMG_1.heic&type={said}")).await;
        assert_eq!((status, &signed["fields"]["Content-Type"]), (200, &json!("image/heic")), "{signed}");
    }
    let client = Client::begin_as(&server, "IMG_1.heic", "application/octet-stream").await;
    let etag = client.send_part(1, vec![1; 3]).await;
    assert_eq!(client.complete(json!([{ "PartNumber": 1, "ETag": etag }])).await.0, 200);
    let head = server.s3().head_object().bucket("uploads").key(&client.key).send().await.unwrap();
    assert_eq!(head.content_type(), Some("image/heic"));
}

/// Names that filters of ad blockers have.
const BLOCKED: [&str; 3] = ["spacer.gif", "adcode_1.js", "banner-728x90.png"];

#[tokio::test]
async fn no_url_shows_what_a_file_is_called() {
    let server = TestServer::start_with(&[ORIGINS]).await;
    let visit = server.visit().await;
    for name in BLOCKED {
        for way in WAYS {
            let answer = round_trip(&visit, way, name, "").await;
            assert_eq!(saved_as(&answer), name);
            assert!(!answer.url().as_str().contains(&name[..4]), "{way:?}: {}", answer.url());
        }
        for method in [Method::Put, Method::Post] {
            let signed = visit.sign_one(by(method, file(name, "", 3))).await.unwrap();
            assert!(!signed.parameters.url.contains(&name[..4]), "{}", signed.parameters.url);
            let id = signed.parameters.fields["key"].strip_prefix("uploads/").unwrap().to_owned();
            assert!(id.len() == 26 && id.bytes().all(|b| b.is_ascii_alphanumeric()), "{id}");
        }
        let client = Client::begin(&server, name).await;
        let (_, signed) = get(&server, &client.path("/1")).await;
        assert!(!signed["url"].as_str().unwrap().contains(&name[..4]), "{signed}");
    }
}

#[tokio::test]
async fn a_key_shows_the_name_where_the_operator_wants_it() {
    let server = TestServer::start_with(&[ORIGINS, ("UPLOAD_KEY_NAME", "true")]).await;
    let visit = server.visit().await;
    for way in WAYS {
        let answer = round_trip(&visit, way, "a b.txt", "").await;
        assert!(answer.url().path().ends_with("/a%20b.txt"), "{}", answer.url());
    }
    let (_, signed) = get(&server, "/s3/params?filename=Gr%C3%BC%C3%9Fe+%26.txt").await;
    assert!(signed["fields"]["key"].as_str().unwrap().ends_with("/Grüße &.txt"), "{signed}");
}
