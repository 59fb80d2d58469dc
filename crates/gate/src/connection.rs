//! One connection's socket. Owns an end to clients that never take their answer, for hyper bounds reading a head and nothing in
//! it bounds writing; and the lingering close of RFC 9112, 9.6: a socket closed over unread bytes resets the connection, and
//! the client may never read what it was told.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// A client that needs longer than this to hear a refusal may see a reset instead.
pub(crate) const LINGER_TIME_MAX: Duration = Duration::from_secs(2);
/// Somewhat more than the largest image that is taken: a client hears 413 even over a body it has half sent.
pub(crate) const LINGER_BYTES_MAX: u64 = 32 << 20;
const LINGER_CHUNK_BYTES: usize = 16 * 1024;

/// Says whether a connection ends although its client may still send the body of a refused request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unread(Arc<AtomicBool>);

impl Unread {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A TCP stream whose writes fail once the peer has taken no byte for a while, and that does not close over unread bytes.
pub(crate) struct Guarded {
    stream: TcpStream,
    stall_max: Duration,
    /// Armed while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
    unread: Unread,
    /// Set once our side has ended.
    lingering: Option<Lingering>,
}

/// What is still waited for after our side has ended.
struct Lingering {
    clock: Pin<Box<Sleep>>,
    bytes_left: u64,
}

impl Guarded {
    pub(crate) fn new(stream: TcpStream, stall_max: Duration, unread: Unread) -> Guarded {
        Guarded { stream, stall_max, stalled: None, unread, lingering: None }
    }

    /// Passes a write's result on; arms the clock while it waits and fails it when the clock runs out.
    fn watch(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let deadline = Instant::now() + self.stall_max;
        let clock = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        ready!(clock.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Lingering {
    fn start() -> Lingering {
        let clock = Box::pin(tokio::time::sleep(LINGER_TIME_MAX));
        Lingering { clock, bytes_left: LINGER_BYTES_MAX }
    }

    /// Reads and drops what still comes, until the peer ends too or has had its time.
    fn poll(&mut self, stream: &mut TcpStream, context: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; LINGER_CHUNK_BYTES];
        while self.clock.as_mut().poll(context).is_pending() {
            let mut chunk = ReadBuf::new(&mut space);
            let read = ready!(Pin::new(&mut *stream).poll_read(context, &mut chunk));
            let length = chunk.filled().len() as u64;
            if read.is_err() || length == 0 || length > self.bytes_left {
                break;
            }
            self.bytes_left -= length;
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buf)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
            if !this.unread.is_set() {
                return Poll::Ready(Ok(()));
            }
        }
        let lingering = this.lingering.get_or_insert_with(Lingering::start);
        lingering.poll(&mut this.stream, context).map(Ok)
    }
}
