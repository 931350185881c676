//! A stream that says when something comes, and when nothing can be written.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::pace::Pace;

/// A stream of HTTP.
#[derive(Debug)]
pub(super) struct Heard<S> {
    stream: S,
    pace: Arc<Pace>,
    /// Whether whatever comes while nothing is under way is the head of a request: HTTP/2 has other frames.
    is_head: bool,
    is_unread: bool,
}

impl<S> Heard<S> {
    pub(super) fn http1(stream: S, pace: Arc<Pace>) -> Self {
        Self { stream, pace, is_head: true, is_unread: false }
    }

    pub(super) fn http2(stream: S, pace: Arc<Pace>) -> Self {
        Self { stream, pace, is_head: false, is_unread: false }
    }

    /// Says what became of writing: only once everything is with the client has it read on. Whoever takes a byte of
    /// it now and then has not.
    fn note(&mut self, waits: bool, is_all_sent: bool) {
        if waits && !self.is_unread {
            self.is_unread = true;
            self.pace.unread(Some(Instant::now()));
        } else if is_all_sent && self.is_unread {
            self.is_unread = false;
            self.pace.unread(None);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.is_head && buffer.filled().len() > before {
            self.pace.heard(Instant::now());
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(written.is_pending(), false);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.note(written.is_pending(), false);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.note(flushed.is_pending(), flushed.is_ready());
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    #[tokio::test]
    async fn who_takes_a_byte_now_and_then_has_not_read_on() {
        let (near, mut client) = duplex(4);
        let pace = Arc::new(Pace::start(Instant::now()));
        pace.shaken(Instant::now());
        let is_late = || pace.is_late(Instant::now() + Duration::from_secs(11));
        let mut stream = Heard::http1(near, Arc::clone(&pace));
        assert_eq!(stream.write(b"answer").now_or_never().transpose().ok().flatten(), Some(4));
        assert!(!is_late(), "nothing waits");
        assert!(stream.write(b"er").now_or_never().is_none() && is_late());
        assert_eq!(client.read_u8().await.ok(), Some(b'a'));
        assert_eq!(stream.write(b"er").now_or_never().transpose().ok().flatten(), Some(1));
        assert!(is_late(), "a byte is no answer");
        assert!(stream.flush().now_or_never().is_some_and(|sent| sent.is_ok()));
        assert!(!is_late(), "all is sent");
    }
}
