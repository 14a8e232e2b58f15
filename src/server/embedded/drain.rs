use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use ::http::Request;
use axum::body::{Body, Bytes, HttpBody};
use tokio::{
    sync::oneshot,
    time::{Instant, Sleep, sleep, timeout},
};

/// Whoever sends nothing for so long has gone: a signed URL must not hold a file and a connection for ever.
pub(super) const MAX_SILENCE: Duration = Duration::from_mins(1);

/// Long enough for a few gigabytes over a loopback connection.
const MAX_DRAIN: Duration = Duration::from_secs(30);

/// A request whose body ends with an error after `max_silence`, and comes back when whoever got it has dropped it.
pub(super) fn keep_body(request: Request<Body>, max_silence: Duration) -> (Request<KeptBody>, Unread) {
    let (back, unread) = oneshot::channel();
    let silence = Box::pin(sleep(max_silence));
    let kept = |body| KeptBody { body: Some(body), back: Some(back), silence, max_silence };
    (request.map(kept), Unread(unread))
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
    /// Ends when nothing has come for too long.
    silence: Pin<Box<Sleep>>,
    max_silence: Duration,
}

impl HttpBody for KeptBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<::http_body::Frame<Bytes>, axum::Error>>> {
        let Self { body: Some(body), silence, max_silence, .. } = &mut *self else { return Poll::Ready(None) };
        let frame = Pin::new(body).poll_frame(cx);
        if frame.is_ready() {
            silence.as_mut().reset(Instant::now() + *max_silence);
        } else if silence.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(axum::Error::new("nothing came for too long"))));
        }
        frame
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

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use futures::stream::{pending, poll_fn};

    use super::*;

    fn kept(body: Body) -> Body {
        Body::new(keep_body(Request::new(body), MAX_SILENCE).0.into_body())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_of_which_nothing_comes_ends_with_an_error() {
        let silent = Body::from_stream(pending::<Result<Bytes, axum::Error>>());
        assert!(to_bytes(kept(silent), 1).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_comes_slowly_arrives() {
        let mut wait = Box::pin(sleep(MAX_SILENCE / 2));
        let mut left = 5;
        let slow = poll_fn(move |cx| match left {
            0 => Poll::Ready(None),
            _ => wait.as_mut().poll(cx).map(|()| {
                left -= 1;
                wait.as_mut().reset(Instant::now() + MAX_SILENCE / 2);
                Some(Ok::<_, axum::Error>(Bytes::from_static(b"x")))
            }),
        });
        assert_eq!(to_bytes(kept(Body::from_stream(slow)), 5).await.unwrap(), "xxxxx");
    }
}
