//! What Companion's routes do not do, in Companion's words where it has any.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use axum::{
    Router,
    http::{StatusCode, Uri, header::CONTENT_LENGTH},
};
use leptos_aws_s3::s3::{SignRequest, UploadParameters};
use proptest::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    companion::{Client, ORIGINS, PART, call, encoded, get, post},
    support::{TestServer, file, in_parts, router_for, send, serve},
};

const FILENAME: &str = r#"s3: the "filename" field is required and must be a non-empty string"#;
const QUERY_FILENAME: &str = r#"s3: the "filename" query parameter is required and must be a non-empty string"#;
const KEY: &str = r#"s3: the object key must be passed as a query parameter. For example: "?key=abc.jpg""#;

#[tokio::test]
async fn without_origins_the_protocol_is_not_served() {
    let server = TestServer::start().await;
    for path in ["/s3/params?filename=a", "/s3/sts", "/s3/multipart/x?key=a"] {
        assert_eq!(get(&server, path).await, (404, json!({ "message": "Not Found" })), "{path}");
    }
    let created = post(&server, "/s3/multipart", json!({ "filename": "a", "type": "a/b" })).await;
    assert_eq!(created, (404, json!({ "message": "Not Found" })));
}

#[tokio::test]
async fn other_methods_are_not_known() {
    let server = TestServer::start_with(&[ORIGINS]).await;
    for (method, path) in [(Method::POST, "/s3/sts"), (Method::PUT, "/s3/multipart/x"), (Method::POST, "/s3/params")] {
        assert_eq!(call(&server, method, path).await, (404, json!({ "message": "Not Found" })), "{path}");
    }
}

#[tokio::test]
async fn what_is_missing_is_said_in_companions_words() {
    let server = TestServer::start_with(&[ORIGINS]).await;
    let client = Client::begin(&server, "a").await;
    let id = &client.id;
    let numbers = "s3: the part numbers must be a number between 1 and 10000.";
    for (path, text) in [
        ("/s3/params".to_owned(), QUERY_FILENAME),
        (format!("/s3/multipart/{id}"), KEY),
        (format!("/s3/multipart/{id}/1"), KEY),
        (format!("/s3/multipart/{id}/batch?partNumbers=1"), KEY),
        (client.path("/0"), "s3: the part number must be a number between 1 and 10000."),
        (client.path("/10001"), "s3: the part number must be a number between 1 and 10000."),
        (client.path("/batch?partNumbers=1,x"), numbers),
        (
            client.path("/batch"),
            r#"s3: the part numbers must be passed as a comma separated query parameter. For example: "?partNumbers=4,6,7,21""#,
        ),
    ] {
        assert_eq!(get(&server, &path).await, (400, json!({ "error": text, "message": text })), "{path}");
    }
    let (status, error) = call(&server, Method::DELETE, &format!("/s3/multipart/{id}")).await;
    assert_eq!((status, &error["error"]), (400, &json!(KEY)));
    for (body, text) in
        [(json!({ "type": "a/b" }), FILENAME), (json!({ "filename": "a" }), "s3: content type must be a string")]
    {
        let (status, error) = post(&server, "/s3/multipart", body).await;
        assert_eq!((status, &error["error"]), (400, &json!(text)));
    }
    for parts in [json!(null), json!([]), json!([{ "PartNumber": "1", "ETag": "x" }])] {
        let (status, error) = client.complete(parts).await;
        let text = "s3: `parts` must be an array of {ETag, PartNumber} objects.";
        assert_eq!((status, &error["error"]), (400, &json!(text)));
    }
}

#[tokio::test]
async fn limits_hold_for_forms_of_unknown_size() {
    let limits = [ORIGINS, ("UPLOAD_MAX_SIZE", "1kB"), ("UPLOAD_ALLOWED_TYPES", "text/plain,.csv")];
    let server = TestServer::start_with(&limits).await;
    let (status, signed) = get(&server, "/s3/params?filename=a.txt&type=text/plain").await;
    assert_eq!(status, 200);
    let form: UploadParameters = serde_json::from_value(signed).unwrap();
    assert_eq!(send(&server.http, &form, vec![0; 1001]).await.status(), 400);
    assert_eq!(server.files(), Vec::<String>::new());
    assert_eq!(send(&server.http, &form, vec![0; 1000]).await.status(), 201);
    let mut other = form;
    other.fields.insert("Content-Type", "text/html");
    assert_eq!(send(&server.http, &other, "x").await.status(), 400);

    for query in ["filename=a.png&type=image/png", "filename=a.exe", "filename=a.png&type=nonsense"] {
        assert_eq!(get(&server, &format!("/s3/params?{query}")).await.0, 400, "{query}");
    }
    let image = json!({ "filename": "a.png", "type": "image/png" });
    let (status, error) = post(&server, "/s3/multipart", image).await;
    let text = "s3: Files of type image/png are not accepted here. Accepted: text/plain, .csv.";
    assert_eq!((status, &error["error"]), (400, &json!(text)));
    assert_eq!(server.unfinished().await, Vec::<String>::new());
}

#[tokio::test]
async fn parts_that_are_more_than_the_limit_never_become_an_object() {
    let server = TestServer::start_with(&[ORIGINS, ("UPLOAD_MAX_SIZE", "6MiB")]).await;
    let client = Client::begin(&server, "film.mp4").await;
    let (status, error) = get(&server, &client.path("/3")).await;
    let text = "s3: This file is too large: 10.0 MiB. The limit is 6.0 MiB.";
    assert_eq!((status, &error["error"]), (400, &json!(text)), "no file of 6 MiB has a third part");
    assert_eq!(get(&server, &client.path("/batch?partNumbers=1,2,3")).await.0, 400);

    let etags = [client.send_part(1, vec![1; PART]).await, client.send_part(2, vec![2; PART]).await];
    let parts: Vec<_> = (1..).zip(etags).map(|(part, etag)| json!({ "PartNumber": part, "ETag": etag })).collect();
    let (status, error) = client.complete(parts.into()).await;
    assert_eq!((status, &error["error"]), (400, &json!(text)));
    assert_eq!((server.unfinished().await, server.files()), (Vec::<String>::new(), Vec::<String>::new()));
}

#[tokio::test]
async fn once_the_store_has_more_than_the_limit_no_part_is_signed_and_all_are_deleted() {
    let server = TestServer::start_with(&[ORIGINS, ("UPLOAD_MAX_SIZE", "6MiB")]).await;
    let text = "s3: This file is too large: 10.0 MiB. The limit is 6.0 MiB.";
    for call in ["/2", "/batch?partNumbers=1,2", ""] {
        let client = Client::begin(&server, "film.mp4").await;
        client.send_part(1, vec![1; PART]).await;
        client.send_part(2, vec![2; PART]).await;
        let (status, error) = get(&server, &client.path(call)).await;
        assert_eq!((status, &error["error"]), (400, &json!(text)), "{call}");
        assert_eq!((server.unfinished().await, server.files()), (Vec::<String>::new(), Vec::<String>::new()));
        assert_eq!(get(&server, &client.path("")).await.0, 404);
    }
    let client = Client::begin(&server, "film.mp4").await;
    client.send_part(1, vec![1; 6 << 20]).await;
    assert_eq!(get(&server, &client.path("/2")).await.0, 200, "as much as the limit is not more");
}

/// A store in which an object turns out larger than its parts were: one was replaced while they were put together.
#[tokio::test]
async fn an_object_that_the_store_shows_to_be_too_large_is_deleted_again() {
    for (size, status, deleted) in [("7", 200, 0), ("9", 409, 0), ("11", 400, 1)] {
        let deletes = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&deletes);
        let is_completed = Arc::new(AtomicBool::new(false));
        let store = Router::new().fallback(move |method: Method, uri: Uri| {
            let query = uri.query().unwrap_or_default();
            is_completed.fetch_or(method == Method::POST && query.contains("uploadId"), Ordering::SeqCst);
            let is_absent = method == Method::HEAD && !is_completed.load(Ordering::SeqCst);
            let answered = if is_absent { StatusCode::NOT_FOUND } else { StatusCode::OK };
            let body = match method {
                Method::POST if query.contains("uploads") => "<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>",
                Method::POST => "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>",
                Method::GET => {
                    "<ListPartsResult><Part><PartNumber>1</PartNumber><ETag>x</ETag><Size>7</Size></Part></ListPartsResult>"
                },
                _ => "",
            };
            if method == Method::DELETE && !query.contains("uploadId") {
                count.fetch_add(1, Ordering::SeqCst);
            }
            async move {
                (
                    answered,
                    [(CONTENT_LENGTH, if method == Method::HEAD { size.to_owned() } else { body.len().to_string() })],
                    body,
                )
            }
        });
        let endpoint = serve(store).await;
        let bucket = [("S3_BUCKET", "photos"), ("S3_ENDPOINT", endpoint.as_str())];
        let url = serve(router_for(&[&[ORIGINS, ("UPLOAD_MAX_SIZE", "10")], &bucket[..]].concat())).await;
        let http = reqwest::Client::new();
        let create = http.post(format!("{url}/s3/multipart")).body(r#"{"filename":"a","type":""}"#);
        let begun: Value = create.send().await.unwrap().json().await.unwrap();
        let text = |name: &str| begun[name].as_str().unwrap_or_else(|| panic!("{begun}")).to_owned();
        let (id, key) = (text("uploadId"), text("key"));
        let complete = http.post(format!("{url}/s3/multipart/{id}/complete?key={key}"));
        let answer = complete.json(&json!({ "parts": [{ "PartNumber": 1, "ETag": "x" }] })).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), deletes.load(Ordering::SeqCst)), (status, deleted), "{size} bytes");
    }
}

#[tokio::test]
async fn parts_become_an_object_only_as_they_are_named() {
    let server = TestServer::start_with(&[ORIGINS]).await;
    let client = Client::begin(&server, "film.mp4").await;
    let etag = client.send_part(1, vec![1; 10]).await;
    for parts in [
        json!([{ "PartNumber": 2, "ETag": etag }]),
        json!([{ "PartNumber": 1, "ETag": "\"d41d8cd98f00b204e9800998ecf8427e\"" }]),
    ] {
        let (status, error) = client.complete(parts).await;
        assert_eq!(status, 409, "{error}");
    }
    assert_eq!(server.unfinished().await.len(), 1);
}

/// Every call about an upload.
async fn every_call(server: &TestServer, id: &str, key: &str) -> Vec<(u16, Value)> {
    let path = |rest: &str, query: &str| format!("/s3/multipart/{id}{rest}?key={}{query}", encoded(key));
    vec![
        get(server, &path("", "")).await,
        get(server, &path("/1", "")).await,
        get(server, &path("/batch", "&partNumbers=1")).await,
        post(server, &path("/complete", ""), json!({ "parts": [{ "PartNumber": 1, "ETag": "x" }] })).await,
        call(server, Method::DELETE, &path("", "")).await,
    ]
}

#[tokio::test]
async fn no_client_touches_another_upload_than_its_own() {
    let server = TestServer::start_with(&[ORIGINS]).await;
    let (one, other) = (Client::begin(&server, "one").await, Client::begin(&server, "other").await);
    let store_id = server.unfinished().await.remove(0);
    // Of our own page's visitor, whose cookie is what its token is good with.
    let visit = server.visit().await;
    let (reserved, own) = visit.begin(in_parts(PART as u64, file("own", "", 10))).await;
    let own_key = visit.sign_one(SignRequest { ..reserved }).await.unwrap().parameters.fields["key"].to_owned();
    let changed = format!("B{}", &one.id[1..]);
    for (what, id, key) in [
        ("another key", &one.id, &other.key),
        ("a changed id", &changed, &one.key),
        ("the store's id", &store_id, &one.key),
        ("a token of our page", &own.as_str().to_owned(), &own_key),
    ] {
        for (status, error) in every_call(&server, id, key).await {
            assert_eq!(status, 403, "{what}: {error}");
        }
    }
    for function in ["confirm_upload", "list_parts", "discard_upload"] {
        let refused = visit.refused(function, json!({ "token": one.id })).await;
        assert_eq!(refused, (403, json!({ "Refused": "TokenInvalid" })), "{function}");
    }
    assert_eq!(server.unfinished().await.len(), 3, "all are as they were");
}

#[tokio::test]
async fn an_upload_that_took_too_long_has_expired() {
    let server = TestServer::start_with(&[ORIGINS, ("UPLOAD_EXPIRES", "1"), ("UPLOAD_TOKEN_EXPIRES", "1")]).await;
    let client = Client::begin(&server, "a").await;
    let expired = async { while get(&server, &client.path("")).await.0 != 410 {} };
    tokio::time::timeout(std::time::Duration::from_secs(10), expired).await.unwrap();
    assert!(every_call(&server, &client.id, &client.key).await.iter().all(|(status, _)| *status == 410));
}

#[tokio::test]
async fn bodies_have_the_limits_that_companion_has() {
    let server = TestServer::start_with(&[ORIGINS]).await;
    let client = Client::begin(&server, "a").await;
    let complete = client.path("/complete");
    for (path, bytes, status) in [
        ("/s3/multipart", 100 << 10, 400),
        ("/s3/multipart", (100 << 10) + 1, 413),
        ("/s3/multipart", 20 << 20, 413),
        (&complete, 1 << 20, 400),
        (&complete, (1 << 20) + 1, 413),
    ] {
        let answer = server.http.post(server.url(path)).body(vec![b' '; bytes]).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}, {bytes}");
        assert!(answer.json::<Value>().await.unwrap()["error"].is_string());
    }
    let parts: Vec<_> =
        (1..=10_000).map(|part| json!({ "PartNumber": part, "ETag": format!("{part:032x}") })).collect();
    assert_eq!(client.complete(parts.into()).await.0, 409, "ten thousand parts fit");
}

#[tokio::test]
async fn where_a_store_would_take_forms_of_any_size_none_is_signed() {
    for (provider, title) in [("r2", "Cloudflare R2"), ("supabase", "Supabase")] {
        let env = [
            ORIGINS,
            ("S3_PROVIDER", provider),
            ("S3_BUCKET", "photos"),
            ("S3_ENDPOINT", "http://127.0.0.1:9"),
            ("AWS_REGION", "eu-central-1"),
        ];
        let url = serve(router_for(&env)).await;
        let answer = reqwest::get(format!("{url}/s3/params?filename=a")).await.unwrap();
        let (status, error) = (answer.status(), answer.json::<Value>().await.unwrap()["error"].to_string());
        let text = format!("{title} has no forms that limit a file's size. Send it in parts");
        assert!(status == 400 && error.contains(&text), "{status}: {error}");
    }
}

/// One server for all cases: each only says what is refused.
fn shared() -> &'static (Runtime, TestServer) {
    static SHARED: OnceLock<(Runtime, TestServer)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(TestServer::start_with(&[ORIGINS, ("UPLOAD_ALLOWED_TYPES", "image/png")]));
        (runtime, server)
    })
}

/// Text in which what matters to a URL, and to these routes, is likelier than in any.
fn awkward() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("%00".to_owned()),
        Just("%2e%2e%2f".to_owned()),
        Just("%ff".to_owned()),
        Just("metadata[".to_owned()),
        Just("batch".to_owned()),
        Just("filename=".to_owned()),
        Just("&key=".to_owned()),
        Just("type=image/png".to_owned()),
        "[0-9]{1,6}",
        any::<String>().prop_map(|text| encoded(&text)),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_path_query_or_body_makes_the_server_fail_or_sign(
        id in awkward(), part in awkward(), query in awkward(), body in prop_oneof![awkward(), any::<String>()],
    ) {
        let (runtime, server) = shared();
        runtime.block_on(async {
            let part = part.replace('/', "");
            for (method, path) in [
                (Method::GET, format!("/s3/params?filename={part}&type=text/plain&{query}")),
                (Method::POST, "/s3/multipart".to_owned()),
                (Method::GET, format!("/s3/multipart/{id}?key={query}")),
                (Method::GET, format!("/s3/multipart/{id}/{part}?key={query}")),
                (Method::GET, format!("/s3/multipart/{id}/batch?key={query}&partNumbers={part}")),
                (Method::POST, format!("/s3/multipart/{id}/complete?key={query}")),
                (Method::DELETE, format!("/s3/multipart/{id}?key={query}")),
            ] {
                let response = server.http.request(method.clone(), server.url(&path)).body(body.clone()).send().await.unwrap();
                assert!(response.status().is_client_error(), "{method} {path}: {}", response.status());
                let text = response.text().await.unwrap();
                assert!(!text.to_lowercase().contains("x-amz-signature"), "{text}");
            }
        });
    }
}
