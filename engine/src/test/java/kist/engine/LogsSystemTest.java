package kist.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Logs and streams of real containers: bounded, followed across turns, held by those who are attached. */
@Timeout(120)
class LogsSystemTest {
    /** Counts from 1 on, one number a line, with nothing but the shell. */
    private static String count(int to) {
        return "i=0; while [ $i -lt " + to + " ]; do i=$((i+1)); echo $i; done; ";
    }

    @TempDir
    Path directory;

    private LiveEngine engine;

    @BeforeEach
    void open() throws Exception {
        engine = new LiveEngine(directory);
    }

    @AfterEach
    void close() {
        engine.close();
    }

    private static ContainerConfig logged(String command, String driver, Map<String, String> options) {
        return LiveEngine.shell(command)
                .withHost(HostConfigBuilder.builder()
                        .network("none")
                        .log(new HostConfig.LogConfig(driver, options))
                        .build());
    }

    private Path files(String id) {
        return directory.resolve("root/containers/" + id);
    }

    private List<String> segments(String id) throws IOException {
        try (var all = Files.list(files(id))) {
            return all.map(p -> String.valueOf(p.getFileName()))
                    .filter(n -> n.startsWith("log"))
                    .sorted()
                    .toList();
        }
    }

    private void awaitEnd(String id) throws Exception {
        try (Request.Waiting waiting = engine.call(new Request.WaitContainer(id, Request.WaitCondition.NOT_RUNNING))) {
            waiting.await();
        }
    }

    private static List<Integer> numbers(String text) {
        List<Integer> all = new ArrayList<>();
        for (String line : text.split("\n")) {
            all.add(Integer.parseInt(line.strip()));
        }
        return all;
    }

    private static void assertConsecutive(List<Integer> numbers) {
        for (int i = 1; i < numbers.size(); i++) {
            assertEquals(numbers.get(i - 1) + 1, numbers.get(i), "after " + i + " lines");
        }
    }

    private static String drain(Attachment a) throws InterruptedException {
        StringBuilder text = new StringBuilder();
        for (Optional<Output> o = a.read(); o.isPresent(); o = a.read()) {
            text.append(new String(o.get().bytes(), StandardCharsets.UTF_8));
        }
        return text.toString();
    }

    @Test
    void a_log_is_bounded_and_its_end_is_there_without_a_gap() throws Exception {
        String id = engine.run("c1", logged(count(20_000), "json-file", Map.of("max-size", "40k", "max-file", "3")));
        awaitEnd(id);
        assertEquals(3, segments(id).size());
        List<Integer> numbers = numbers(engine.logs(id));
        assertConsecutive(numbers);
        assertEquals(20_000, numbers.getLast());
        assertTrue(numbers.getFirst() > 1);
        List<Integer> tail = new ArrayList<>();
        try (LogStream log = engine.call(new Request.ReadLogs(id, true, true, false, 0, 0, 2_500))) {
            for (Optional<Output> o = log.read(); o.isPresent(); o = log.read()) {
                tail.add(numbers(new String(o.get().bytes(), StandardCharsets.UTF_8))
                        .getFirst());
            }
        }
        assertEquals(2_500, tail.size(), "the last lines reach over segments");
        assertEquals(17_501, tail.getFirst());
        engine.call(new Request.StartContainer(id));
        awaitEnd(id);
        assertEquals(3, segments(id).size(), "another run goes on with the same log");
    }

    @Test
    void a_follower_loses_and_doubles_nothing_while_segments_turn() throws Exception {
        String id = engine.create(
                "c1", logged("cat; " + count(5_000), "json-file", Map.of("max-size", "20k", "max-file", "5")));
        engine.call(new Request.StartContainer(id));
        StringBuilder text = new StringBuilder();
        try (LogStream log = engine.call(new Request.ReadLogs(id, true, true, true, 0, 0, -1))) {
            for (Optional<Output> o = log.read(); o.isPresent(); o = log.read()) {
                text.append(new String(o.get().bytes(), StandardCharsets.UTF_8));
            }
        }
        List<Integer> numbers = numbers(text.toString());
        assertConsecutive(numbers);
        assertEquals(5_000, numbers.size());
    }

    @Test
    void who_is_attached_and_slow_gets_everything_since_the_container_waits() throws Exception {
        String id = engine.create("c1", logged(count(30_000), "json-file", Map.of("max-size", "20k", "max-file", "2")));
        try (Attachment a = engine.call(new Request.AttachContainer(id, false, true, true, false, true))) {
            engine.call(new Request.StartContainer(id));
            AtomicLong last = new AtomicLong(-1);
            LiveEngine.until("it stands still", () -> {
                long now = Files.getLastModifiedTime(
                                files(id).resolve(segments(id).getLast()))
                        .toMillis();
                Thread.sleep(300);
                return last.getAndSet(now) == now;
            });
            assertTrue(engine.view(id).state() == ContainerView.State.RUNNING, "it waits");
            List<Integer> numbers = numbers(drain(a));
            assertConsecutive(numbers);
            assertEquals(30_000, numbers.size());
        }
    }

    @Test
    void who_is_attached_and_slow_gets_everything_of_a_container_that_is_gone() throws Exception {
        ContainerConfig config = logged(count(20_000), "json-file", Map.of("max-size", "40k", "max-file", "3"));
        String id = engine.create(
                "c1",
                config.withHost(HostConfigBuilder.builder(config.host())
                        .autoRemove(true)
                        .build()));
        try (Attachment a = engine.call(new Request.AttachContainer(id, false, true, true, false, true))) {
            engine.call(new Request.StartContainer(id));
            StringBuilder text = new StringBuilder();
            while (!text.toString().contains("\n10000\n")) {
                text.append(new String(a.read().orElseThrow().bytes(), StandardCharsets.UTF_8));
            }
            LiveEngine.until("it is gone or waits", () -> {
                Thread.sleep(500);
                return true;
            });
            text.append(drain(a));
            List<Integer> numbers = numbers(text.toString());
            assertConsecutive(numbers);
            assertEquals(20_000, numbers.size());
        }
    }

    @Test
    void a_follower_keeps_up_with_a_flood_through_small_segments() throws Exception {
        String id = engine.create(
                "c1",
                logged(
                        "sleep 2; cat /dev/zero | head -c 3000000; echo; " + count(100),
                        "json-file",
                        Map.of("max-size", "100k", "max-file", "2")));
        engine.call(new Request.StartContainer(id));
        long bytes = 0;
        try (LogStream log = engine.call(new Request.ReadLogs(id, true, true, true, 0, 0, -1))) {
            for (Optional<Output> o = log.read(); o.isPresent(); o = log.read()) {
                bytes += o.get().bytes().length;
            }
        }
        assertEquals(3_000_293, bytes);
    }

    @Test
    void a_client_that_leaves_or_an_engine_that_restarts_holds_nothing_back() throws Exception {
        Map<String, String> small = Map.of("max-size", "20k", "max-file", "2");
        String one = engine.create("one", logged(count(20_000), "json-file", small));
        Attachment leaves = engine.call(new Request.AttachContainer(one, false, true, true, false, true));
        engine.call(new Request.StartContainer(one));
        Thread.sleep(300);
        leaves.close();
        awaitEnd(one);
        String two = engine.create("two", logged(count(20_000) + "sleep 1000", "json-file", small));
        Attachment stays = engine.call(new Request.AttachContainer(two, false, true, true, false, true));
        engine.call(new Request.StartContainer(two));
        Thread.sleep(300);
        engine.restart();
        LiveEngine.until("it goes on", () -> engine.logs(two).endsWith("\n20000\n"));
        stays.close();
    }

    @Test
    void the_log_of_the_first_format_is_gone_on_with() throws Exception {
        String id = engine.create("c1", LiveEngine.shell("echo new"));
        byte[] text = "old\n".getBytes(StandardCharsets.UTF_8);
        java.nio.ByteBuffer record =
                java.nio.ByteBuffer.allocate(20 + text.length).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        record.putInt(text.length)
                .put((byte) 1)
                .put((byte) 1)
                .putShort((short) 0)
                .putLong(1_700_000_000_000_000_000L);
        record.put(text).putInt(text.length);
        Files.write(files(id).resolve("log"), record.array());
        engine.call(new Request.StartContainer(id));
        awaitEnd(id);
        assertEquals("old\nnew\n", engine.logs(id));
        assertEquals(List.of("log"), segments(id));
    }

    @Test
    void without_a_log_nothing_is_on_the_disk_and_attached_clients_see_all() throws Exception {
        String id = engine.create("c1", logged("echo out; echo err >&2; " + count(50_000), "none", Map.of()));
        try (Attachment a = engine.call(new Request.AttachContainer(id, false, true, false, false, true))) {
            engine.call(new Request.StartContainer(id));
            String text = drain(a);
            assertTrue(text.startsWith("out\n1\n2\n"));
            assertTrue(text.endsWith("\n50000\n"));
        }
        EngineException e = assertThrows(EngineException.class, () -> engine.logs(id));
        assertEquals("configured logging driver does not support reading", e.getMessage());
        assertEquals(EngineException.Kind.UNSUPPORTED, e.kind());
        assertEquals(List.of(), segments(id));
        assertEquals("", engine.view(id).logPath());
        Path memory = directory.resolve("run/logs/" + id);
        assertTrue(Files.isDirectory(memory));
        engine.remove(id);
        LiveEngine.until("it is gone", () -> !Files.exists(memory));
    }

    @Test
    void input_reaches_the_container_and_ends_with_the_client_where_that_was_asked_for() throws Exception {
        String id = engine.create(
                "c1",
                ContainerConfigBuilder.builder(LiveEngine.shell("cat"))
                        .openStdin(true)
                        .stdinOnce(true)
                        .build());
        try (Attachment a = engine.call(new Request.AttachContainer(id, true, true, true, false, true))) {
            engine.call(new Request.StartContainer(id));
            byte[] hello = "hello\n".getBytes(StandardCharsets.UTF_8);
            a.write(hello, 0, hello.length);
            a.closeInput();
            assertEquals("hello\n", drain(a));
        }
        awaitEnd(id);
    }

    @Test
    void a_hundred_clients_that_vanish_leave_nothing_behind() throws Exception {
        String id = engine.run("c1", logged("while :; do echo x; sleep 0.01; done", "json-file", Map.of()));
        long before = descriptors();
        List<CompletableFuture<String>> readers = new ArrayList<>();
        List<Attachment> clients = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            Attachment a = engine.call(new Request.AttachContainer(id, false, true, true, i % 2 == 0, true));
            clients.add(a);
            CompletableFuture<String> reader = new CompletableFuture<>();
            readers.add(reader);
            Thread.ofVirtual().start(() -> {
                try {
                    reader.complete(drain(a));
                } catch (InterruptedException | RuntimeException e) {
                    reader.completeExceptionally(e);
                }
            });
        }
        Thread.sleep(100);
        clients.forEach(Attachment::close);
        for (CompletableFuture<String> reader : readers) {
            reader.get(5, TimeUnit.SECONDS);
        }
        LiveEngine.until("descriptors are closed", () -> descriptors() <= before + 2);
        assertFalse(engine.logs(id).isEmpty());
    }

    private static long descriptors() throws IOException {
        try (var all = Files.list(Path.of("/proc/self/fd"))) {
            return all.count();
        }
    }

    @Test
    void details_come_from_labels_environment_and_tag_that_the_options_name() throws Exception {
        ContainerConfig config = logged(
                "true", "json-file", Map.of("labels", "a,b", "env-regex", "^X_", "tag", "{{.Name}}/{{.ImageName}}"));
        String id = engine.create(
                "named",
                ContainerConfigBuilder.builder(config)
                        .labels(Map.of("a", "1", "c", "3"))
                        .environment(List.of("X_1=one", "Y=two"))
                        .build());
        try (LogStream log = engine.call(new Request.ReadLogs(id, true, true, false, 0, 0, -1))) {
            assertEquals(Map.of("X_1", "one", "a", "1", "tag", "named/busybox"), log.details());
        }
    }

    @Test
    void a_log_is_forwarded_across_a_restart_of_the_engine_and_to_its_end_with_rm() throws Exception {
        StringBuffer got = new StringBuffer();
        try (ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            Thread.ofVirtual().start(() -> {
                while (!server.isClosed()) {
                    try {
                        Socket s = server.accept();
                        Thread.ofVirtual().start(() -> {
                            try (s) {
                                for (int b = s.getInputStream().read();
                                        b >= 0;
                                        b = s.getInputStream().read()) {
                                    got.append((char) b);
                                }
                            } catch (IOException e) {
                                got.append(e);
                            }
                        });
                    } catch (IOException closed) {
                        return;
                    }
                }
            });
            String address = "tcp://127.0.0.1:" + server.getLocalPort();
            String id = engine.run(
                    "c1",
                    logged(
                            "i=0; while :; do i=$((i+1)); echo n$i; sleep 0.01; done",
                            "syslog",
                            Map.of("syslog-address", address)));
            LiveEngine.until("it begins", () -> got.toString().contains("n50\n"));
            engine.restart(() -> {
                Thread.sleep(500);
                return "";
            });
            LiveEngine.until("it goes on", () -> got.toString().contains("n200\n"));
            engine.stop(id);
            List<Integer> numbers = new ArrayList<>();
            for (String line : got.toString().split("\n")) {
                numbers.add(Integer.parseInt(line.substring(line.lastIndexOf('n') + 1)));
            }
            assertConsecutive(numbers);
            assertEquals("n1\n", engine.logs(id).substring(0, 3), "and can be read here");
            ContainerConfig config = logged("echo last words", "syslog", Map.of("syslog-address", address));
            engine.run(
                    "c2",
                    config.withHost(HostConfigBuilder.builder(config.host())
                            .autoRemove(true)
                            .build()));
            LiveEngine.until("all of it comes", () -> got.toString().endsWith("]: last words\n"));
        }
        EngineException e = assertThrows(
                EngineException.class,
                () -> engine.run("c3", logged("true", "fluentd", Map.of("fluentd-address", "127.0.0.1:1"))));
        assertTrue(String.valueOf(e.getMessage()).startsWith("failed to initialize logging driver: "), e.getMessage());
        String async = engine.run(
                "c4", logged("true", "fluentd", Map.of("fluentd-address", "127.0.0.1:1", "fluentd-async", "true")));
        awaitEnd(async);
    }

    @Test
    void lines_that_are_too_old_are_not_shown_and_their_segments_go() throws Exception {
        String id = engine.run(
                "c1", logged("echo one; sleep 2; echo two; sleep 1000", "json-file", Map.of("max-age", "1s")));
        LiveEngine.until("the second line", () -> engine.logs(id).equals("two\n"));
        LiveEngine.until("nothing", () -> engine.logs(id).isEmpty());
        LiveEngine.until("nothing on the disk", () -> {
            Thread.sleep(500);
            return Files.size(files(id).resolve(segments(id).getLast())) == 0
                    && segments(id).size() == 1;
        });
    }

    @Test
    void following_ends_at_the_time_that_was_asked_for() throws Exception {
        String id = engine.run("c1", LiveEngine.shell("echo x; sleep 1000"));
        long until = Clock.nanos() + 400_000_000;
        try (LogStream log = engine.call(new Request.ReadLogs(id, true, true, true, 0, until, -1))) {
            while (log.read().isPresent()) {}
        }
        assertTrue(Clock.nanos() >= until);
    }
}
