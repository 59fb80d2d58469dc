//! `safelight up`: the whole stack in this process.

use std::path::PathBuf;
use std::process::ExitCode;

use chassis::Shutdown;
use clap::Args;

use crate::args::ListenArgs;
use crate::output;
use crate::stack::files::Addresses;
use crate::stack::{KafkaChoice, Selection, Stack, StackPlan};

/// What to run, and where.
#[derive(Clone, Debug, Args)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    listen: ListenArgs,

    /// Folder that keeps everything; one stack a folder
    #[arg(long, value_name = "DIR", default_value = ".safelight")]
    pub(crate) data: PathBuf,

    /// `apache` (Java 17 and `make kafka`), `embedded` (in memory, librdkafka clients only), `auto`, or HOST:PORT of yours
    #[arg(long, default_value = "auto")]
    kafka: KafkaChoice,

    /// Stations in this process: `all`, `none`, or some of `ingest,processor,sink`
    #[arg(long, default_value = "all")]
    stations: Selection,

    /// Folder of recipes and `customers.toml`, which says whose images get which; read at the start
    #[arg(long, env = "SAFELIGHT_RECIPES_DIR", value_name = "DIR")]
    recipes: Option<PathBuf>,
}

impl UpArgs {
    pub(crate) fn plan(&self) -> StackPlan {
        StackPlan {
            data: self.data.clone(),
            http: self.listen.http,
            admin: self.listen.admin,
            kafka: self.kafka.clone(),
            stations: self.stations,
            recipes: self.recipes.clone(),
        }
    }
}

/// Runs until Ctrl-C or SIGTERM. Prints one JSON line on stdout once everything is ready.
pub(crate) async fn run(args: UpArgs) -> anyhow::Result<ExitCode> {
    let shutdown = Shutdown::on_signals()?;
    let stack = Stack::start(args.plan(), shutdown).await?;
    output::data(serde_json::to_string(stack.addresses())?);
    announce(stack.addresses(), &args)?;
    stack.run().await?;
    Ok(ExitCode::SUCCESS)
}

/// Tells people where everything is.
pub(crate) fn announce(addresses: &Addresses, args: &UpArgs) -> anyhow::Result<()> {
    announce_kafka(addresses);
    announce_page(addresses, args)
}

/// Tells people how other clients find the stack, and where the page is.
pub(crate) fn announce_page(addresses: &Addresses, args: &UpArgs) -> anyhow::Result<()> {
    output::message(format!("clients set -a; . {}/env", args.data.display()));
    output::message(format!("page    {}", page_url(addresses, args)?));
    Ok(())
}

/// Tells people which broker runs and what that means.
pub(crate) fn announce_kafka(addresses: &Addresses) {
    let meaning = match addresses.kafka_kind.as_str() {
        "apache" => "a real Apache Kafka, its log in the data folder; any client works",
        "embedded" => {
            "in memory, for librdkafka clients only; what a restart loses the sweep finds again. \
             Install Java 17 and run `make kafka` for a real one"
        }
        _ => "yours",
    };
    output::message(format!("kafka   {} ({}: {meaning})", addresses.kafka, addresses.kafka_kind));
}

fn page_url(addresses: &Addresses, args: &UpArgs) -> anyhow::Result<String> {
    use standins::issuer::{Issuer, Role};
    let customer = proto::CustomerId::parse("demo")?;
    let lifetime = std::time::Duration::from_secs(12 * 3600);
    let token = Issuer::open(&args.data)?.token(&customer, Role::Customer, lifetime)?;
    // In the fragment, so that it reaches no server and no log.
    Ok(format!("{}/#token={token}", addresses.http))
}
