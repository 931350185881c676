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

    /// What was written, if anything could be.
    fn written<T>(&mut self, written: Poll<T>) -> Poll<T> {
        if written.is_pending() != self.is_unread {
            self.is_unread = written.is_pending();
            self.pace.unread(self.is_unread.then(Instant::now));
        }
        written
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
        self.written(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.written(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
