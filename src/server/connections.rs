use std::{
    io,
    pin::{Pin, pin},
    time::Duration,
};

use axum::Router;
use hyper::server::conn::http1::{Builder, UpgradeableConnection};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::sleep,
};
use tokio_io_timeout::TimeoutStream;

/// How long a client may do nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// How long the head of a request may take, from the end of the one before: so it is also how long a connection may be
    /// idle. Proxies keep theirs for 60 seconds (nginx, AWS's load balancers), and have to be those that close: what they
    /// send on a connection that this side has just closed is lost. Browsers open another.
    head: Duration,
    /// How long an answer may stand still because nobody reads it. nginx waits a minute too.
    answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { head: Duration::from_secs(75), answer: Duration::from_secs(60) }
    }
}

/// After a system that has no room for another connection this long, it is asked again.
const NO_ROOM_DELAY: Duration = Duration::from_secs(1);

/// Answers with `router` until `shutdown` resolves, and then ends what has begun. `axum::serve` does the same, and waits for
/// heads and readers for ever: a thousand connections that never say what they want are all that many a system gives.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    patience: Patience,
    shutdown: impl Future<Output = ()>,
) {
    let service = TowerToHyperService::new(router.with_state::<()>(()));
    let mut http = Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(patience.head);
    let (stop, stopped) = watch::channel(());
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let mut stream = TimeoutStream::new(stream);
                stream.set_write_timeout(Some(patience.answer));
                let stream = TokioIo::new(Box::pin(stream));
                let connection = http.serve_connection(stream, service.clone()).with_upgrades();
                tokio::spawn(carry(connection, stopped.clone()));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                eprintln!("No connection could be accepted: {error}");
                sleep(NO_ROOM_DELAY).await;
            }
        }
    }
    drop((listener, stopped));
    stop.send_replace(());
    stop.closed().await;
}

type Connection = UpgradeableConnection<TokioIo<Pin<Box<TimeoutStream<TcpStream>>>>, TowerToHyperService<Router>>;

/// Answers on one connection until its client goes, or, once it is told to stop, until what has begun is answered. Its
/// error is that the client went without a word, or spoke no HTTP.
async fn carry(connection: Connection, mut stopped: watch::Receiver<()>) {
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.changed() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
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
        async fn start(patience: Patience) -> Self {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let addr = listener.local_addr().unwrap();
            let (stop, stopped) = oneshot::channel();
            let router = Router::new().route("/", post(|body: String| async { body }).get(async || vec![0; LARGE]));
            let stopped = async { _ = stopped.await };
            let task = tokio::spawn(serve(listener, router, patience, stopped));
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
            let read =
                timeout(TEST_TIMEOUT, self.client.read(&mut [0])).await.expect("the server closes the connection");
            // The latter where something was still on its way.
            let is_end = read.as_ref().map_or_else(|error| error.kind() == ConnectionReset, |bytes| *bytes == 0);
            assert!(is_end, "{read:?}");
        }
    }

    fn with_head(head: Duration) -> Patience {
        Patience { head, ..Patience::default() }
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
        let mut echo = Echo::start(Patience { answer: LIMIT, ..Patience::default() }).await;
        echo.send(GET).await;
        pass(LONG_LIMIT).await;
        let mut heard = Vec::new();
        let end =
            timeout(TEST_TIMEOUT, echo.client.read_to_end(&mut heard)).await.expect("the server closes the connection");
        assert!(heard.len() < LARGE, "{end:?} after {} bytes", heard.len());
    }

    #[tokio::test]
    async fn an_answer_that_is_read_slowly_is_not() {
        let mut echo = Echo::start(Patience { answer: LONG_LIMIT, ..Patience::default() }).await;
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
        let mut echo = Echo::start(Patience::default()).await;
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
        let mut idle = Echo::start(Patience::default()).await;
        idle.send(&request("one")).await;
        idle.hear("one").await;
        let mut busy = Echo::start(Patience::default()).await;
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
}
