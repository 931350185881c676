//! A body that says when nobody waits for it any more.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::pace::Arriving;

/// The body of a request. Who has read it, or will not, drops it.
#[derive(Debug)]
pub(super) struct Awaited {
    body: Incoming,
    _arriving: Arriving,
}

impl Awaited {
    pub(super) fn new(body: Incoming, arriving: Arriving) -> Self {
        Self { body, _arriving: arriving }
    }
}

impl Body for Awaited {
    type Data = <Incoming as Body>::Data;
    type Error = <Incoming as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
