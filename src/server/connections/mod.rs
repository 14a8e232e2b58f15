//! What both ports accept, until when, and how it ends. Whatever a client without a signature makes a port hold has a limit
//! here: connections in number, heads in bytes and time, bodies and answers in time.

mod pace;
mod slots;
mod slow_body;
mod slow_reader;

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use ::http::{Request, Response};
use axum::{Router, body::Body, extract::ConnectInfo};
use futures::future::BoxFuture;
use hyper::{
    body::Incoming,
    server::conn::http1::{Builder, UpgradeableConnection},
    service::Service,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};

use self::{
    slots::{Slot, Slots},
    slow_body::SlowBody,
    slow_reader::SlowReader,
};
use super::config::MAX_CONNECTIONS;

/// What a port takes of its clients.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionLimits {
    /// The most connections at one time. For another one, the one that has been idle longest is closed.
    connections: usize,
    /// How long the first head of a connection may take, from when it is accepted.
    first_head: Duration,
    /// How long the head of a request may take, from the end of the one before: so it is also how long a connection may be
    /// idle. Proxies keep theirs for 60 seconds (nginx, AWS's load balancers), and have to be those that close: what they
    /// send on a connection that this side has just closed is lost. Browsers open another.
    head: Duration,
    /// How long a body may stand still; see [`pace::Pace`].
    body: Duration,
    /// How long an answer may stand still because nobody reads it, likewise. nginx waits a minute too.
    answer: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: MAX_CONNECTIONS,
            first_head: Duration::from_secs(15),
            head: Duration::from_secs(75),
            body: Duration::from_mins(1),
            answer: Duration::from_mins(1),
        }
    }
}

impl ConnectionLimits {
    /// That of every port, with so many connections.
    pub(super) fn with_connections(connections: usize) -> Self {
        Self { connections, ..Self::default() }
    }
}

/// The most bytes of a head, which is what a connection may make the server hold without having asked for anything. Our own
/// calls have a token in theirs, of less than 2 KiB. hyper gives 408 KiB if nobody says.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// After a system that has no room for another connection this long, it is asked again.
const NO_ROOM_DELAY: Duration = Duration::from_secs(1);

/// How long a connection that was idle longest may take to send what is left of its last answer.
const EVICTION_GRACE: Duration = Duration::from_secs(1);

/// Answers with `router` until `shutdown` resolves, and then ends what has begun. `axum::serve` does the same, and waits for
/// heads and readers for ever: a thousand connections that never say what they want are all that many a system gives.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()>,
) {
    let service = TowerToHyperService::new(router.with_state::<()>(()));
    let mut http = Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(MAX_HEAD_BYTES);
    let slots = Slots::new(limits.connections);
    let (stop, stopped) = watch::channel(());
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, peer, slot)) => {
                let slot = Arc::new(slot);
                let answering =
                    Answering { service: service.clone(), peer, slot: Arc::clone(&slot), max_stall: limits.body };
                let stream = SlowReader::new(stream, limits.answer);
                let connection = http.serve_connection(TokioIo::new(stream), answering).with_upgrades();
                tokio::spawn(carry(connection, slot, limits.first_head, stopped.clone()));
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

/// The next connection. While there is no slot for it, all others wait in the system's queue, without a descriptor here.
async fn accept(listener: &TcpListener, slots: &Slots) -> io::Result<(TcpStream, SocketAddr, Slot)> {
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, slots.take().await))
}

/// What answers one connection.
struct Answering {
    service: TowerToHyperService<Router>,
    peer: SocketAddr,
    slot: Arc<Slot>,
    max_stall: Duration,
}

impl Service<Request<Incoming>> for Answering {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let busy = self.slot.begin();
        let max_stall = self.max_stall;
        let mut request = request.map(|body| Body::new(SlowBody::new(body, max_stall)));
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let answer = self.service.call(request);
        Box::pin(async move { Ok(answer.await?.map(|body| Body::new(busy.until_sent(body)))) })
    }
}

type Connection = UpgradeableConnection<TokioIo<SlowReader>, Answering>;

/// Answers on one connection until its client goes, or its slot is needed, or, once it is told to stop, until what has begun
/// is answered. Its error is that the client went without a word, or spoke no HTTP.
async fn carry(connection: Connection, slot: Arc<Slot>, first_head: Duration, mut stopped: watch::Receiver<()>) {
    let mut connection = pin!(connection);
    let first = async {
        sleep(first_head).await;
        if !slot.is_new() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        _ = connection.as_mut() => {}
        () = first => {}
        () = slot.evicted() => {
            connection.as_mut().graceful_shutdown();
            // A request may have come in this very moment.
            if !slot.is_new() && timeout(EVICTION_GRACE, connection.as_mut()).await.is_err() && slot.is_busy() {
                let _ = connection.await;
            }
        }
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests;
