//! What the embedded store removes, and what it leaves alone.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use leptos_aws_s3::s3::Method;
use reqwest::header::CONTENT_DISPOSITION;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    embedded_multipart::{PART, begin, complete, put},
    embedded_slots::bytes,
    support::{TestServer, by, file, send},
};

/// The files with attributes of objects.
fn attributes(server: &TestServer) -> Vec<PathBuf> {
    let paths = fs::read_dir(server.dir()).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(".bucket-")).collect()
}

async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), waiting).await.unwrap();
}

/// Lets an upload have begun eight days ago.
fn age(dir: &Path, id: &str) {
    let record = dir.join(format!(".multipart/{id}/upload.json"));
    let mut upload: Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    upload["initiated_ms"] = (upload["initiated_ms"].as_u64().unwrap() - 8 * 24 * 3_600_000).into();
    fs::write(&record, upload.to_string()).unwrap();
}

#[tokio::test]
async fn deleting_the_last_object_leaves_the_bucket() {
    let server = TestServer::start().await;
    let s3 = server.s3();
    for key in ["a", "folder/b"] {
        s3.put_object().bucket("uploads").key(key).body(vec![1].into()).send().await.unwrap();
    }
    for key in ["folder/b", "a", "a"] {
        s3.delete_object().bucket("uploads").key(key).send().await.unwrap();
    }
    assert_eq!(server.files(), [""; 0]);
    assert!(!server.dir().join("uploads/folder").exists());
    s3.head_bucket().bucket("uploads").send().await.unwrap();
}

#[tokio::test]
async fn an_object_whose_attributes_were_not_written_whole_is_served_without_them() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let signed = visit.sign_one(by(Method::Put, file("a.html", "text/html", 3))).await.unwrap();
    send(&server.http, &signed.parameters, "abc").await;
    for path in attributes(&server) {
        fs::write(path, "").unwrap();
    }
    let url: String = visit.call("object_url", json!({ "token": signed.token })).await;
    for _ in 0..2 {
        let response = server.http.get(&url).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.headers()[CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment"));
        assert_eq!(response.text().await.unwrap(), "abc");
        let size: Value = visit.call("confirm_upload", json!({ "token": signed.token })).await;
        assert_eq!(size["size"], 3);
    }
}

/// An upload whose completion has noted the object's attributes, and could not name the object.
async fn begin_unpublished(server: &TestServer) -> String {
    let s3 = server.s3();
    let id = begin(&s3, "a").await;
    let part = put(&s3, "a", &id, 1, &bytes(1, PART)).await.unwrap();
    let obstacle = server.dir().join("uploads/a");
    fs::create_dir(&obstacle).unwrap();
    assert_eq!(complete(&s3, "a", &id, &[&part]).await.unwrap(), "InternalError");
    fs::remove_dir(obstacle).unwrap();
    assert_eq!(attributes(server).len(), 2);
    id
}

#[tokio::test]
async fn what_a_completion_noted_goes_when_its_upload_is_aborted() {
    let server = TestServer::start().await;
    let id = begin_unpublished(&server).await;
    server.s3().abort_multipart_upload().bucket("uploads").key("a").upload_id(id).send().await.unwrap();
    assert_eq!(server.files(), [""; 0]);
}

#[tokio::test]
async fn what_a_completion_noted_goes_when_its_upload_is_too_old() {
    let server = TestServer::start().await;
    let id = begin_unpublished(&server).await;
    let dir = server.stop().await;
    age(dir.path(), &id);
    let server = TestServer::start_in(dir, &[]).await;
    until(|| attributes(&server).is_empty()).await;
    assert_eq!(server.unfinished().await, [""; 0]);
}

#[tokio::test]
async fn what_a_killed_server_had_of_an_uploads_first_part_is_removed_at_the_next_start() {
    let server = TestServer::start().await;
    let s3 = server.s3();
    let (id, other) = (begin(&s3, "a").await, begin(&s3, "b").await);
    put(&s3, "b", &other, 1, &bytes(1, PART)).await.unwrap();
    let dir = server.stop().await;
    fs::write(dir.path().join(format!(".multipart/{id}/slots.{PART}")), bytes(1, 1000)).unwrap();
    let server = TestServer::start_in(dir, &[]).await;
    let slots: Vec<_> = server.files().into_iter().filter(|name| name.contains("/slots.")).collect();
    assert_eq!(slots, [format!(".multipart/{other}/slots.{PART}")]);
    assert_eq!(server.unfinished().await.len(), 2);
}
