import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelConsumerOptions.CommitMode;
import io.confluent.parallelconsumer.ParallelConsumerOptions.ProcessingOrder;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import io.confluent.parallelconsumer.vertx.VertxParallelEoSStreamProcessor;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.client.WebClient;
import io.vertx.ext.web.client.WebClientOptions;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * What one would build with Confluent's Parallel Consumer in the worker's place: an event from Kafka, a PATCH, a record of
 * its result; in order per key, many at once. It keeps no record of persons, plans nothing, verifies nothing.
 *
 * <pre>java Peer vertx|transactional BROKERS IN OUT GROUP PORT IN_FLIGHT</pre>
 *
 * vertx: asynchronous calls, offsets committed now and then, at least once (Parallel Consumer refuses transactions here).
 * transactional: a thread for each call in flight, result and offset in one transaction.
 * Runs until it is killed; the target measures.
 */
public final class Peer {
    private static final String FRONT = "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],"
        + "\"Operations\":[{\"op\":\"Replace\",\"path\":\"displayName\",\"value\":\"Person #";
    private static final String TOKEN = "Bearer bench-token";
    private static final String TYPE = "application/scim+json";

    private final String mode;
    private final String brokers;
    private final String in;
    private final String out;
    private final String group;
    private final int port;
    private final int inFlight;

    private Peer(String[] args) {
        mode = args[0];
        brokers = args[1];
        in = args[2];
        out = args[3];
        group = args[4];
        port = Integer.parseInt(args[5]);
        inFlight = Integer.parseInt(args[6]);
    }

    public static void main(String[] args) throws InterruptedException {
        var peer = new Peer(args);
        peer.start().subscribe(List.of(peer.in));
        new CountDownLatch(1).await();
    }

    private Processor start() {
        return mode.equals("vertx") ? startVertx() : startTransactional();
    }

    /** Both processors are subscribed after they were told what to do. */
    private interface Processor {
        void subscribe(List<String> topics);
    }

    private Properties base() {
        var p = new Properties();
        p.put("bootstrap.servers", brokers);
        return p;
    }

    private KafkaProducer<String, String> producer(boolean transactional) {
        var p = base();
        p.put("key.serializer", StringSerializer.class);
        p.put("value.serializer", StringSerializer.class);
        p.put("acks", "all");
        p.put("enable.idempotence", "true");
        if (transactional) {
            p.put("transactional.id", "peer-" + group);
        }
        return new KafkaProducer<>(p);
    }

    private KafkaConsumer<String, String> consumer() {
        var p = base();
        p.put("key.deserializer", StringDeserializer.class);
        p.put("value.deserializer", StringDeserializer.class);
        p.put("group.id", group);
        p.put("enable.auto.commit", "false");
        p.put("auto.offset.reset", "earliest");
        p.put("isolation.level", "read_committed");
        return new KafkaConsumer<>(p);
    }

    private ParallelConsumerOptions.ParallelConsumerOptionsBuilder<String, String> options(CommitMode commits) {
        return ParallelConsumerOptions.<String, String>builder().ordering(ProcessingOrder.KEY)
            .maxConcurrency(inFlight).consumer(consumer()).commitMode(commits);
    }

    /** The number of the event among those of its person, as its display name has it. */
    private static String number(String value) {
        int from = value.indexOf('#') + 1;
        return value.substring(from, value.indexOf('"', from));
    }

    private static String body(String number) {
        return FRONT + number + "\"}]}";
    }

    private ProducerRecord<String, String> result(String key, String number, int status) {
        return new ProducerRecord<>(out, key, "{\"number\":" + number + ",\"status\":" + status + "}");
    }

    /** user-17 is the account with id 17. */
    private static String path(String key) {
        return "/t00/Users/" + key.substring(key.indexOf('-') + 1);
    }

    private Processor startVertx() {
        var producer = producer(false);
        var vertx = Vertx.vertx(new VertxOptions().setWorkerPoolSize(1).setInternalBlockingPoolSize(1));
        var client = WebClient.create(vertx, new WebClientOptions().setMaxPoolSize(inFlight)); // as the library sets it
        var p = new VertxParallelEoSStreamProcessor<String, String>(vertx, client,
            options(CommitMode.PERIODIC_CONSUMER_SYNC).build());
        return topics -> {
            p.subscribe(topics);
            p.vertxFuture(context -> {
                String key = context.key();
                String number = number(context.value());
                Promise<Void> done = Promise.promise();
                client.request(HttpMethod.PATCH, port, "127.0.0.1", path(key)).putHeader("Authorization", TOKEN)
                    .putHeader("Content-Type", TYPE).sendBuffer(Buffer.buffer(body(number))).onComplete(reply -> {
                        if (reply.failed()) {
                            done.fail(reply.cause());
                            return;
                        }
                        producer.send(result(key, number, reply.result().statusCode()), (metadata, failure) -> {
                            if (failure != null) {
                                done.fail(failure);
                            } else {
                                done.complete();
                            }
                        });
                    });
                return done.future();
            });
        };
    }

    private Processor startTransactional() {
        var client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        var p = ParallelStreamProcessor.createEosStreamProcessor(
            options(CommitMode.PERIODIC_TRANSACTIONAL_PRODUCER).producer(producer(true)).build());
        return topics -> {
            p.subscribe(topics);
            p.pollAndProduce(context -> {
                String key = context.key();
                String number = number(context.value());
                return result(key, number, call(client, key, number));
            });
        };
    }

    private int call(HttpClient client, String key, String number) {
        var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path(key)))
            .header("Authorization", TOKEN).header("Content-Type", TYPE)
            .method("PATCH", HttpRequest.BodyPublishers.ofString(body(number))).build();
        try {
            return client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode();
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
