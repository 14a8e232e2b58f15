//! The embedded store writes parts where they will be in the object. What came late, twice or wrong must not be seen there.

use aws_sdk_s3::{Client, presigning::PresigningConfig, types::CompletedPart};
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    embedded_multipart::{PART, begin, complete, put},
    support::TestServer,
};

/// Bytes that tell parts, and tries, apart.
pub(crate) fn bytes(seed: u8, size: usize) -> Vec<u8> {
    (0..=250).cycle().take(size).map(|byte: u8| byte ^ seed).collect()
}

async fn object(s3: &Client, key: &str) -> Vec<u8> {
    let object = s3.get_object().bucket("uploads").key(key).send().await.unwrap();
    object.body.collect().await.unwrap().to_vec()
}

/// Compared by hash: a difference in megabytes is no help to print.
fn assert_same(object: &[u8], parts: &[&[u8]]) {
    assert_eq!(Sha256::digest(object), Sha256::digest(parts.concat()));
}

/// A request for a part of which only a beginning is sent, until `finish`.
pub(crate) struct SlowPart {
    connection: TcpStream,
    rest: Vec<u8>,
}

impl SlowPart {
    pub(crate) async fn begin(server: &TestServer, key: &str, id: &str, part: i32, bytes: &[u8]) -> Self {
        let request = server.s3().upload_part().bucket("uploads").key(key).upload_id(id).part_number(part);
        let for_a_minute = PresigningConfig::expires_in(Duration::from_mins(1)).unwrap();
        let signed = request.presigned(for_a_minute).await.unwrap();
        let (host, path) = signed.uri().strip_prefix("http://").unwrap().split_once('/').unwrap();
        let head = format!("PUT /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {}\r\n\r\n", bytes.len());
        let mut connection = TcpStream::connect(host).await.unwrap();
        connection.write_all(head.as_bytes()).await.unwrap();
        let (first, rest) = bytes.split_at(bytes.len() / 2);
        connection.write_all(first).await.unwrap();
        Self { connection, rest: rest.to_vec() }
    }

    /// The status with which the store answers.
    async fn finish(mut self) -> String {
        self.connection.write_all(&self.rest).await.unwrap();
        let mut answer = [0; 12];
        self.connection.read_exact(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[9..]).into_owned()
    }

    pub(crate) async fn break_off(mut self) {
        self.connection.shutdown().await.unwrap();
        // The store closes its side when it has given up.
        let _ = self.connection.read_to_end(&mut Vec::new()).await;
    }
}

/// Waits until a file whose name has `name` in it is there.
pub(crate) async fn until_there(server: &TestServer, name: &str) {
    let there = async {
        while !has(server, name) {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), there).await.unwrap();
}

fn has(server: &TestServer, name: &str) -> bool {
    server.files().iter().any(|file| file.contains(name))
}

#[cfg(unix)]
#[tokio::test]
async fn a_completed_upload_is_not_copied() {
    use std::os::unix::fs::MetadataExt;

    let server = TestServer::start().await;
    let s3 = server.s3();
    let id = begin(&s3, "a").await;
    let first = put(&s3, "a", &id, 1, &bytes(1, PART)).await.unwrap();
    let last = put(&s3, "a", &id, 2, &bytes(2, 10)).await.unwrap();
    let inode = |path: &str| server.dir().join(path).metadata().unwrap().ino();
    let received = inode(&format!(".multipart/{id}/slots.{PART}"));
    assert_eq!(complete(&s3, "a", &id, &[&first, &last]).await, None);
    assert_eq!(inode("uploads/a"), received);
    assert_same(&object(&s3, "a").await, &[&bytes(1, PART), &bytes(2, 10)]);
}

#[tokio::test]
async fn a_part_far_from_the_others_leaves_no_hole_before_it() {
    let server = TestServer::start().await;
    let s3 = server.s3();
    let id = begin(&s3, "a").await;
    let first = put(&s3, "a", &id, 1, &bytes(1, PART)).await.unwrap();
    let far = put(&s3, "a", &id, 10_000, &bytes(2, PART)).await.unwrap();
    assert!(has(&server, "10000."));
    let slots = server.dir().join(format!(".multipart/{id}/slots.{PART}"));
    assert_eq!(slots.metadata().unwrap().len(), PART as u64);
    assert_eq!(complete(&s3, "a", &id, &[&first, &far]).await, None);
    assert_same(&object(&s3, "a").await, &[&bytes(1, PART), &bytes(2, PART)]);
}

#[tokio::test]
async fn parts_come_in_any_order_twice_and_wrong_and_the_object_is_right() {
    let server = TestServer::start().await;
    let s3 = server.s3();
    let id = begin(&s3, "a").await;
    let parts = [bytes(1, PART), bytes(2, PART), bytes(3, PART), bytes(4, 1_000)];
    let last = put(&s3, "a", &id, 4, &parts[3]).await.unwrap();
    let third = put(&s3, "a", &id, 3, &parts[2]).await.unwrap();
    put(&s3, "a", &id, 1, &bytes(9, PART)).await.unwrap();
    let first = put(&s3, "a", &id, 1, &parts[0]).await.unwrap();
    let wrong = s3.upload_part().bucket("uploads").key("a").upload_id(&id).part_number(2);
    let wrong = wrong.checksum_sha256("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").body(bytes(9, PART).into());
    assert!(wrong.send().await.is_err());
    let second = put(&s3, "a", &id, 2, &parts[1]).await.unwrap();
    assert_eq!(complete(&s3, "a", &id, &[&first, &second, &third, &last]).await, None);
    assert_same(&object(&s3, "a").await, &parts.each_ref().map(Vec::as_slice));
    assert_eq!(server.files().len(), 3, "an object and its attributes: {:?}", server.files());
}

#[tokio::test]
async fn an_object_of_some_of_the_parts_has_their_bytes_alone() {
    let server = TestServer::start().await;
    let s3 = server.s3();
    let parts: Vec<Vec<u8>> = (0..4).map(|seed| bytes(seed, PART)).collect();
    for (key, wanted) in [("a", &[0, 1][..]), ("b", &[0, 2]), ("c", &[1, 3]), ("d", &[3]), ("e", &[0, 1, 2, 3])] {
        let id = begin(&s3, key).await;
        let mut sent = Vec::new();
        for (number, part) in (1..).zip(&parts) {
            sent.push(put(&s3, key, &id, number, part).await.unwrap());
        }
        let asked: Vec<&CompletedPart> = wanted.iter().map(|part| &sent[*part]).collect();
        assert_eq!(complete(&s3, key, &id, &asked).await, None);
        let wanted: Vec<&[u8]> = wanted.iter().map(|part| parts[*part].as_slice()).collect();
        assert_same(&object(&s3, key).await, &wanted);
    }
    assert_eq!(server.unfinished().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_comes_when_the_object_is_there_changes_nothing() {
    let server = TestServer::start().await;
    let s3 = server.s3();
    let id = begin(&s3, "a").await;
    let parts = [bytes(1, PART), bytes(2, PART)];
    let late = SlowPart::begin(&server, "a", &id, 3, &bytes(3, PART)).await;
    until_there(&server, "slots.").await;
    let first = put(&s3, "a", &id, 1, &parts[0]).await.unwrap();
    let second = put(&s3, "a", &id, 2, &parts[1]).await.unwrap();
    assert_eq!(complete(&s3, "a", &id, &[&first, &second]).await, None);
    assert_eq!(late.finish().await, "404", "the upload is over");
    assert_same(&object(&s3, "a").await, &[&parts[0], &parts[1]]);
}

#[tokio::test]
async fn two_requests_for_one_part_do_not_mix_their_bytes() {
    let server = TestServer::start().await;
    let s3 = server.s3();
    let id = begin(&s3, "a").await;
    let parts = [bytes(1, PART), bytes(2, PART)];
    let slow = SlowPart::begin(&server, "a", &id, 1, &bytes(9, PART)).await;
    until_there(&server, "slots.").await;
    put(&s3, "a", &id, 1, &bytes(8, PART)).await.unwrap();
    assert_eq!(slow.finish().await, "200");
    let first = put(&s3, "a", &id, 1, &parts[0]).await.unwrap();
    let second = put(&s3, "a", &id, 2, &parts[1]).await.unwrap();
    assert_eq!(complete(&s3, "a", &id, &[&first, &second]).await, None);
    assert_same(&object(&s3, "a").await, &[&parts[0], &parts[1]]);
}

#[tokio::test]
async fn a_part_that_broke_off_is_sent_to_the_same_place_again() {
    let server = TestServer::start().await;
    let s3 = server.s3();
    let id = begin(&s3, "a").await;
    let broken = SlowPart::begin(&server, "a", &id, 1, &bytes(9, PART)).await;
    until_there(&server, "slots.").await;
    broken.break_off().await;
    let parts = [bytes(1, PART), bytes(2, 10)];
    let first = put(&s3, "a", &id, 1, &parts[0]).await.unwrap();
    assert!(has(&server, "00001.json") && server.files().len() == 3, "and to no other: {:?}", server.files());
    let second = put(&s3, "a", &id, 2, &parts[1]).await.unwrap();
    assert_eq!(complete(&s3, "a", &id, &[&first, &second]).await, None);
    assert_same(&object(&s3, "a").await, &[&parts[0], &parts[1]]);
}

#[tokio::test]
async fn an_object_that_only_lacked_its_name_gets_it_at_the_next_start() {
    let server = TestServer::start().await;
    let s3 = server.s3();
    let id = begin(&s3, "folder/a").await;
    put(&s3, "folder/a", &id, 1, &bytes(1, PART)).await.unwrap();
    let dir = server.stop().await;
    // As a server leaves it that is killed between the last two steps of a completion.
    let unfinished = dir.path().join(".multipart");
    std::fs::rename(unfinished.join(&id), unfinished.join(format!("done-{PART}-{id}"))).unwrap();
    let server = TestServer::start_in(dir, &[]).await;
    assert_same(&object(&server.s3(), "folder/a").await, &[&bytes(1, PART)]);
    assert_eq!(server.unfinished().await, Vec::<String>::new());
    let dir = server.stop().await;
    // And as it leaves it a moment later.
    let done = dir.path().join(".multipart/done-1-x");
    std::fs::create_dir_all(&done).unwrap();
    std::fs::write(
        done.join("upload.json"),
        r#"{"bucket":"uploads","key":"b","attributes":{},"with_sha256":false,"initiated_ms":0}"#,
    )
    .unwrap();
    // And one that can't be read.
    let unreadable = dir.path().join(format!(".multipart/done-{PART}-y"));
    std::fs::create_dir_all(&unreadable).unwrap();
    std::fs::write(unreadable.join(format!("slots.{PART}")), "x").unwrap();
    let server = TestServer::start_in(dir, &[]).await;
    assert_eq!(server.files(), [&format!(".multipart/y/slots.{PART}"), "uploads/folder/a"]);
}

#[tokio::test]
async fn an_upload_whose_object_can_not_get_its_name_goes_on() {
    let server = TestServer::start().await;
    let s3 = server.s3();
    let id = begin(&s3, "a").await;
    let part = put(&s3, "a", &id, 1, &bytes(1, PART)).await.unwrap();
    // A folder has the name.
    std::fs::create_dir(server.dir().join("uploads/a")).unwrap();
    assert_eq!(complete(&s3, "a", &id, &[&part]).await.unwrap(), "InternalError");
    assert_eq!(server.unfinished().await, std::slice::from_ref(&id));
    std::fs::remove_dir(server.dir().join("uploads/a")).unwrap();
    assert_eq!(complete(&s3, "a", &id, &[&part]).await, None);
    assert_same(&object(&s3, "a").await, &[&bytes(1, PART)]);
}
