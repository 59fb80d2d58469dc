//! The processor's life: build the clients, check the dependencies, work, drain.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chassis::{Frame, Misconfigured, Probe, wait_until_reachable};
use conveyor::{Belt, Publisher};
use darkroom::worker::{Pool, PoolConfig, StartError};
use depot::Depot;
use futures::future::BoxFuture;
use proto::{Codec, RecipeBook, Topic};
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::handler::Processor;
use crate::metrics;
use crate::recipes::Recipes;

/// The consumer group; all processors share it.
const GROUP: &str = "processor";
const REGISTRY_TIMEOUT: Duration = Duration::from_secs(5);
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// The processor, ready to work.
pub struct Opened {
    /// Ends when the shutdown has drained, or with the cause that makes a restart necessary.
    pub work: BoxFuture<'static, anyhow::Result<()>>,
}

/// Runs the processor until its shutdown has drained.
pub async fn run(config: Config, frame: Frame) -> anyhow::Result<()> {
    open(&config, &frame).await?.work.await
}

/// Builds the processor and waits until what it needs is there. Fails only over what waiting does not mend.
pub async fn open(config: &Config, frame: &Frame) -> anyhow::Result<Opened> {
    metrics::describe();
    let book = RecipeBook::load(config.processor.recipes_dir.as_deref()).map_err(misconfigured)?;
    let recipes = Recipes::of(&book);
    let codec = Codec::new(&config.processor.schema_registry_url, REGISTRY_TIMEOUT).map_err(misconfigured)?;
    let codec = Arc::new(codec);
    let publisher = Publisher::open(&config.kafka, Arc::clone(&codec)).map_err(misconfigured)?;
    let pool = start_pool(config.pool.clone()).await?;
    let processor = Processor {
        depot: Depot::open(&config.depot).await,
        pool: Arc::new(pool),
        file_bytes_max: config.pool.limits.file_bytes_max,
        originals_in_memory: Semaphore::new(config.pool.workers.get() + 1),
        codec,
        publisher,
        recipes,
    };
    reach_all(frame, &processor).await?;
    Ok(Opened { work: Box::pin(work(config.clone(), frame.clone(), processor)) })
}

/// Starts the workers and says what holds them. A kernel that cannot is a wrong configuration.
async fn start_pool(config: PoolConfig) -> anyhow::Result<Pool> {
    let pool = match tokio::task::spawn_blocking(move || Pool::start(config)).await? {
        Err(unconfined @ StartError::Unconfined(_)) => return Err(misconfigured(unconfined).into()),
        other => other?,
    };
    let confinement = pool.confinement();
    let missing = confinement.missing().join(", ");
    if missing.is_empty() {
        tracing::info!(sandbox.landlock_abi = confinement.landlock_abi, "pixel workers are confined");
    } else {
        tracing::warn!(
            sandbox.missing = missing,
            "pixel workers are confined in part only: this kernel lacks the rest"
        );
    }
    Ok(pool)
}

fn misconfigured(cause: impl std::error::Error + Send + Sync + 'static) -> Misconfigured {
    Misconfigured(format!("{:#}", anyhow::Error::new(cause)))
}

async fn work(config: Config, frame: Frame, processor: Processor) -> anyhow::Result<()> {
    let publisher = processor.publisher.clone();
    let belt = Belt {
        group: GROUP.to_owned(),
        topics: vec![Topic::Uploaded],
        kafka: config.kafka,
        limits: config.belt,
        publisher: publisher.clone(),
        handler: Arc::new(processor),
    };
    let consumer = frame.health.component("consumer");
    let report = move |is_ready: bool, why: &str| if is_ready { consumer.up() } else { consumer.down(why) };
    let ended = conveyor::run(belt, report, frame.shutdown.token()).await;
    publisher.flush(FLUSH_TIMEOUT).await;
    ended.context("carry originals to the workers")
}

/// Waits for S3, the registry and Kafka, or for the shutdown, after which the work ends at once.
async fn reach_all(frame: &Frame, processor: &Processor) -> Result<(), Misconfigured> {
    let component = |name| frame.health.component(name);
    let (s3, registry, kafka) = (component("s3"), component("schema_registry"), component("kafka"));
    let check_s3 = async || match processor.depot.check().await {
        Ok(()) => Ok(()),
        Err(refused @ depot::CheckError::Refused { .. }) => Err(Probe::Refused(refused.into())),
        Err(away) => Err(Probe::Unreachable(away.into())),
    };
    let check_registry = async || match processor.codec.check().await {
        Ok(()) => Ok(()),
        Err(refused @ proto::EncodeError::Refused { .. }) => Err(Probe::Refused(refused.into())),
        Err(away) => Err(Probe::Unreachable(away.into())),
    };
    let check_kafka = async || match processor.publisher.check(CHECK_TIMEOUT).await {
        Ok(()) => Ok(()),
        Err(refused @ conveyor::CheckError::Refused { .. }) => Err(Probe::Refused(refused.into())),
        Err(away) => Err(Probe::Unreachable(away.into())),
    };
    tokio::try_join!(
        wait_until_reachable(&s3, &frame.shutdown, check_s3),
        wait_until_reachable(&registry, &frame.shutdown, check_registry),
        wait_until_reachable(&kafka, &frame.shutdown, check_kafka),
    )?;
    Ok(())
}
