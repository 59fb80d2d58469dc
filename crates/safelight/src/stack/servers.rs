//! The servers that stand in for AWS and Kafka: started first, stopped last.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use chassis::Shutdown;
use depot::{Depot, DepotArgs};
use sink::{Table, TableArgs};
use time::OffsetDateTime;
use tokio::task::JoinHandle;

use crate::stack::broker::{KafkaChoice, StackKafka};
use crate::stack::files::{Addresses, Keys};
use crate::stack::listen::loopback;
use crate::stack::settings::Settings;
use standins::dynamodb::DynamoDb;
use standins::issuer::{AUDIENCE, ISSUER, Issuer};
use standins::registry::Registry;
use standins::s3;

const REGION: &str = "us-east-1";
const TTL_EVERY: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(5);
const LIFECYCLE_EVERY: Duration = Duration::from_secs(3600);

/// Running servers.
pub(crate) struct Servers {
    keys: Keys,
    s3_url: String,
    services_url: String,
    dynamodb: DynamoDb,
    kafka: StackKafka,
    shutdown: Shutdown,
    tasks: Vec<JoinHandle<()>>,
}

impl Servers {
    /// Starts S3, DynamoDB, registry, issuer and Kafka on loopback, each on a free port, each in a folder of its own.
    pub(crate) async fn start(data: &Path, kafka: &KafkaChoice) -> anyhow::Result<Servers> {
        let keys = Keys::open(data)?;
        let (s3_listener, services, dynamodb) = (loopback().await?, loopback().await?, loopback().await?);
        let s3_url = format!("http://{}", s3_listener.local_addr()?);
        let services_url = format!("http://{}", services.local_addr()?);
        let shutdown = Shutdown::new();

        let store = s3::Store::open(&data.join("s3")).context("open the local S3")?;
        let credentials = s3::Credentials::new(keys.access_key_id.clone(), keys.secret_access_key.clone());
        let lifecycle = tokio::spawn(apply_lifecycle(store.clone(), shutdown.clone()));
        let stop = shutdown.clone();
        let s3 = tokio::spawn(async move {
            if let Err(cause) =
                s3::serve(store, s3_listener, credentials, async move { stop.triggered().await }).await
            {
                tracing::error!("local S3 ended: {cause:#}");
            }
        });
        let registry = Registry::open(&data.join("registry.sqlite")).context("open the schema registry")?;
        let router = registry.router().merge(Issuer::open(data)?.router(&services_url));
        let stop = shutdown.clone();
        let served =
            axum::serve(services, router).with_graceful_shutdown(async move { stop.triggered().await });
        let services = tokio::spawn(async move { drop(served.await) });
        let dynamodb = DynamoDb::start(&data.join("dynamodb"), dynamodb.into_std()?, TTL_EVERY)
            .context("open the local DynamoDB")?;
        let kafka = StackKafka::start(kafka, &data.join("kafka")).await.context("start Kafka")?;
        Ok(Servers {
            keys,
            s3_url,
            services_url,
            dynamodb,
            kafka,
            shutdown,
            tasks: vec![s3, services, lifecycle],
        })
    }

    /// Returns where everything answers.
    pub(crate) fn addresses(&self, http: String, admin: String) -> Addresses {
        Addresses {
            ready: true,
            http,
            admin,
            kafka: self.kafka.bootstrap().to_owned(),
            kafka_kind: self.kafka.kind_name().to_owned(),
            s3: self.s3_url.clone(),
            dynamodb: format!("http://{}", self.dynamodb.address()),
            schema_registry: self.services_url.clone(),
        }
    }

    /// Returns what a station needs to work on these servers, by the names of its environment.
    pub(crate) fn settings(&self, addresses: &Addresses, data: &Path) -> Settings {
        let mut settings = Settings::default();
        settings
            .set("AWS_ACCESS_KEY_ID", &self.keys.access_key_id)
            .set("AWS_SECRET_ACCESS_KEY", &self.keys.secret_access_key)
            .set("AWS_REGION", REGION)
            // What the AWS CLI and boto3 read instead.
            .set("AWS_DEFAULT_REGION", REGION)
            .set("AWS_ENDPOINT_URL_S3", &addresses.s3)
            .set("AWS_ENDPOINT_URL_DYNAMODB", &addresses.dynamodb)
            .set("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
            .set("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required")
            .set("S3_FORCE_PATH_STYLE", "true")
            .set("SAFELIGHT_BUCKET_ORIGINALS", "safelight-originals")
            .set("SAFELIGHT_BUCKET_RENDITIONS", "safelight-renditions")
            .set("SAFELIGHT_TABLE", "images")
            .set("KAFKA_BOOTSTRAP_SERVERS", &addresses.kafka)
            .set("SCHEMA_REGISTRY_URL", &addresses.schema_registry)
            .set("OIDC_ISSUER", ISSUER)
            .set("OIDC_AUDIENCE", AUDIENCE)
            .set("OIDC_JWKS_URL", format!("{}/.well-known/jwks.json", addresses.schema_registry))
            .set("SAFELIGHT_CURSOR_KEY", &self.keys.cursor_key)
            .set("SAFELIGHT_DATA_DIR", data.join("sink").display().to_string())
            .set("SAFELIGHT_URL", &addresses.http)
            // Stations run by hand beside the stack take free ports and say in their logs which.
            .set("SAFELIGHT_HTTP_ADDR", "127.0.0.1:0")
            .set("SAFELIGHT_ADMIN_ADDR", "127.0.0.1:0");
        if self.kafka.is_own() {
            // Whatever the shell says about some other cluster.
            settings.set("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT");
        }
        let kafka = self.kafka.client_args();
        settings.set("SAFELIGHT_KAFKA_FETCH_WAIT_MS", kafka.fetch_wait_ms.to_string());
        if let Some(epoch) = kafka.epoch {
            settings.set("SAFELIGHT_KAFKA_EPOCH", epoch);
        }
        settings
    }

    /// Makes buckets and the table where they are missing; the topics came with the broker.
    pub(crate) async fn provision(&self, settings: &Settings) -> anyhow::Result<()> {
        #[derive(clap::Parser)]
        struct Wanted {
            #[command(flatten)]
            depot: DepotArgs,
            #[command(flatten)]
            table: TableArgs,
        }
        let mut wanted: Wanted = settings.configure()?;
        wanted.depot.endpoint = Some(self.s3());
        wanted.table.table_endpoint = Some(self.dynamodb());
        Depot::open(&wanted.depot).await.provision().await.context("make the buckets")?;
        Table::open(&wanted.table).await.provision().await.context("make the table")?;
        Ok(())
    }

    /// Returns whose place in their groups the stations of this process take.
    pub(crate) fn group_instance_id(&self) -> Option<String> {
        self.kafka.group_instance_id()
    }

    /// Returns how the stations' depot finds the local S3.
    pub(crate) fn s3(&self) -> depot::Endpoint {
        depot::Endpoint {
            url: self.s3_url.clone(),
            region: REGION.to_owned(),
            access_key_id: self.keys.access_key_id.clone(),
            secret_access_key: self.keys.secret_access_key.clone(),
        }
    }

    /// Returns how the sink's table finds the local DynamoDB.
    pub(crate) fn dynamodb(&self) -> sink::Endpoint {
        sink::Endpoint {
            url: format!("http://{}", self.dynamodb.address()),
            region: REGION.to_owned(),
            access_key_id: self.keys.access_key_id.clone(),
            secret_access_key: self.keys.secret_access_key.clone(),
        }
    }

    /// Stops the servers, bounded: what they have acknowledged is on disk already, and a client that stopped in the
    /// middle of a request would be waited for without end.
    pub(crate) async fn stop(self) {
        self.shutdown.trigger();
        self.kafka.stop().await;
        let rest = async {
            self.dynamodb.stop().await;
            for task in self.tasks {
                drop(task.await);
            }
        };
        if tokio::time::timeout(STOP_MAX, rest).await.is_err() {
            tracing::warn!("leave requests to the local servers unfinished");
        }
    }
}

async fn apply_lifecycle(store: s3::Store, shutdown: Shutdown) {
    let mut ticks = tokio::time::interval(LIFECYCLE_EVERY);
    loop {
        tokio::select! {
            () = shutdown.triggered() => return,
            _ = ticks.tick() => {}
        }
        if let Err(cause) = store.apply_lifecycle(OffsetDateTime::now_utc()).await {
            tracing::warn!("apply the buckets' lifecycle: {:#}", anyhow::Error::new(cause));
        }
    }
}
