use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use ::http::Request;
use axum::body::{Body, Bytes, HttpBody};
use tokio::{sync::oneshot, time::timeout};

/// Long enough for a few gigabytes over a loopback connection.
const MAX_DRAIN: Duration = Duration::from_secs(30);

/// A request whose body comes back when whoever got it has dropped it.
pub(super) fn keep_body(request: Request<Body>) -> (Request<KeptBody>, Unread) {
    let (back, unread) = oneshot::channel();
    (request.map(|body| KeptBody { body: Some(body), back: Some(back) }), Unread(unread))
}

/// What was not read of a body.
pub(super) struct Unread(oneshot::Receiver<Body>);

impl Unread {
    /// Reads the rest and throws it away. Refusing a request while the browser still sends its body
    /// would close the connection under it: a network error instead of S3's words.
    pub(super) async fn drain(self) {
        let Ok(mut body) = self.0.await else { return };
        let rest = async { while let Some(Ok(_)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {} };
        // A client that takes longer gets its network error.
        let _ = timeout(MAX_DRAIN, rest).await;
    }
}

/// A body that goes back where it came from.
pub(super) struct KeptBody {
    body: Option<Body>,
    back: Option<oneshot::Sender<Body>>,
}

impl HttpBody for KeptBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<::http_body::Frame<Bytes>, axum::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> ::http_body::SizeHint {
        self.body.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

impl Drop for KeptBody {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take()) {
            // Nobody waits for it where the connection is gone.
            let _ = back.send(body);
        }
    }
}
