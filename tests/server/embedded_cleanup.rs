//! What the embedded store removes, and what it leaves alone.

use std::fs;

use crate::{
    embedded_multipart::{PART, begin, put},
    embedded_slots::bytes,
    support::TestServer,
};

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
