use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::*;
use futures::future::join_all;
use hyper::body::{Frame, SizeHint};

/// A body that comes in pieces, each a while after the one before, and may stop before its end.
struct Slow {
    announced: usize,
    pieces: VecDeque<usize>,
    is_there: bool,
}

fn body(announced: usize, pieces: &[usize]) -> Body {
    Body::new(Slow { announced, pieces: pieces.iter().copied().collect(), is_there: false })
}

impl HttpBody for Slow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.announced == 0 {
            return Poll::Ready(None);
        }
        if !std::mem::replace(&mut self.is_there, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(piece) = self.pieces.pop_front() else { return Poll::Pending };
        self.is_there = false;
        self.announced -= piece;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b' '; piece])))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced as u64)
    }
}

fn in_a_while() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

/// How many of so many bodies are read, and why the others are not.
async fn read(stationery: &Stationery, count: usize, body: impl Fn() -> Body) -> (usize, Vec<Unread>) {
    let read = join_all((0..count).map(|_| async {
        let paper = stationery.read(body(), in_a_while()).await;
        paper.map(|paper| paper.as_ref().len())
    }));
    let read = read.await;
    (read.iter().flatten().count(), read.into_iter().filter_map(Result::err).collect())
}

// Time passes only while there is nothing to do.
#[tokio::test(start_paused = true)]
async fn bodies_that_come_in_pieces_do_not_wait_for_each_other() {
    // Twice and more as many as there is memory for at a time.
    for (size, count) in [(SMALL, 1_200), (SMALL + 4 * UNIT, 1_200), (MIDDLE, 100)] {
        let pieces = || body(size, &[size / 2, size - size / 2]);
        assert_eq!(read(&Stationery::default(), count, pieces).await, (count, Vec::new()), "{size}");
    }
}

// Time passes only while there is nothing to do.
#[tokio::test(start_paused = true)]
async fn who_stops_gives_way_to_who_does_not() {
    let stationery = &Stationery::default();
    for (what, count, announced) in
        [("small", 1_500, SMALL), ("middle", 40, MIDDLE), ("large", 3, MIDDLE + UNIT)]
    {
        let stalled = read(stationery, count, || body(announced, &[announced - 1]));
        let good = async {
            // Those that stop come first.
            tokio::task::yield_now().await;
            let start = Instant::now();
            let paper = stationery.read(body(announced, &[announced]), in_a_while()).await;
            assert_eq!(paper.expect("it is read").as_ref().len(), announced, "{what}");
            start.elapsed()
        };
        let ((read, why), took) = tokio::join!(stalled, good);
        assert!(read == 0 && why.contains(&Unread::Crowded), "{what}: {read} {why:?}");
        assert!(took < GRACE, "{what}: {took:?}");
    }
    let start = Instant::now();
    assert_eq!(read(stationery, 10, || body(SMALL, &[1])).await, (0, vec![Unread::TooSlow; 10]));
    assert!((GRACE..2 * GRACE).contains(&start.elapsed()), "{:?}", start.elapsed());
}
