//! What others need to work on the local stack: its `env` file and nothing else.

use std::process::Command;

use street::stack::Stack;
use street::tools::cached;

/// Asks every server that the file names, as an analyst's script would: no region, address or key in it.
const SCRIPT: &str = "
import boto3, os, urllib.request
names = [bucket['Name'] for bucket in boto3.client('s3').list_buckets()['Buckets']]
assert os.environ['SAFELIGHT_BUCKET_ORIGINALS'] in names, names
tables = boto3.client('dynamodb').list_tables()['TableNames']
assert os.environ['SAFELIGHT_TABLE'] in tables, tables
subjects = urllib.request.urlopen(os.environ['SCHEMA_REGISTRY_URL'] + '/subjects').read()
assert b'images.uploaded.v1-value' in subjects, subjects
print('all there')
";

#[tokio::test]
async fn the_env_file_is_all_that_other_clients_need() {
    // What the shell says about some other cluster must not reach the stack's own.
    let elsewhere = [("KAFKA_SECURITY_PROTOCOL", "SASL_SSL"), ("KAFKA_SASL_PASSWORD_FILE", "/nowhere")];
    let elsewhere = elsewhere.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let stack = Stack::up_with(&["--kafka", "embedded"], &elsewhere).await;
    let mut shell = Command::new("bash");
    shell.env_clear().env("ENV_FILE", stack.data().join("env")).env("PYTHON", cached("venv/bin/python"));
    shell.args(["-euc", "set -a; . \"$ENV_FILE\"; exec \"$PYTHON\" -c \"$0\"", SCRIPT]);
    let ran = shell.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert_eq!(said.trim(), "all there", "{}", String::from_utf8_lossy(&ran.stderr));
}
