package kist.engine;

import java.util.ArrayDeque;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * What happened, and who wants to hear what happens. The latest are in memory, those before in {@link EventLog}, also
 * from before the engine was started. Thread-safe.
 */
final class Events implements AutoCloseable {
    private static final int REMEMBERED = 1024;
    private static final int BACKLOG = 4096;
    private static final long FOREVER = 0;

    private final ArrayDeque<Event> latest = new ArrayDeque<>();
    private final List<Watcher> watchers = new CopyOnWriteArrayList<>();
    private final EventLog log;
    /** Everything from this moment on is in memory. */
    private long remembersFrom = Clock.nanos();

    private long last;

    Events(EventLog log) {
        this.log = log;
    }

    void publish(String type, String action, String id, Map<String, String> attributes) {
        synchronized (latest) {
            // no two at one moment, so that who reads on from the last one it saw misses none and sees none twice
            last = Math.max(last + 1, Clock.nanos());
            Event event =
                    new Event(type, action, id, Collections.unmodifiableMap(new LinkedHashMap<>(attributes)), last);
            if (latest.size() == REMEMBERED) {
                remembersFrom = latest.removeFirst().nanos() + 1;
            }
            latest.addLast(event);
            log.append(event);
            for (Watcher w : watchers) {
                w.offer(event);
            }
        }
    }

    /** Events from a moment on (0: from now on, or of all the past where it is to end) until another (0: for ever). */
    EventStream watch(long since, long until) {
        synchronized (latest) {
            boolean replay = since > 0 || until != FOREVER;
            boolean fromDisk = replay && since < remembersFrom;
            Watcher watcher =
                    new Watcher(since, until, fromDisk ? Optional.of(log.past()) : Optional.empty(), remembersFrom);
            if (replay) {
                for (Event e : latest) {
                    watcher.offer(e);
                }
            }
            watchers.add(watcher);
            return watcher;
        }
    }

    private final class Watcher implements EventStream {
        private final long since;
        private final long until;
        private final long pastEnds;
        private final LinkedBlockingQueue<Optional<Event>> queue = new LinkedBlockingQueue<>(BACKLOG);
        private volatile Optional<EventLog.Past> past;
        private volatile boolean open = true;

        Watcher(long since, long until, Optional<EventLog.Past> past, long pastEnds) {
            this.since = since;
            this.until = until;
            this.past = past;
            this.pastEnds = pastEnds;
        }

        private boolean wants(Event event) {
            return event.nanos() >= since && (until == FOREVER || event.nanos() < until);
        }

        void offer(Event event) {
            if (wants(event) && !queue.offer(Optional.of(event))) {
                close(); // a client that does not read must not fill the heap
            }
        }

        @Override
        public Optional<Event> read() throws InterruptedException {
            if (past.isPresent()) {
                Optional<Event> event = readPast(past.get());
                if (event.isPresent()) {
                    return event;
                }
            }
            while (true) {
                Optional<Event> next = take();
                if (next.isPresent() || !open) {
                    return next;
                }
                if (until != FOREVER && Clock.nanos() >= until) {
                    return Optional.empty();
                }
            }
        }

        private Optional<Event> readPast(EventLog.Past from) {
            while (open) {
                Optional<Event> event = from.next();
                if (event.isEmpty() || event.get().nanos() >= pastEnds) {
                    break;
                }
                if (wants(event.get())) {
                    return event;
                }
            }
            from.close();
            past = Optional.empty();
            return Optional.empty();
        }

        /** What comes next; empty where this was closed, or there is no more in time. */
        @SuppressWarnings("OptionalAssignedToNull") // what poll says where nothing is there
        private Optional<Event> take() throws InterruptedException {
            Optional<Event> next = queue.poll();
            if (next == null && open) {
                next = until == FOREVER
                        ? queue.take()
                        : queue.poll(Math.max(0, until - Clock.nanos()), TimeUnit.NANOSECONDS);
            }
            return next == null ? Optional.empty() : next;
        }

        @Override
        public void close() {
            open = false;
            watchers.remove(this);
            past.ifPresent(EventLog.Past::close);
            if (!queue.offer(Optional.empty())) {
                queue.clear();
                queue.add(Optional.empty());
            }
        }
    }

    @Override
    public void close() {
        watchers.forEach(Watcher::close);
        synchronized (latest) {
            log.close();
        }
    }
}
