//! What clients that ask for nothing make the server hold: measured from outside, in the process as it is started.

use std::{fs, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::serve::{BINARY, Served};

const CONNECTIONS: usize = 300;

/// Longer than a first head may take, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The most memory that the process has had.
fn peak_memory(served: &Served) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", served.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() << 10
}

fn descriptors(served: &Served) -> usize {
    fs::read_dir(format!("/proc/{}/fd", served.id())).unwrap().count()
}

/// Sends the beginning of a head, and returns when the server has closed the connection.
async fn send_endless_head(host: String, bytes: usize) {
    let mut connection = TcpStream::connect(&host).await.unwrap();
    let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\nX: {}", "x".repeat(bytes));
    // The server may have closed it before all is sent.
    let _ = connection.write_all(head.as_bytes()).await;
    let _ = connection.read_to_end(&mut Vec::new()).await;
}

#[tokio::test]
async fn heads_that_never_end_take_64_kib_and_15_seconds_each_and_others_are_served_meanwhile() {
    let served = Served::start(BINARY, &[]).await;
    assert_eq!(served.status().await, 200);
    let (memory, before) = (peak_memory(&served), descriptors(&served));
    let mut heads = JoinSet::new();
    for nth in 0..CONNECTIONS {
        let bytes = if nth % 2 == 0 { 60_000 } else { 400_000 };
        heads.spawn(send_endless_head(served.host.clone(), bytes));
    }
    while descriptors(&served) < before + CONNECTIONS / 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(served.status().await, 200);
    timeout(PATIENCE, heads.join_all()).await.expect("the server closes connections without a head");
    let each = (peak_memory(&served) - memory) / CONNECTIONS;
    assert!(each < 150_000, "{each} bytes for each of {CONNECTIONS} connections");
    assert_eq!(served.status().await, 200);
    until(|| descriptors(&served) <= before).await;
}

/// Sends the head of a form and then file after file of it, until the server answers or closes the connection, or so many
/// bytes are sent.
async fn send_form(host: &str, head: &str, chunk: &[u8], chunks: usize) -> String {
    let (mut from, mut to) = TcpStream::connect(host).await.unwrap().into_split();
    let head = format!(
        "POST /uploads HTTP/1.1\r\nHost: {host}\r\nContent-Type: multipart/form-data; boundary=x\r\n{head}\r\n\r\n"
    );
    let chunk = chunk.to_vec();
    let sending = tokio::spawn(async move {
        to.write_all(head.as_bytes()).await?;
        for _ in 0..chunks {
            to.write_all(&chunk).await?;
        }
        to.flush().await
    });
    let mut answer = vec![0; 64];
    let bytes = timeout(PATIENCE, from.read(&mut answer)).await.expect("an answer, or an end").unwrap_or_default();
    sending.abort();
    String::from_utf8_lossy(&answer[..bytes]).into_owned()
}

#[tokio::test]
async fn a_form_without_a_signature_takes_no_memory_whether_it_says_its_size_or_not() {
    const MIB: usize = 1 << 20;
    let served = Served::start("/usr/bin/env", &["UPLOAD_MAX_SIZE=64MiB", BINARY]).await;
    assert_eq!(served.status().await, 200);
    let memory = peak_memory(&served);

    let file = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
    let chunk = format!("{MIB:x}\r\n{}\r\n", "x".repeat(MIB));
    let chunked = format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{file}\r", file.len());
    send_form(served.store(), &chunked, chunk.as_bytes(), 200).await;
    let too_large = send_form(served.store(), "Content-Length: 200000000", "x".repeat(MIB).as_bytes(), 190).await;
    assert!(too_large.is_empty() || too_large.contains(" 413 "), "{too_large}");

    // Fields, each in the limits of s3s's own.
    let field = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n".to_owned() + &"x".repeat(MIB) + "\r\n";
    for _ in 0..5 {
        send_form(served.store(), "Content-Length: 60000000", field.as_bytes(), 20).await;
    }
    let grown = peak_memory(&served) - memory;
    assert!(grown < 20 * MIB, "{grown} bytes");
    assert_eq!(served.status().await, 200);
}

#[tokio::test]
async fn answers_that_nobody_reads_are_not_all_compressed() {
    let dir = tempfile::tempdir().unwrap();
    let pkg = dir.path().join("target/site/pkg");
    fs::create_dir_all(&pkg).unwrap();
    let lines: Vec<_> = (0..30_000_u64).map(|line| line.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_string()).collect();
    let text = lines.join("\n");
    fs::write(pkg.join("a.js"), text).unwrap();
    let served = Served::start_in(dir, BINARY, &[]).await;
    assert_eq!(served.status().await, 200);
    let memory = peak_memory(&served);
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        // Small, so that little of the answer is in the buffers of the system.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut connection = socket.connect(served.host.parse().unwrap()).await.unwrap();
        let head = format!("GET /pkg/a.js HTTP/1.1\r\nHost: {}\r\nAccept-Encoding: br\r\n\r\n", served.host);
        connection.write_all(head.as_bytes()).await.unwrap();
        connections.push(connection);
    }
    let mut compressed = 0;
    for connection in &mut connections {
        let mut head = [0; 1024];
        let bytes = timeout(PATIENCE, connection.read(&mut head)).await.unwrap().unwrap();
        compressed += usize::from(String::from_utf8_lossy(&head[..bytes]).contains("content-encoding: br"));
    }
    let each = (peak_memory(&served) - memory) / CONNECTIONS;
    assert!(each < 1_000_000, "{each} bytes for each of {CONNECTIONS} connections");
    assert!(compressed > 0, "some answers are compressed");
}

#[tokio::test]
async fn connections_beyond_the_limit_take_the_places_of_those_that_ask_for_nothing() {
    let served = Served::start("/usr/bin/env", &["MAX_CONNECTIONS=10", BINARY]).await;
    assert_eq!(served.status().await, 200);
    let before = descriptors(&served);
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(TcpStream::connect(&served.host).await.unwrap());
    }
    assert_eq!(served.status().await, 200);
    until(|| descriptors(&served) <= before + 10).await;
    // The one that came first went first.
    let end = timeout(PATIENCE, connections[0].read(&mut [0])).await.expect("it is closed");
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
}

/// There is nothing to wait for from outside.
async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("what was opened is closed");
}
