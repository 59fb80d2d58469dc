//! Owns the accept loop and who may come in: SigV4 by header or presigned URL, one pair of keys.

use std::collections::HashSet;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Result, s3_error};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::task::TaskTracker;

use super::Store;
use super::drain::answer;
use super::ops::Backend;

const CONNECTIONS_MAX: usize = 1024;
const HEADER_SECS_MAX: u64 = 30;
const DRAIN_SECS_MAX: u64 = 10;
const ACCEPT_RETRY_MS: u64 = 50;

/// The one pair of keys that the server knows. `Debug` does not show the secret.
#[derive(Debug, Clone)]
pub struct Credentials {
    access_key: String,
    secret_key: SecretKey,
}

impl Credentials {
    /// Pairs an access key with its secret.
    pub fn new(access_key: impl Into<String>, secret_key: impl Into<SecretKey>) -> Self {
        Self { access_key: access_key.into(), secret_key: secret_key.into() }
    }
}

/// Serves `store` on `listener` until `shutdown` ends, then finishes what is in hand, for ten seconds at most.
pub async fn serve(
    store: Store,
    listener: TcpListener,
    credentials: Credentials,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let service = service(store, credentials);
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let (drain, draining) = watch::channel(false);
    let connections = TaskTracker::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        match accepted {
            Ok((stream, slot)) => {
                connections.spawn(attend(stream, slot, service.clone(), draining.clone()));
            }
            Err(error) => {
                // Mostly too many open files: give others the time to close theirs.
                tracing::warn!(%error, "could not accept an S3 connection");
                tokio::time::sleep(Duration::from_millis(ACCEPT_RETRY_MS)).await;
            }
        }
    }
    drop(listener);
    drain.send_replace(true);
    connections.close();
    let drained = tokio::time::timeout(Duration::from_secs(DRAIN_SECS_MAX), connections.wait()).await;
    if drained.is_err() {
        tracing::warn!("S3 connections were still open at the end of the drain");
    }
    Ok(())
}

fn service(store: Store, credentials: Credentials) -> S3Service {
    let mut builder = S3ServiceBuilder::new(Backend(store));
    builder.set_auth(Keys(credentials));
    builder.set_access(SignedOnly);
    builder.build()
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, slot))
}

async fn attend(
    stream: TcpStream,
    _slot: OwnedSemaphorePermit,
    service: S3Service,
    draining: watch::Receiver<bool>,
) {
    let service = service_fn(move |request| answer(service.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEADER_SECS_MAX))
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = begun(draining) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an S3 connection broke");
    }
}

async fn begun(mut draining: watch::Receiver<bool>) {
    // A sender that is gone means the same as a word from it.
    let _ = draining.wait_for(|is_draining| *is_draining).await;
}

type Checked<'f, T> = Pin<Box<dyn Future<Output = S3Result<T>> + Send + 'f>>;

struct Keys(Credentials);

// The traits are declared through `async_trait`; this is what their methods look like underneath.
impl S3Auth for Keys {
    fn get_secret_key<'s, 'k, 'f>(&'s self, access_key: &'k str) -> Checked<'f, SecretKey>
    where
        's: 'f,
        'k: 'f,
        Self: 'f,
    {
        let found = if access_key == self.0.access_key {
            Ok(self.0.secret_key.clone())
        } else {
            Err(s3_error!(
                InvalidAccessKeyId,
                "The AWS Access Key Id you provided does not exist in our records."
            ))
        };
        Box::pin(async { found })
    }
}

struct SignedOnly;

impl S3Access for SignedOnly {
    fn check<'s, 'c, 'x, 'f>(&'s self, context: &'c mut S3AccessContext<'x>) -> Checked<'f, ()>
    where
        's: 'f,
        'c: 'f,
        'x: 'f,
        Self: 'f,
    {
        let verdict = check_signed(context);
        Box::pin(async { verdict })
    }
}

fn check_signed(context: &S3AccessContext<'_>) -> S3Result<()> {
    if context.credentials().is_none() {
        return Err(s3_error!(AccessDenied, "Access Denied"));
    }
    let query = context.uri().query().unwrap_or_default();
    let Some(signed) = presigned_headers(query) else {
        return Ok(());
    };
    // As in S3: whoever holds a presigned URL may not add `x-amz-*` headers to what was signed.
    let is_added = |name: &str| name.starts_with("x-amz-") && !signed.contains(name);
    if context.headers().keys().any(|name| is_added(name.as_str()) && name != "x-amz-content-sha256") {
        return Err(s3_error!(
            AccessDenied,
            "There were headers present in the request which were not signed"
        ));
    }
    Ok(())
}

fn presigned_headers(query: &str) -> Option<HashSet<String>> {
    let names = query.split('&').find_map(|pair| pair.strip_prefix("X-Amz-SignedHeaders="))?;
    let names = percent_encoding::percent_decode_str(names).decode_utf8_lossy();
    Some(names.split(';').map(str::to_ascii_lowercase).collect())
}
