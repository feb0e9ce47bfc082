package kist.engine;

import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Checks how one run of a container is, from its begin to its end. Between two checks it is a timer and a few numbers.
 * Thread-safe; never calls out with its monitor held.
 */
final class Health {
    private static final int REMEMBERED = 5;

    /** Runs a check and tells how it went. */
    interface Probe {
        /** Blocks until the check has ended or its time is over. */
        HealthView.Check run(Container c, List<String> argv, long timeoutNanos) throws InterruptedException;
    }

    /** Hears of each change. */
    interface Listener {
        /** The status is another one now. */
        void changed(Container c, Health health);
    }

    private final Container container;
    private final HealthCheck check;
    private final Timers timers;
    private final Probe probe;
    private final Listener listener;
    private final long startedNanos;
    private final ArrayDeque<HealthView.Check> log = new ArrayDeque<>(REMEMBERED);
    private String status;
    private int streak;
    private boolean open = true;
    private Timers.Timer timer = Timers.Timer.NONE;
    /** Counts what makes a check that is on its way worthless. */
    private long round;

    private Health(
            Container container,
            HealthCheck check,
            Timers timers,
            Probe probe,
            Listener listener,
            long startedNanos,
            String status,
            int streak) {
        this.container = container;
        this.check = check;
        this.timers = timers;
        this.probe = probe;
        this.listener = listener;
        this.startedNanos = startedNanos;
        this.status = status;
        this.streak = streak;
    }

    /** Of a container that starts now. */
    static Health begin(Container c, HealthCheck check, Timers timers, Probe probe, Listener listener) {
        Health health = new Health(c, check, timers, probe, listener, c.state.startedNanos(), HealthView.STARTING, 0);
        health.schedule(false);
        return health;
    }

    /** Of a container that runs already, from what its state says of it. */
    static Health resume(Container c, HealthCheck check, Timers timers, Probe probe, Listener listener) {
        StoredState s = c.state;
        String status = s.health().isEmpty() ? HealthView.STARTING : s.health();
        Health health = new Health(c, check, timers, probe, listener, s.startedNanos(), status, s.failingStreak());
        if (s.phase() == StoredState.Phase.RUNNING) {
            health.schedule(true);
        }
        return health;
    }

    /** @param anywhere the checks of many containers shall not come all at once */
    private synchronized void schedule(boolean anywhere) {
        timer.cancel();
        if (!open) {
            return;
        }
        boolean young = status.equals(HealthView.STARTING) && timers.now() - startedNanos < check.startPeriod();
        long wait = young ? check.startInterval() : check.interval();
        long mine = ++round;
        timer = timers.after(anywhere ? ThreadLocalRandom.current().nextLong(wait) : wait, () -> examine(mine));
    }

    private void examine(long mine) {
        synchronized (this) {
            if (!open || round != mine) {
                return;
            }
        }
        try {
            HealthView.Check result = probe.run(container, check.argv(), check.timeout());
            if (note(mine, result)) {
                listener.changed(container, this);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            System.getLogger("kist").log(System.Logger.Level.WARNING, "checking " + container.id(), e);
        } finally {
            next(mine);
        }
    }

    private synchronized void next(long mine) {
        if (round == mine) {
            schedule(false);
        }
    }

    /** True where the status has changed. */
    private synchronized boolean note(long mine, HealthView.Check result) {
        if (!open || round != mine) {
            return false; // it ended, or was paused, in the middle of the check
        }
        if (log.size() == REMEMBERED) {
            log.removeFirst();
        }
        log.addLast(result);
        String before = status;
        if (result.exitCode() == 0) {
            streak = 0;
            status = HealthView.HEALTHY;
        } else if (!before.equals(HealthView.STARTING) || result.startNanos() - startedNanos >= check.startPeriod()) {
            streak++;
            if (streak >= check.retries()) {
                status = HealthView.UNHEALTHY;
            }
        }
        return !before.equals(status);
    }

    /** No checks while it is frozen. */
    synchronized void paused() {
        timer.cancel();
        round++;
    }

    /** It goes on. */
    void unpaused() {
        schedule(false);
    }

    /** The run has ended. */
    synchronized void end() {
        open = false;
        timer.cancel();
        round++;
    }

    /** Whether the run is to be ended and begun again where it is unhealthy. */
    boolean restarts() {
        return check.restart();
    }

    /** Whether the run that it is about goes on. */
    synchronized boolean open() {
        return open;
    }

    synchronized HealthView view() {
        return new HealthView(open ? status : HealthView.UNHEALTHY, streak, List.copyOf(log));
    }

    /** What is known of the health of a container; empty where nothing checks it. */
    static Optional<HealthView> view(Container c) {
        Optional<Health> health = c.health;
        if (health.isPresent()) {
            return health.map(Health::view);
        }
        // it ended before this engine was started
        String last = c.state.health();
        return last.isEmpty()
                ? Optional.empty()
                : Optional.of(new HealthView(HealthView.UNHEALTHY, c.state.failingStreak(), List.of()));
    }
}
