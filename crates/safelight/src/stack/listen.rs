//! Where the stack's parts listen.

use std::net::SocketAddr;

use anyhow::Context as _;
use chassis::Misconfigured;
use tokio::net::TcpListener;

/// Listens on an address that the user chose with `flag`.
pub(super) async fn bind(addr: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(addr).await;
    Ok(bound.map_err(|cause| Misconfigured(format!("listen on `{flag} {addr}`: {cause}")))?)
}

/// Takes a free loopback port for a server of the stack.
pub(super) async fn loopback() -> anyhow::Result<TcpListener> {
    TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await.context("take a free port on loopback")
}
