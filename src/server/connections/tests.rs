use std::{io::ErrorKind::ConnectionReset, time::Instant};

use axum::routing::post;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

use super::*;

const LIMIT: Duration = Duration::from_millis(300);

/// For what has to happen within a limit, also on a busy machine.
const LONG_LIMIT: Duration = Duration::from_secs(2);

/// Nothing here takes so long.
const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// More bytes than systems keep on their way for a client that does not read.
const LARGE: usize = 64 << 20;

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const EXPECTING_HEAD: &str = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

/// A server that sends bodies back, and a connection to it.
struct Echo {
    client: TcpStream,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Echo {
    async fn start(limits: ConnectionLimits) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let router = Router::new().route("/", post(|body: String| async { body }).get(async || vec![0; LARGE]));
        let stopped = async { _ = stopped.await };
        let task = tokio::spawn(serve(listener, router, limits, stopped));
        Self { client: TcpStream::connect(addr).await.unwrap(), stop, task }
    }

    async fn send(&mut self, text: &str) {
        self.client.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads up to this text.
    async fn hear(&mut self, end: &str) {
        let mut heard = String::new();
        while !heard.ends_with(end) {
            heard.push(self.client.read_u8().await.unwrap_or_else(|error| panic!("{error} after {heard}")).into());
        }
    }

    async fn hear_end(&mut self) {
        let read = timeout(TEST_TIMEOUT, self.client.read(&mut [0])).await.expect("the server closes the connection");
        // The latter where something was still on its way.
        let is_end = read.as_ref().map_or_else(|error| error.kind() == ConnectionReset, |bytes| *bytes == 0);
        assert!(is_end, "{read:?}");
    }
}

fn with_head(head: Duration) -> ConnectionLimits {
    ConnectionLimits { first_head: head, head, ..ConnectionLimits::default() }
}

fn request(body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Returns after so long, or later on a busy machine: a server is the clock.
async fn pass(time: Duration) {
    Echo::start(with_head(time)).await.hear_end().await;
}

#[tokio::test]
async fn whoever_sends_half_a_head_or_none_has_so_long_and_no_longer() {
    for head in ["", "POST / HTTP/1.1\r\nHost: h\r\nContent-Le"] {
        let start = Instant::now();
        let mut echo = Echo::start(with_head(LIMIT)).await;
        echo.send(head).await;
        echo.hear_end().await;
        assert!(start.elapsed() >= LIMIT, "{head}");
    }
}

#[tokio::test]
async fn a_connection_that_was_used_has_as_long_again() {
    let mut echo = Echo::start(with_head(LONG_LIMIT)).await;
    echo.send(&request("one")).await;
    echo.hear("one").await;
    pass(LIMIT).await;
    let start = Instant::now();
    echo.send(&request("two")).await;
    echo.hear("two").await;
    echo.hear_end().await;
    assert!(start.elapsed() >= LONG_LIMIT, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_body_may_take_longer_than_a_head() {
    let mut echo = Echo::start(with_head(LONG_LIMIT)).await;
    echo.send(EXPECTING_HEAD).await;
    echo.hear(CONTINUE).await;
    echo.send("ab").await;
    pass(LONG_LIMIT + LIMIT).await;
    echo.send("cd").await;
    echo.hear("abcd").await;
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_cut_off() {
    let mut echo = Echo::start(ConnectionLimits { answer: LIMIT, ..ConnectionLimits::default() }).await;
    echo.send(GET).await;
    pass(LONG_LIMIT).await;
    let mut heard = Vec::new();
    let end =
        timeout(TEST_TIMEOUT, echo.client.read_to_end(&mut heard)).await.expect("the server closes the connection");
    assert!(heard.len() < LARGE, "{end:?} after {} bytes", heard.len());
}

#[tokio::test]
async fn an_answer_that_is_read_slowly_is_not() {
    let mut echo = Echo::start(ConnectionLimits { answer: LONG_LIMIT, ..ConnectionLimits::default() }).await;
    echo.send(GET).await;
    let (start, mut heard) = (Instant::now(), vec![0; LARGE / 8]);
    for _ in 0..7 {
        echo.client.read_exact(&mut heard).await.unwrap();
        pass(LIMIT).await;
    }
    assert!(start.elapsed() > LONG_LIMIT, "{:?}", start.elapsed());
    let mut rest = Vec::new();
    echo.client.read_to_end(&mut rest).await.unwrap();
    // The head came first.
    assert!(rest.len() > LARGE / 8, "{}", rest.len());
}

#[tokio::test]
async fn a_connection_carries_requests_one_after_the_other_and_at_once_and_those_that_ask_first() {
    let mut echo = Echo::start(ConnectionLimits::default()).await;
    for body in ["one", "two"] {
        echo.send(&request(body)).await;
        echo.hear(body).await;
    }
    echo.send(&[request("three"), request("four")].concat()).await;
    echo.hear("three").await;
    echo.hear("four").await;
    echo.send(EXPECTING_HEAD).await;
    echo.hear(CONTINUE).await;
    echo.send("five").await;
    echo.hear("five").await;
}

#[tokio::test]
async fn at_the_end_what_is_idle_is_closed_and_what_has_begun_is_answered() {
    let mut idle = Echo::start(ConnectionLimits::default()).await;
    idle.send(&request("one")).await;
    idle.hear("one").await;
    let mut busy = Echo::start(ConnectionLimits::default()).await;
    busy.send(EXPECTING_HEAD).await;
    busy.hear(CONTINUE).await;

    idle.stop.send(()).unwrap();
    idle.task.await.unwrap();
    assert_eq!(idle.client.read(&mut [0]).await.unwrap(), 0);
    let addr = busy.client.peer_addr().unwrap();
    busy.stop.send(()).unwrap();
    while TcpStream::connect(addr).await.is_ok() {}
    busy.client.write_all(b"last").await.unwrap();
    let mut answer = String::new();
    busy.client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("last"), "{answer}");
    busy.task.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_never_asked_for_anything_has_less_time_than_one_that_is_idle() {
    let limits = ConnectionLimits { first_head: LIMIT, ..ConnectionLimits::default() };
    let mut used = Echo::start(limits).await;
    used.send(&request("one")).await;
    used.hear("one").await;
    for head in ["", "POST / HTTP/1.1\r\nHost: h\r\nContent-Le"] {
        let mut silent = Echo::start(limits).await;
        silent.send(head).await;
        silent.hear_end().await;
    }
    pass(LIMIT).await;
    used.send(&request("two")).await;
    used.hear("two").await;
}

#[tokio::test]
async fn a_head_has_a_size() {
    let mut echo = Echo::start(ConnectionLimits::default()).await;
    let long = "x".repeat(MAX_HEAD_BYTES);
    // It may close the connection before all is sent.
    _ = echo.client.write_all(format!("GET / HTTP/1.1\r\nHost: h\r\nX: {long}").as_bytes()).await;
    let mut heard = Vec::new();
    _ = timeout(TEST_TIMEOUT, echo.client.read_to_end(&mut heard)).await.expect("the server closes the connection");
    assert!(heard.is_empty() || heard.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&heard));
}

#[tokio::test]
async fn a_body_that_stands_still_is_given_up() {
    let mut echo = Echo::start(ConnectionLimits { body: LIMIT, ..ConnectionLimits::default() }).await;
    echo.send(EXPECTING_HEAD).await;
    echo.hear(CONTINUE).await;
    echo.send("ab").await;
    let mut heard = String::new();
    let end = timeout(TEST_TIMEOUT, echo.client.read_to_string(&mut heard)).await;
    end.expect("the server closes the connection").unwrap();
    assert!(heard.starts_with("HTTP/1.1 400"), "{heard}");
}

#[tokio::test]
async fn where_all_slots_are_taken_the_longest_idle_connection_makes_room_and_none_that_is_answered() {
    let mut busy = Echo::start(ConnectionLimits { connections: 3, ..ConnectionLimits::default() }).await;
    let addr = busy.client.peer_addr().unwrap();
    busy.send(EXPECTING_HEAD).await;
    busy.hear(CONTINUE).await;
    let mut others = Vec::new();
    for body in ["one", "two", "three"] {
        let (stop, task) = (oneshot::channel().0, tokio::spawn(async {}));
        let mut echo = Echo { client: TcpStream::connect(addr).await.unwrap(), stop, task };
        echo.send(&request(body)).await;
        echo.hear(body).await;
        others.push(echo);
    }
    others[0].hear_end().await;
    for echo in &mut others[1..] {
        echo.send(&request("again")).await;
        echo.hear("again").await;
    }
    busy.send("busy").await;
    busy.hear("busy").await;
}
