//! Apache Kafka, one node, as its own scripts would start it.

use std::path::Path;

use super::child::{Child, Home, JVM, text};
use crate::port::free_port;
use crate::tools::cached;

const CLUSTER_ID: &str = "4L6g3nShT-eMCtK--X86sw";

/// A running broker without topics.
pub struct ApacheKafka {
    child: Child,
}

impl ApacheKafka {
    /// Starts it. Whoever comes first waits for its answer: librdkafka asks until there is one.
    pub async fn start() -> ApacheKafka {
        let home = Home::new();
        let properties = text(&home.path().join("server.properties"));
        std::fs::write(&properties, settings(&home)).expect("a server's folder takes files");
        let jars = format!("{}/*", cached("kafka-4.3.0").display());
        let java = [&JVM[..], &["-Xmx384m", "-cp", &jars]].concat();
        let format = ["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", &properties];
        home.run("java", &[&java[..], &format].concat()).await;
        let run = [&java[..], &["kafka.Kafka", &properties]].concat();
        ApacheKafka { child: home.start(Path::new("java"), &run) }
    }

    /// Returns where it is, `HOST:PORT`.
    pub fn servers(&self) -> String {
        format!("127.0.0.1:{}", self.child.home().port)
    }
}

fn settings(home: &Home) -> String {
    let (port, controller, log) = (home.port, free_port(), home.folder("log"));
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         controller.listener.names=CONTROLLER\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         log.dirs={log}\n\
         auto.create.topics.enable=false\n\
         offsets.topic.replication.factor=1\n\
         offsets.topic.num.partitions=4\n\
         group.initial.rebalance.delay.ms=0\n"
    )
}
