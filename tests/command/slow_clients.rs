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
        // Small, so that the answer does not fit into the system's buffers.
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
    assert!((1..CONNECTIONS / 2).contains(&compressed), "{compressed} answers are compressed");
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
