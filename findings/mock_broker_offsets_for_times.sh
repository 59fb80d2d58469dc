#!/usr/bin/env bash
# librdkafka's in-memory mock broker (`test.mock.num.brokers`), which many use for tests and some for a local stack,
# knows no timestamps: whatever time a client asks ListOffsets for, it answers -1. `offsets_for_times` hands that on as
# OFFSET_END, which on a real broker means that no record is as late as that. So code that starts "from yesterday on"
# starts at the end, sees nothing and reports no error: a test against the mock passes on an empty answer, a program
# loses its history. Apache Kafka answers the first record at or after the time. Ask the mock for the beginning, and
# look at the timestamps of the records yourself.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check confluent-kafka==2.12.1

"$dir/venv/bin/python" - <<'PY'
import sys
import confluent_kafka as ck

HOUR_MS = 3_600_000
T0 = 1_700_000_000_000
print("confluent-kafka", ck.version()[0] if isinstance(ck.version(), tuple) else ck.version(), "on librdkafka", ck.libversion()[0])

producer = ck.Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "ignored"})
# The mock lives in the producer; its address is told by its metadata.
brokers = producer.list_topics(timeout=20).brokers.values()
address = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
for hour in range(5):
    producer.produce("hours", value=str(hour), partition=0, timestamp=T0 + hour * HOUR_MS)
assert producer.flush(20) == 0

consumer = ck.Consumer({"bootstrap.servers": address, "group.id": "g", "auto.offset.reset": "earliest"})
low, high = consumer.get_watermark_offsets(ck.TopicPartition("hours", 0), timeout=20)
print(f"five records, an hour apart: offsets {low} to {high}")

answers = {}
for name, at in [("an hour before the first", T0 - HOUR_MS), ("the third's", T0 + 2 * HOUR_MS), ("an hour after the last", T0 + 5 * HOUR_MS)]:
    [answer] = consumer.offsets_for_times([ck.TopicPartition("hours", 0, at)], timeout=20)
    answers[name] = (answer.offset, answer.error)
    print(f"asked for {name} time: offset {answer.offset}, error {answer.error}")

consumer.assign([ck.TopicPartition("hours", 0, 0)])
stamps = []
while len(stamps) < 5:
    message = consumer.poll(20)
    assert message is not None and message.error() is None
    stamps.append(message.timestamp()[1])
print("the records have their timestamps:", stamps == [T0 + hour * HOUR_MS for hour in range(5)])
consumer.close()

surprising = (low, high) == (0, 5) and all(answer == (ck.OFFSET_END, None) for answer in answers.values())
print("as it was found" if surprising else "CHANGED: the mock answers timestamps otherwise now")
sys.exit(0 if surprising else 1)
PY
