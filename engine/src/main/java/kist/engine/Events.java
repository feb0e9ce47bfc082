package kist.engine;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** What happened of late, and who wants to hear what happens. Thread-safe. */
final class Events {
    private static final int REMEMBERED = 1024;
    private static final int BACKLOG = 4096;

    private final ArrayDeque<Event> past = new ArrayDeque<>();
    private final List<Watcher> watchers = new CopyOnWriteArrayList<>();

    void publish(String type, String action, String id, Map<String, String> attributes) {
        Event event = new Event(type, action, id, attributes, Clock.nanos());
        synchronized (past) {
            if (past.size() == REMEMBERED) {
                past.removeFirst();
            }
            past.addLast(event);
            for (Watcher w : watchers) {
                w.offer(event);
            }
        }
    }

    EventStream watch(long since, long until) {
        Watcher watcher = new Watcher(until);
        synchronized (past) {
            if (since > 0) {
                for (Event e : past) {
                    if (e.nanos() >= since) {
                        watcher.offer(e);
                    }
                }
            }
            watchers.add(watcher);
        }
        return watcher;
    }

    private final class Watcher implements EventStream {
        private static final long FOREVER = 0;

        private final long until;
        private final LinkedBlockingQueue<List<Event>> queue = new LinkedBlockingQueue<>(BACKLOG);
        private volatile boolean open = true;

        Watcher(long until) {
            this.until = until;
        }

        void offer(Event event) {
            if ((until == FOREVER || event.nanos() < until) && !queue.offer(List.of(event))) {
                close(); // a client that does not read must not fill the heap
            }
        }

        @Override
        public Optional<Event> read() throws InterruptedException {
            while (true) {
                List<Event> next = queue.poll();
                if (next == null && !open) {
                    return Optional.empty();
                }
                if (next == null && until == FOREVER) {
                    next = queue.take();
                }
                if (next == null) {
                    next = queue.poll(Math.max(0, until - Clock.nanos()), TimeUnit.NANOSECONDS);
                    if (next == null) {
                        return Optional.empty();
                    }
                }
                if (!next.isEmpty()) {
                    return Optional.of(next.getFirst());
                }
            }
        }

        @Override
        public void close() {
            open = false;
            watchers.remove(this);
            if (!queue.offer(new ArrayList<>(0))) {
                queue.clear();
                queue.add(List.of());
            }
        }
    }
}
