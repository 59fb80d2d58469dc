//! What several commands can be told.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::output::Form;

/// Where the stack is.
#[derive(Clone, Debug, Args)]
pub(crate) struct StackArgs {
    /// Data folder of the stack, where `up` leaves its addresses
    #[arg(long, value_name = "DIR", default_value = ".safelight")]
    pub(crate) data: PathBuf,

    /// Address of the API, where no local stack is meant
    #[arg(long, env = "SAFELIGHT_URL", value_name = "URL")]
    pub(crate) url: Option<String>,

    /// Bearer token; by default one of the local stack's issuer
    #[arg(long, env = "SAFELIGHT_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,

    /// Customer to act for, where the local issuer makes the token
    #[arg(long, default_value = "demo")]
    pub(crate) customer: proto::CustomerId,
}

/// The form of data on stdout.
#[derive(Clone, Debug, Args)]
pub(crate) struct OutputArgs {
    /// Form of the data on stdout
    #[arg(short, long, value_enum, default_value_t = Form::Table)]
    pub(crate) output: Form,
}

/// Addresses of the stack in this process.
#[derive(Clone, Debug, Args)]
pub(crate) struct ListenArgs {
    /// Address of the API and the page; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub(crate) http: SocketAddr,

    /// Address of `/livez`, `/readyz` and `/metrics`
    #[arg(long, default_value = "127.0.0.1:9464")]
    pub(crate) admin: SocketAddr,
}
