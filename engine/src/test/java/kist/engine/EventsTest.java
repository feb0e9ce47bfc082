package kist.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
class EventsTest {
    @TempDir
    Path directory;

    private Events open(long limit) {
        return new Events(new EventLog(directory.resolve("events"), limit));
    }

    private static void publish(Events events, int from, int to) {
        for (int i = from; i < to; i++) {
            events.publish("container", "create", "c" + i, Map.of("name", "web " + i));
        }
    }

    private static List<String> past(Events events, long since) throws InterruptedException {
        List<String> ids = new ArrayList<>();
        try (EventStream past = events.watch(since, Clock.nanos())) {
            for (Optional<Event> e = past.read(); e.isPresent(); e = past.read()) {
                ids.add(e.get().id());
            }
        }
        return ids;
    }

    private static List<String> ids(int from, int to) {
        List<String> ids = new ArrayList<>();
        for (int i = from; i < to; i++) {
            ids.add("c" + i);
        }
        return ids;
    }

    @Test
    void thePastIsReplayedInOrderAlsoWhatIsNoLongerInMemory() throws Exception {
        try (Events events = open(8 << 20)) {
            publish(events, 0, 3000);
            assertEquals(ids(0, 3000), past(events, 1));
            assertEquals(ids(0, 3000), past(events, 0), "an end and no beginning means all of the past");
            long middle = Clock.nanos();
            publish(events, 3000, 3010);
            assertEquals(ids(3000, 3010), past(events, middle));
        }
    }

    @Test
    void thePastSurvivesTheEngine() throws Exception {
        try (Events events = open(8 << 20)) {
            publish(events, 0, 10);
        }
        // the next engine dies in the middle of a line
        Files.writeString(
                directory.resolve("events/events.jsonl"), "{\"type\":\"container\",\"act", StandardOpenOption.APPEND);
        try (Events events = open(8 << 20)) {
            publish(events, 10, 12);
            assertEquals(ids(0, 12), past(events, 1));
            EventStream first = events.watch(1, 0);
            Event event = first.read().orElseThrow();
            assertEquals("create", event.action());
            assertEquals(Map.of("name", "web 0"), event.attributes());
            first.close();
        }
    }

    @Test
    void theLogIsBounded() throws Exception {
        try (Events events = open(64 << 10)) {
            publish(events, 0, 5000);
        }
        try (Events events = open(64 << 10)) {
            List<String> left = past(events, 1);
            assertTrue(left.size() > 500 && left.size() < 2000, "left are " + left.size());
            assertEquals(ids(5000 - left.size(), 5000), left);
        }
        try (var files = Files.list(directory.resolve("events"))) {
            assertTrue(files.allMatch(f -> f.toFile().length() < (65 << 10)));
        }
    }

    @Test
    void whoReadsThePastGoesOnWithWhatHappensWithoutGapOrRepetition() throws Exception {
        try (Events events = open(8 << 20)) {
            publish(events, 0, 2000);
            try (EventStream stream = events.watch(1, 0)) {
                publish(events, 2000, 2500);
                List<String> seen = new ArrayList<>();
                for (int i = 0; i < 2500; i++) {
                    seen.add(stream.read().orElseThrow().id());
                }
                assertEquals(ids(0, 2500), seen);
            }
        }
    }

    @Test
    void aStreamEndsWhenItIsClosedAndWhenItsTimeIsOver() throws Exception {
        try (Events events = open(8 << 20)) {
            EventStream live = events.watch(0, 0);
            events.publish("container", "die", "x", Map.of("exitCode", "3"));
            assertEquals("die", live.read().orElseThrow().action());
            Thread closer = Thread.ofVirtual().start(live::close);
            assertTrue(live.read().isEmpty());
            closer.join();
            try (EventStream brief = events.watch(0, Clock.nanos() + 50_000_000)) {
                publish(events, 0, 1);
                assertEquals("x", brief.read().orElseThrow().id(), "an end asks for the past too");
                assertEquals("c0", brief.read().orElseThrow().id());
                assertTrue(brief.read().isEmpty());
            }
        }
    }

    @Test
    void aLogThatCannotBeWrittenCostsThePastAndNothingElse() throws Exception {
        // the older file cannot make room for the newer one
        Files.createDirectories(directory.resolve("events/events.jsonl.1/x"));
        try (Events events = open(100)) {
            publish(events, 0, 10);
            assertEquals(
                    ids(0, 10), past(events, Clock.nanos() - 10_000_000_000L).subList(0, 10));
        }
    }
}
