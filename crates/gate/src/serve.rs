//! The accept loop. Owns what a connection may cost before and between requests, and the bounded drain at the end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use chassis::Shutdown;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::GateArgs;
use crate::connection::{Guarded, Unread};
use crate::harden::harden;
use crate::metrics;

const HEAD_BYTES_MAX: usize = 64 * 1024;
const HEADERS_MAX: usize = 64;
/// Descriptors kept from the connections, for S3, DynamoDB, Kafka, the issuer, files and workers.
const DESCRIPTORS_KEPT: u64 = 256;
/// Pause after an accept that failed for want of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `router`, hardened, until `shutdown`; then lets requests in hand finish, at most `http_drain_secs_max` long.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    args: &GateArgs,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let house = House {
        service: TowerToHyperService::new(harden(router, args)),
        http: builder(args),
        stall_max: Duration::from_secs(args.http_stall_secs_max),
        closing: CancellationToken::new(),
        cut: CancellationToken::new(),
    };
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(places(args.http_connections_max, chassis::descriptor_limit())));
    tokio::select! {
        () = shutdown.triggered() => {}
        () = accept(&listener, &house, &connections, &places) => {}
    }
    drop(listener);
    house.closing.cancel();
    connections.close();
    let drain = Duration::from_secs(args.http_drain_secs_max);
    if tokio::time::timeout(drain, connections.wait()).await.is_err() {
        tracing::warn!(http.connections = connections.len(), "cut the connections that outlast the drain");
        house.cut.cancel();
        connections.wait().await;
    }
    Ok(())
}

/// How many connections are borne: as many as are configured, as long as descriptors remain for everything else.
fn places(connections_max: u32, descriptors: Option<u64>) -> usize {
    let wanted = connections_max as usize;
    let left = descriptors.map_or(wanted, |all| {
        usize::try_from(all.saturating_sub(DESCRIPTORS_KEPT)).unwrap_or(usize::MAX).max(1)
    });
    if left < wanted {
        tracing::warn!(
            http.connections_max = left,
            "fewer connections than configured: the limit on open files is too low"
        );
    }
    left.min(wanted)
}

/// What all connections share.
#[derive(Clone)]
struct House {
    service: TowerToHyperService<Router>,
    http: http1::Builder,
    stall_max: Duration,
    /// No further request on any connection.
    closing: CancellationToken,
    /// The drain is over.
    cut: CancellationToken,
}

fn builder(args: &GateArgs) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        // Runs from the moment a request may begin, so it ends idle connections too.
        .header_read_timeout(Duration::from_secs(args.http_head_secs_max))
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    http
}

async fn accept(listener: &TcpListener, house: &House, connections: &TaskTracker, places: &Arc<Semaphore>) {
    loop {
        let place = Arc::clone(places).acquire_owned().await.expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, house.clone(), place));
            }
            Err(error) if is_the_peers(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "pause accepting connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, house: House, place: OwnedSemaphorePermit) {
    metrics::connection_opened();
    // Answers are written whole; waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    let unread = Unread::default();
    let stream = TokioIo::new(Guarded::new(stream, house.stall_max, unread.clone()));
    let answer = service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(unread.clone());
        house.service.call(request)
    });
    let connection = house.http.serve_connection(stream, answer);
    tokio::pin!(connection);
    let talk = async {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = house.closing.cancelled() => {}
        }
        connection.as_mut().graceful_shutdown();
        connection.as_mut().await
    };
    tokio::select! {
        ended = talk => if let Err(error) = ended {
            tracing::debug!(%error, "lose a connection");
        },
        () = house.cut.cancelled() => {}
    }
    metrics::connection_closed();
    drop(place);
}

fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
