package kist.engine;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Timers whose time a test makes; what is due runs on the test's thread. */
final class FakeTimers implements Timers {
    private record Due(long nanos, Runnable task) {}

    private final List<Due> waiting = new ArrayList<>();
    private long now = 1_700_000_000_000_000_000L;

    @Override
    public synchronized Timer after(long nanos, Runnable task) {
        Due due = new Due(now + nanos, task);
        waiting.add(due);
        return () -> cancel(due);
    }

    private synchronized void cancel(Due due) {
        waiting.remove(due);
    }

    @Override
    public synchronized long now() {
        return now;
    }

    synchronized int waiting() {
        return waiting.size();
    }

    /** Lets time pass, and does what is due in it at its moment. */
    void pass(long nanos) {
        long end = now() + nanos;
        while (true) {
            Due next;
            synchronized (this) {
                next = waiting.stream()
                        .filter(d -> d.nanos() <= end)
                        .min(Comparator.comparingLong(Due::nanos))
                        .orElse(new Due(Long.MAX_VALUE, () -> {}));
                waiting.remove(next);
                now = Math.max(now, Math.min(end, next.nanos()));
            }
            if (next.nanos() == Long.MAX_VALUE) {
                return;
            }
            next.task().run();
        }
    }

    @Override
    public void begin() {}

    @Override
    public void close() {}
}
