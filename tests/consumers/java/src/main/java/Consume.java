import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import io.apicurio.registry.resolver.ParsedSchema;
import io.apicurio.registry.serde.SerdeConfig;
import io.apicurio.registry.serde.config.IdOption;
import io.apicurio.registry.serde.protobuf.ProtobufKafkaDeserializer;
import io.apicurio.registry.serde.protobuf.ref.RefOuterClass.Ref;
import io.apicurio.registry.utils.protobuf.schema.ProtobufSchema;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Reads whole topics as a stranger would: Apache Kafka's client and Apicurio's Protobuf serde, nothing of ours.
 *
 * <pre>Consume BOOTSTRAP REGISTRY TOPIC...</pre>
 *
 * REGISTRY is Apicurio's own API. Every record up to the end of its partition becomes one line of JSON on stdout: topic,
 * key, headers, value, and, where the value is a dead letter, the record that it holds.
 */
public final class Consume {
    private static final String UPLOADED = "images.uploaded.v1";

    private Consume() {}

    public static void main(String[] args) throws InvalidProtocolBufferException {
        Map<String, Object> config = Map.of(
                "bootstrap.servers", args[0],
                "enable.auto.commit", false,
                "auto.offset.reset", "earliest",
                SerdeConfig.REGISTRY_URL, args[1],
                SerdeConfig.ENABLE_CONFLUENT_ID_HANDLER, true,
                // What its Confluent-compatible side gives as the id of a schema.
                SerdeConfig.USE_ID, IdOption.contentId.name());
        var values = new Values();
        values.configure(config, false);
        try (var consumer = new KafkaConsumer<>(config, new StringDeserializer(), values)) {
            for (String topic : List.of(args).subList(2, args.length)) {
                for (var record : records(consumer, topic)) {
                    System.out.println(line(record, values));
                }
            }
        }
    }

    /** Returns every record that the topic holds now. */
    private static List<ConsumerRecord<String, DynamicMessage>> records(
            KafkaConsumer<String, DynamicMessage> consumer, String topic) {
        var partitions = consumer.partitionsFor(topic).stream()
                .map(info -> new TopicPartition(topic, info.partition()))
                .toList();
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        var ends = consumer.endOffsets(partitions);
        var records = new ArrayList<ConsumerRecord<String, DynamicMessage>>();
        while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
            consumer.poll(Duration.ofSeconds(1)).forEach(records::add);
        }
        return records;
    }

    private static String line(ConsumerRecord<String, DynamicMessage> record, Values values)
            throws InvalidProtocolBufferException {
        var headers = new ArrayList<String>();
        for (Header header : record.headers()) {
            headers.add(quoted(header.key()) + ":" + quoted(new String(header.value(), StandardCharsets.UTF_8)));
        }
        String line = "{\"topic\":" + quoted(record.topic())
                + ",\"key\":" + quoted(record.key())
                + ",\"headers\":{" + String.join(",", headers) + "}"
                + ",\"value\":" + json(record.value());
        FieldDescriptor original = record.value().getDescriptorForType().findFieldByName("original_value");
        if (original != null) {
            byte[] bytes = ((ByteString) record.value().getField(original)).toByteArray();
            line += ",\"original\":" + json(values.deserialize(UPLOADED, bytes));
        }
        return line + "}";
    }

    private static String json(DynamicMessage message) throws InvalidProtocolBufferException {
        return JsonFormat.printer().preservingProtoFieldNames().omittingInsignificantWhitespace().print(message);
    }

    private static String quoted(String text) {
        return new com.google.gson.JsonPrimitive(text).toString();
    }

    /**
     * Apicurio's deserializer for Confluent's frame. Where that has a list of message indexes, the serde of this version
     * expects a reference by name, and takes the index 0 for a message without one: it gets the name.
     */
    private static final class Values extends ProtobufKafkaDeserializer<DynamicMessage> {
        @Override
        protected DynamicMessage readData(ParsedSchema<ProtobufSchema> schema, ByteBuffer buffer, int start, int length) {
            if (buffer.array()[start] != 0) {
                throw new IllegalArgumentException("the message is not the first of its schema");
            }
            Descriptor first = schema.getParsedSchema().getFileDescriptor().getMessageTypes().get(0);
            var named = new ByteArrayOutputStream();
            try {
                Ref.newBuilder().setName(first.getName()).build().writeDelimitedTo(named);
            } catch (IOException cause) {
                throw new UncheckedIOException(cause);
            }
            named.write(buffer.array(), start + 1, length - 1);
            return super.readData(schema, ByteBuffer.wrap(named.toByteArray()), 0, named.size());
        }
    }
}
