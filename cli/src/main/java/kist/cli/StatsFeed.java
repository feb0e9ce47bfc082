package kist.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The newest sample of each of some containers, or of all that run as they come and go: a stream from the engine for each,
 * on virtual threads. Thread-safe.
 */
final class StatsFeed implements AutoCloseable {
    private final Engine engine;
    private final boolean stream;
    private final Map<String, StatsSample> samples = new LinkedHashMap<>();
    private final Map<String, Engine.Streaming> open = new ConcurrentHashMap<>();
    private final Set<String> known = new TreeSet<>();
    private final List<EngineError> errors = new ArrayList<>();
    private volatile boolean closed;

    /**
     * Begins nothing yet.
     *
     * @param stream whether samples go on, or there is one of each
     */
    StatsFeed(Engine engine, boolean stream) {
        this.engine = engine;
        this.stream = stream;
    }

    /** Counts a container once, whatever comes first: its sample or its end. */
    private static final class Once {
        private final CountDownLatch all;
        private final AtomicBoolean done = new AtomicBoolean();

        Once(CountDownLatch all) {
            this.all = all;
        }

        void here() {
            if (done.compareAndSet(false, true)) {
                all.countDown();
            }
        }
    }

    /** Watches one container; the latch counts down when its first sample is here or none will come. */
    private void add(String id, String name, CountDownLatch all) {
        var first = new Once(all);
        synchronized (this) {
            if (closed || !known.add(id)) {
                first.here();
                return;
            }
            samples.put(id, StatsSample.unknown(id, name));
        }
        Thread.startVirtualThread(() -> {
            try {
                read(id, name, first);
            } catch (EngineError e) {
                synchronized (this) {
                    errors.add(e);
                }
                remove(id);
            } catch (IOException | Failure e) {
                // the engine has gone, or this feed is closed
                remove(id);
            } finally {
                first.here();
            }
        });
    }

    private void read(String id, String name, Once first) throws IOException {
        var path = Engine.container(id) + "/stats?stream=" + (stream ? 1 : 0);
        try (var answer = engine.stream("GET", path)) {
            open.put(id, answer);
            var reader = new BufferedReader(new InputStreamReader(answer.response().stream(), StandardCharsets.UTF_8));
            int count = 0;
            for (var line = reader.readLine(); line != null && !closed; line = reader.readLine()) {
                if (line.isBlank()) {
                    continue;
                }
                var sample = StatsSample.of(id, name, Doc.parse(line));
                synchronized (this) {
                    if (samples.containsKey(id)) {
                        samples.put(id, sample);
                    }
                }
                // the first one of a stream has none before it to compare with
                if (++count > 1 || !stream) {
                    first.here();
                }
            }
        } finally {
            open.remove(id);
            if (stream) {
                remove(id);
            }
        }
    }

    private synchronized void remove(String id) {
        samples.remove(id);
        known.remove(id);
    }

    /** Watches these, whether they run or not. */
    void watch(List<String> names) throws InterruptedException {
        var first = new CountDownLatch(names.size());
        for (var name : names) {
            add(name, "", first);
        }
        awaitFirst(first);
    }

    /**
     * Watches all that run, or all that there are.
     *
     * @param follow whether those that come later are watched too
     */
    void watchAll(boolean all, boolean follow) throws IOException, InterruptedException {
        if (follow) {
            // before the list, so that none falls between
            var events = engine.stream("GET", "/events?filters=" + Engine.quote("{\"type\":[\"container\"]}"));
            open.put("", events);
            Thread.startVirtualThread(() -> follow(events, all));
        }
        var list = engine.get("/containers/json?all=" + (all ? 1 : 0)).list();
        var first = new CountDownLatch(list.size());
        for (var container : list) {
            var names = container.strings("Names");
            add(container.text("Id"), names.isEmpty() ? "" : StatsSample.withoutSlash(names.getFirst()), first);
        }
        awaitFirst(first);
    }

    private void follow(Engine.Streaming events, boolean all) {
        try {
            Lines.each(events.response(), line -> {
                var event = Doc.parse(line);
                var id = event.text("Actor", "ID").isEmpty() ? event.text("id") : event.text("Actor", "ID");
                switch (event.text("Action").isEmpty() ? event.text("status") : event.text("Action")) {
                    case "start" -> add(id, event.text("Actor", "Attributes", "name"), new CountDownLatch(1));
                    case "create" -> {
                        if (all) {
                            add(id, event.text("Actor", "Attributes", "name"), new CountDownLatch(1));
                        }
                    }
                    case "die" -> {
                        if (!all) {
                            drop(id);
                        }
                    }
                    case "destroy" -> drop(id);
                    default -> {
                        // changes nothing about what is watched
                    }
                }
            });
        } catch (IOException | Failure e) {
            // closed, or the engine has gone, which the streams show too
            return;
        }
    }

    private void drop(String id) throws IOException {
        remove(id);
        var stream = open.remove(id);
        if (stream != null) {
            stream.close();
        }
    }

    private static void awaitFirst(CountDownLatch first) throws InterruptedException {
        // two samples are a second apart
        if (!first.await(10, TimeUnit.SECONDS)) {
            return;
        }
    }

    /** The newest sample of each, in the order in which they came. */
    synchronized List<StatsSample> samples() {
        return List.copyOf(samples.values());
    }

    /** What the engine refused. */
    synchronized List<EngineError> errors() {
        return List.copyOf(errors);
    }

    @Override
    public void close() throws IOException {
        synchronized (this) {
            closed = true;
        }
        for (var stream : open.values()) {
            stream.close();
        }
    }
}
