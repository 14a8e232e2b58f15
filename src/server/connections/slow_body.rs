use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Error,
    body::{Bytes, HttpBody},
};
use hyper::body::{Frame, Incoming, SizeHint};

use super::pace::Pace;

/// A request's body, which ends with an error if its client is too slow; see [`Pace`].
#[derive(Debug)]
pub(super) struct SlowBody<B = Incoming> {
    body: B,
    pace: Pace,
}

impl<B> SlowBody<B> {
    pub(super) fn new(body: B, max_stall: Duration) -> Self {
        Self { body, pace: Pace::new(max_stall) }
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for SlowBody<B>
where
    B::Error: Into<axum::BoxError>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(frame) => {
                let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
                let bytes = data.map_or(0, Bytes::len);
                self.pace.moved(bytes);
                Poll::Ready(frame.map(|frame| frame.map_err(Error::new)))
            }
            Poll::Pending => self.pace.poll_wait(cx).map(|()| Some(Err(Error::new("the body came too slowly")))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use futures::stream::{pending, poll_fn};
    use tokio::time::{Instant, sleep};

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    /// So many frames of so many bytes, each that long after the one before.
    fn frames(count: usize, bytes: usize, pause: Duration) -> Body {
        let mut wait = Box::pin(sleep(pause));
        let mut left = count;
        Body::from_stream(poll_fn(move |cx| match left {
            0 => Poll::Ready(None),
            _ => wait.as_mut().poll(cx).map(|()| {
                left -= 1;
                wait.as_mut().reset(Instant::now() + pause);
                Some(Ok::<_, Error>(Bytes::from(vec![0; bytes])))
            }),
        }))
    }

    async fn arrives(body: Body) -> bool {
        to_bytes(Body::new(SlowBody::new(body, MINUTE)), usize::MAX).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_of_which_a_byte_comes_now_and_then_ends_after_a_minute_of_waiting() {
        for (bytes, pause) in [(1, 1), (1, 59), (0, 10), (100, 1)] {
            let start = Instant::now();
            assert!(!arrives(frames(10_000, bytes, Duration::from_secs(pause))).await, "{bytes} bytes every {pause} s");
            assert!(start.elapsed() <= 2 * MINUTE, "{bytes} bytes every {pause} s: {:?}", start.elapsed());
        }
        assert!(!arrives(Body::from_stream(pending::<Result<Bytes, Error>>())).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_on_a_slow_line_arrives_however_long_it_takes() {
        let kib = 1 << 10;
        for (bytes, pause) in [(kib, 1), (50 * kib, 55), (2 * kib, 3)] {
            assert!(arrives(frames(10_000, bytes, Duration::from_secs(pause))).await, "{bytes} bytes every {pause} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn how_long_the_server_takes_is_not_the_clients_fault() {
        let mut body = SlowBody::new(frames(5, 1, Duration::from_secs(10)), MINUTE);
        for _ in 0..5 {
            sleep(2 * MINUTE).await;
            std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await.unwrap().unwrap();
        }
    }
}
