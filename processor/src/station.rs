//! The processor's life: build the clients, check the dependencies, work, drain.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chassis::{Frame, Misconfigured, Probe, wait_until_reachable};
use conveyor::{Belt, BeltArgs, CheckError, Publisher};
use darkroom::worker::{Pool, PoolConfig, StartError};
use depot::Depot;
use futures::future::BoxFuture;
use proto::{Codec, RecipeBook, Topic};
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::handler::Processor;
use crate::metrics;
use crate::recipes::Recipes;
use crate::setbacks::Setbacks;

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
        images_in_memory: Arc::new(Semaphore::new(images_in_hand_max(config.pool.workers))),
        setbacks: Setbacks::new(config.processor.host_tries_max),
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

/// Returns how many images are worked on at once: two for each worker, one inside and one whose original is fetched or
/// whose renditions are stored meanwhile, and two more so that a slow one starves nobody.
fn images_in_hand_max(workers: NonZeroUsize) -> usize {
    2 * workers.get() + 2
}

/// Returns the belt's limits with room for every worker: each image counts as the longest original. More in hand would
/// only wait for a worker, and their time with it.
fn limits(belt: BeltArgs, pool: &PoolConfig) -> BeltArgs {
    let bytes = (images_in_hand_max(pool.workers) as u64).saturating_mul(pool.limits.file_bytes_max.max(1));
    BeltArgs { in_flight_bytes_max: bytes, ..belt }
}

async fn work(config: Config, frame: Frame, processor: Processor) -> anyhow::Result<()> {
    let publisher = processor.publisher.clone();
    let belt = Belt {
        group: GROUP.to_owned(),
        topics: vec![Topic::Uploaded],
        kafka: config.kafka,
        limits: limits(config.belt, &config.pool),
        publisher: publisher.clone(),
        handler: Arc::new(processor),
    };
    let consumer = frame.health.component("consumer");
    let report = move |is_ready: bool, why: &str| if is_ready { consumer.up() } else { consumer.down(why) };
    let ended = conveyor::run(belt, report, frame.shutdown.token()).await;
    publisher.flush(FLUSH_TIMEOUT).await;
    ended.context("carry originals to the workers").map_err(|error| {
        if CheckError::is_refusal(&error) { Misconfigured(format!("{error:#}")).into() } else { error }
    })
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
        Err(refused @ CheckError::Refused { .. }) => Err(Probe::Refused(refused.into())),
        Err(away) => Err(Probe::Unreachable(away.into())),
    };
    tokio::try_join!(
        wait_until_reachable(&s3, &frame.shutdown, check_s3),
        wait_until_reachable(&registry, &frame.shutdown, check_registry),
        wait_until_reachable(&kafka, &frame.shutdown, check_kafka),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_hand_is_bounded_by_the_workers_and_every_worker_has_more_to_do() {
        for workers in [1, 2, 16] {
            let workers = NonZeroUsize::new(workers).unwrap();
            let pool = PoolConfig { workers, ..PoolConfig::default() };
            let limits = limits(BeltArgs::default(), &pool);
            let images = limits.in_flight_bytes_max / pool.limits.file_bytes_max;
            assert_eq!(images, images_in_hand_max(workers) as u64);
            assert!(images > workers.get() as u64 && images <= 4 * workers.get() as u64);
        }
    }
}
