//! A client whose bytes come too slowly holds nothing for long; one on a slow line may take its time.

use std::{fs, path::PathBuf, time::Duration};

use aws_sdk_s3::presigning::PresigningConfig;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{self, timeout},
};

use crate::{embedded_multipart::begin, support::TestServer};

/// Nothing here takes so long.
const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// The files of the server's directory that are open in this process, which is the server too.
fn open_files(server: &TestServer) -> Vec<PathBuf> {
    let descriptors = fs::read_dir("/proc/self/fd").unwrap();
    let files = descriptors.filter_map(|descriptor| fs::read_link(descriptor.unwrap().path()).ok());
    files.filter(|file| file.starts_with(server.dir()) && !file.ends_with(".keys.json")).collect()
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    timeout(TEST_TIMEOUT, waiting).await.unwrap_or_else(|_| panic!("not {what}"));
}

/// A signed request for a part, of which the head and these bytes are sent.
async fn send_part(server: &TestServer, size: usize, first: &[u8]) -> TcpStream {
    let id = begin(&server.s3(), "a").await;
    let request = server.s3().upload_part().bucket("uploads").key("a").upload_id(id).part_number(1);
    let signed = request.presigned(PresigningConfig::expires_in(Duration::from_hours(1)).unwrap()).await.unwrap();
    let (host, path) = signed.uri().strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut connection = TcpStream::connect(host).await.unwrap();
    let head = format!("PUT /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {size}\r\n\r\n");
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(first).await.unwrap();
    until("written", || !open_files(server).is_empty()).await;
    connection
}

/// So much later, on every clock but the system's, the bytes come. The store has them when it has answered another request.
async fn send_later(server: &TestServer, connection: &mut TcpStream, delay: Duration, bytes: &[u8]) -> bool {
    time::pause();
    time::advance(delay).await;
    time::resume();
    let is_sent = connection.write_all(bytes).await.is_ok();
    server.http.get(server.store_url("/")).send().await.unwrap();
    is_sent
}

#[tokio::test]
async fn a_signed_part_of_which_a_byte_comes_now_and_then_holds_no_file_and_no_connection() {
    let server = TestServer::start().await;
    let mut connection = send_part(&server, 5 << 20, &[0; 1000]).await;
    for _ in 0..8 {
        if !send_later(&server, &mut connection, Duration::from_secs(20), &[0]).await {
            break;
        }
    }
    until("closed", || open_files(&server).is_empty()).await;
    let end = timeout(TEST_TIMEOUT, connection.read_to_end(&mut Vec::new())).await;
    end.expect("the server closes the connection").ok();
}

#[tokio::test]
async fn a_part_on_a_line_of_a_kibibyte_a_second_arrives() {
    let server = TestServer::start().await;
    let (chunk, chunks) = (vec![7; 50 << 10], 12);
    let mut connection = send_part(&server, chunk.len() * chunks, &chunk).await;
    for _ in 1..chunks {
        assert!(send_later(&server, &mut connection, Duration::from_secs(50), &chunk).await);
    }
    let mut status = [0; 12];
    timeout(TEST_TIMEOUT, connection.read_exact(&mut status)).await.unwrap().unwrap();
    assert_eq!(String::from_utf8_lossy(&status), "HTTP/1.1 200");
}
