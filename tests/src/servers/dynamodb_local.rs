//! Amazon's DynamoDB Local.

use std::path::Path;

use reqwest::StatusCode;

use super::child::{Child, Home, JVM};
use crate::tools::cached;

/// A running DynamoDB Local.
pub struct DynamoDbLocal {
    child: Child,
}

impl DynamoDbLocal {
    /// Starts it without a table, and returns once it answers.
    pub async fn start() -> DynamoDbLocal {
        let home = Home::new();
        let (data, jars) = (home.folder("data"), cached("dynamodb-local-2.6.1"));
        let (library, jars) =
            (format!("-Djava.library.path={}", jars.display()), format!("{}/*", jars.display()));
        let java = [&JVM[..], &["-Xmx256m", &library, "-cp", &jars]].concat();
        let class = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner";
        let port = home.port.to_string();
        // With telemetry it would call home, and leave a file wherever the tests were started.
        let options = [class, "-port", &port, "-sharedDb", "-dbPath", &data, "-disableTelemetry"];
        let child = home.start(Path::new("java"), &[&java[..], &options].concat());
        let mut dynamodb = DynamoDbLocal { child };
        dynamodb.child.answers("/", |status| status == StatusCode::BAD_REQUEST).await;
        dynamodb
    }

    /// Returns its address.
    pub fn url(&self) -> String {
        self.child.url("")
    }
}
