"""Reads whole topics as a stranger would: Confluent's client and Protobuf deserializer, nothing of ours.

    consume.py BOOTSTRAP REGISTRY TOPIC...

The message classes are built from what the registry holds under `<topic>-value`. Every record up to the end of its
partition becomes one line of JSON on stdout: topic, key, headers, value, and, where the value is a dead letter, the
record that it holds.
"""

import base64
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.json_format import MessageToDict

ANSWER_SECS_MAX = 30
UPLOADED = "images.uploaded.v1"


def compiled(schema: str) -> descriptor_pb2.FileDescriptorProto:
    """Compiles the text of a schema with buf, which stands beside this Python."""
    buf = Path(sys.executable).with_name("buf")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "schema.proto").write_text(schema)
        built = subprocess.run([buf, "build", folder, "--output", "-#format=binpb"], check=True, capture_output=True)
    (file,) = descriptor_pb2.FileDescriptorSet.FromString(built.stdout).file
    return file


class Registry(SchemaRegistryClient):
    """Confluent's client, for registries that know schemas as text only."""

    def get_schema(self, schema_id, subject_name=None, fmt=None, reference_format=None):
        schema = super().get_schema(schema_id, subject_name, fmt, reference_format)
        if fmt == "serialized" and schema.schema_str.lstrip().startswith(("syntax", "//")):
            text = base64.b64encode(compiled(schema.schema_str).SerializeToString()).decode()
            return Schema(text, schema.schema_type)
        return schema


def reader_of(topic: str, registry: Registry) -> ProtobufDeserializer:
    """Makes the deserializer of a topic's values, its message class being the first of the newest schema."""
    schema = registry.get_latest_version(f"{topic}-value").schema.schema_str
    file = compiled(schema)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    name = f"{file.package}.{file.message_type[0].name}"
    message = message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
    return ProtobufDeserializer(message, {"use.deprecated.format": False}, registry)


def as_json(message) -> dict:
    return MessageToDict(message, preserving_proto_field_name=True, use_integers_for_enums=False)


def records(consumer: Consumer, topics: list):
    """Yields every record that the topics hold now."""
    ends = {}
    for topic in topics:
        for number in consumer.list_topics(topic, ANSWER_SECS_MAX).topics[topic].partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), ANSWER_SECS_MAX)
            if low < high:
                ends[topic, number] = high
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for topic, number in ends])
    while ends:
        record = consumer.poll(ANSWER_SECS_MAX)
        if record is None or record.error():
            sys.exit(f"nothing comes from {sorted(ends)}: {record and record.error()}")
        if record.offset() + 1 >= ends.get((record.topic(), record.partition()), 0):
            ends.pop((record.topic(), record.partition()), None)
        yield record


def line_of(record, readers: dict) -> dict:
    topic = record.topic()
    context = SerializationContext(topic, MessageField.VALUE, record.headers())
    message = readers[topic](record.value(), context)
    line = {
        "topic": topic,
        "key": record.key().decode(),
        "headers": {name: value.decode() for name, value in record.headers() or []},
        "value": as_json(message),
    }
    if "original_value" in message.DESCRIPTOR.fields_by_name:
        context = SerializationContext(UPLOADED, MessageField.VALUE)
        line["original"] = as_json(readers[UPLOADED](message.original_value, context))
    return line


def main(bootstrap: str, url: str, *topics: str) -> None:
    registry = Registry({"url": url})
    readers = {topic: reader_of(topic, registry) for topic in topics}
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "consume.py", "enable.auto.commit": False, "check.crcs": True}
    )
    for record in records(consumer, list(topics)):
        print(json.dumps(line_of(record, readers)))
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
