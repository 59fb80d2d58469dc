//! A depot on versitygw, with both buckets made.

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use depot::{Depot, DepotArgs};
use street::servers::{ORIGINALS, RENDITIONS, Versitygw};

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    depot: DepotArgs,
}

/// The running server.
pub(crate) struct Peer {
    s3: Versitygw,
}

/// Whether the buckets keep versions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Versions {
    Kept,
    NotKept,
}

impl Peer {
    pub(crate) async fn start(versions: Versions) -> Peer {
        let s3 = Versitygw::with_buckets().await;
        let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        for bucket in [ORIGINALS, RENDITIONS].iter().filter(|_| versions == Versions::Kept) {
            let put = s3.client().put_bucket_versioning().bucket(*bucket);
            put.versioning_configuration(enabled.clone()).send().await.expect("versions are kept");
        }
        Peer { s3 }
    }

    pub(crate) fn args(&self) -> DepotArgs {
        let mut args = <Cli as clap::Parser>::parse_from(["test", "--s3-force-path-style=true"]).depot;
        args.endpoint = Some(self.s3.endpoint());
        args
    }

    pub(crate) async fn depot(&self) -> Depot {
        Depot::open(&self.args()).await
    }

    /// A client that looks at the server past the depot.
    pub(crate) fn client(&self) -> aws_sdk_s3::Client {
        self.s3.client()
    }
}
