#!/usr/bin/env bash
# A consumer that has read everything asks where a partition ends (`get_watermark_offsets`, librdkafka's
# query_watermark_offsets): on Apache Kafka each answer takes up to fetch.wait.max.ms, half a second, though the broker is
# idle and a client that does not fetch has it in a millisecond. The broker answers the requests of one connection in
# their order, librdkafka sends questions down the connection that it fetches over, and a fetch of nothing is held open.
# Who shows the lag of 36 partitions, one by one, needs a quarter of a minute for it, just where nothing happens; a
# health check that does so runs into its time-out. One question for all partitions (`offsets_for_times` takes -1 and -2
# for the two ends) waits once.
set -euo pipefail

command -v java >/dev/null && command -v mvn >/dev/null || { echo "needs java and mvn" >&2; exit 2; }
dir=$(mktemp -d)
trap '[ -z "${broker:-}" ] || { kill "$broker" && wait "$broker"; } 2>/dev/null; rm -rf "$dir"' EXIT
cat >"$dir/pom.xml" <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>x</groupId><artifactId>x</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>4.3.0</version></dependency>
  </dependencies>
</project>
XML
mvn -q -f "$dir/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$dir/jars"
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check confluent-kafka==2.12.1

read -r port controller < <(python3 -c '
import socket
listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in listening))')
cat >"$dir/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$dir/log
PROPERTIES
java -cp "$dir/jars/*" kafka.tools.StorageTool format -t 4L6g3nShT-eMCtK--X86sw -c "$dir/server.properties" >"$dir/out" 2>&1
java -Xmx384m -cp "$dir/jars/*" kafka.Kafka "$dir/server.properties" >"$dir/out" 2>&1 &
broker=$!

"$dir/venv/bin/python" - "127.0.0.1:$port" <<'PY'
import statistics
import sys
import time

import confluent_kafka as ck
from confluent_kafka.admin import AdminClient, NewTopic

PARTITIONS = 12
address = {"bootstrap.servers": sys.argv[1]}
print("Apache Kafka 4.3.0, confluent-kafka", ck.__version__, "on librdkafka", ck.libversion()[0])
admin = AdminClient(address)
admin.list_topics(timeout=60)
admin.create_topics([NewTopic("quiet", PARTITIONS, 1)])["quiet"].result(60)
places = [ck.TopicPartition("quiet", number, 0) for number in range(PARTITIONS)]


def client():
    return ck.Consumer({**address, "group.id": "g", "enable.auto.commit": False, "auto.offset.reset": "earliest"})


def took(work):
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def one_by_one(consumer):
    for place in places:
        consumer.get_watermark_offsets(place, timeout=20)


def at_once(consumer):
    ends = consumer.offsets_for_times([ck.TopicPartition("quiet", place.partition, -1) for place in places], timeout=20)
    assert [end.offset for end in ends] == [0] * PARTITIONS, ends


idle, fetching = client(), client()
fetching.assign(places)
fetching.poll(5)  # nothing comes: from here on a fetch is always open
figures = {}
for name, consumer, work in [
    ("a client that does not fetch, one by one", idle, one_by_one),
    ("a client that fetches, one by one", fetching, one_by_one),
    ("a client that fetches, all at once", fetching, at_once),
]:
    work(consumer)
    figures[name] = statistics.median(took(lambda: work(consumer)) for _ in range(3))
    print(f"the ends of {PARTITIONS} quiet partitions, {name}: {figures[name] * 1000:.0f} ms")
idle.close()
fetching.close()
without, each, whole = figures.values()
found = each > 10 * without and each > 4 * whole
print("as it was found" if found else "CHANGED: questions no longer wait behind a fetch")
sys.exit(0 if found else 1)
PY
