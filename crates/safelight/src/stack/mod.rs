//! The whole street in one process, durable in one folder: S3, DynamoDB, Kafka, registry and issuer as servers of our
//! own on loopback, and the three stations as they are in production.
//!
//! Owns the order in which everything starts and stops. Holds the data folder by a lock: one stack a folder.

mod broker;
pub mod files;
mod listen;
mod servers;
mod settings;
mod stations;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use chassis::{Frame, Health, Shutdown};

use files::{Addresses, FolderLock};
use listen::bind;
use servers::Servers;
use stations::{Ground, Stations};

pub use broker::KafkaChoice;
pub use stations::Selection;

/// What to start, and where.
#[derive(Clone, Debug)]
pub struct StackPlan {
    /// Where everything is kept.
    pub data: PathBuf,
    /// Address of the API and the page.
    pub http: SocketAddr,
    /// Address of health and metrics.
    pub admin: SocketAddr,
    /// Which Kafka.
    pub kafka: KafkaChoice,
    /// Which stations run in this process.
    pub stations: Selection,
    /// Recipes beside the built-in one, and whose images get them.
    pub recipes: Option<PathBuf>,
}

/// A running stack.
pub struct Stack {
    addresses: Addresses,
    frame: Frame,
    stations: Stations,
    servers: Servers,
    admin_shutdown: Shutdown,
    _lock: FolderLock,
}

impl Stack {
    /// Starts everything and returns once all of it is ready. Fails at once when another stack holds the folder.
    pub async fn start(plan: StackPlan, shutdown: Shutdown) -> anyhow::Result<Stack> {
        let lock = files::lock(&plan.data)?;
        let page = chassis::init_metrics();
        let (http, admin) = (bind(plan.http, "--http").await?, bind(plan.admin, "--admin").await?);
        let servers = Servers::start(&plan.data, &plan.kafka).await?;
        let http_url = format!("http://{}", http.local_addr()?);
        let addresses = servers.addresses(http_url, format!("http://{}", admin.local_addr()?));
        let mut settings = servers.settings(&addresses, &plan.data);
        if let Some(recipes) = &plan.recipes {
            // Stations that are run by hand against this stack are elsewhere.
            let recipes = std::path::absolute(recipes).context("find the folder of recipes")?;
            settings.set("SAFELIGHT_RECIPES_DIR", recipes.display().to_string());
        }
        servers.provision(&settings).await?;

        let (health, admin_shutdown) = (Health::new(), Shutdown::new());
        tokio::spawn(chassis::serve_admin(admin, health.clone(), page, admin_shutdown.clone()));
        let frame = Frame { health, shutdown, drain: stations::DRAIN_MAX };
        let ground = Ground { servers: &servers, settings: &settings };
        let stations = Stations::start(plan.stations, http, ground, &frame).await?;
        stations.wait_until_ready(&frame).await?;
        addresses.write(&plan.data)?;
        files::write_env(&plan.data, settings.all())?;
        Ok(Stack { addresses, frame, stations, servers, admin_shutdown, _lock: lock })
    }

    /// Returns where the stack answers.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Runs until the shutdown, or until a part ends by itself, which is an error; then stops everything: first the
    /// stations, which finish what is in hand, then the servers they stand on.
    pub async fn run(mut self) -> anyhow::Result<()> {
        let ended = self.stations.ended(&self.frame.shutdown).await;
        self.frame.health.drain();
        self.frame.shutdown.trigger();
        let drained = self.stations.drain().await;
        self.servers.stop().await;
        self.admin_shutdown.trigger();
        ended.and(drained)
    }
}
