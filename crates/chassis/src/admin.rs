//! The admin port: `/livez`, `/readyz`, `/metrics`. Not for the public; never behind the same address as the API.

use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;

use crate::{Health, MetricsPage, Shutdown};

const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// What `/metrics` is answered from.
#[derive(Clone)]
struct Scraped {
    page: MetricsPage,
    health: Health,
}

/// Serves the admin routes on `listener` until `shutdown`.
pub async fn serve(
    listener: TcpListener,
    health: Health,
    page: MetricsPage,
    shutdown: Shutdown,
) -> std::io::Result<()> {
    let upkeep = tokio::spawn(keep_up(page.clone()));
    let router = Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(readyz).with_state(health.clone()))
        .route("/metrics", get(metrics).with_state(Scraped { page, health }));
    let served =
        axum::serve(listener, router).with_graceful_shutdown(async move { shutdown.triggered().await }).await;
    upkeep.abort();
    served
}

async fn keep_up(page: MetricsPage) {
    let mut ticks = tokio::time::interval(UPKEEP_EVERY);
    loop {
        ticks.tick().await;
        page.upkeep();
    }
}

async fn readyz(State(health): State<Health>) -> Response {
    let report = health.report();
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report)).into_response()
}

async fn metrics(State(scraped): State<Scraped>) -> Response {
    let Scraped { page, health } = scraped;
    crate::metrics::ready(health.is_ready());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page.render()).into_response()
}
