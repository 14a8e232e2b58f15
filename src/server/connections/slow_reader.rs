use std::{
    io::{self, ErrorKind::TimedOut, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::pace::Pace;

/// A connection that is given up when its client reads too slowly; see [`Pace`].
#[derive(Debug)]
pub(super) struct SlowReader<S = TcpStream> {
    stream: S,
    pace: Pace,
}

impl<S: AsyncWrite + Unpin> SlowReader<S> {
    pub(super) fn new(stream: S, max_stall: Duration) -> Self {
        Self { stream, pace: Pace::new(max_stall) }
    }

    fn poll_paced(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match write(Pin::new(&mut self.stream), cx) {
            Poll::Ready(written) => {
                self.pace.moved(*written.as_ref().unwrap_or(&0));
                Poll::Ready(written)
            }
            Poll::Pending => {
                ready!(self.pace.poll_wait(cx));
                Poll::Ready(Err(io::Error::new(TimedOut, "the answer was read too slowly")))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for SlowReader<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for SlowReader<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_paced(cx, |stream, cx| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_paced(cx, |stream, cx| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::{Instant, sleep},
    };

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    /// Sends a MiB to a client that reads so many bytes each second, and returns how it ended, and after how long.
    async fn send_to_reader(bytes_per_sec: usize) -> (io::Result<()>, Duration) {
        let (server, mut client) = duplex(1 << 10);
        let start = Instant::now();
        let reader = tokio::spawn(async move {
            let mut read = vec![0; bytes_per_sec];
            while client.read_exact(&mut read).await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        });
        let sent = SlowReader::new(server, MINUTE).write_all(&vec![0; 1 << 20]).await;
        let elapsed = start.elapsed();
        reader.await.unwrap();
        (sent, elapsed)
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_of_which_some_bytes_are_read_now_and_then_is_cut_off() {
        for bytes_per_sec in [1, 16, 200] {
            let (sent, elapsed) = send_to_reader(bytes_per_sec).await;
            assert_eq!(sent.unwrap_err().kind(), TimedOut, "{bytes_per_sec}");
            assert!(elapsed < 3 * MINUTE, "{bytes_per_sec}: {elapsed:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_on_a_slow_line_arrives_however_long_it_takes() {
        let (sent, elapsed) = send_to_reader(1 << 10).await;
        sent.unwrap();
        assert!(elapsed > 15 * MINUTE, "{elapsed:?}");
    }
}
