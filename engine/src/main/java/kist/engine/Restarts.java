package kist.engine;

import java.util.OptionalLong;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Starts containers again that have ended, as their policies say: 0.1 s after the first exit, twice as long after each
 * next one, up to a minute; one that ran for ten seconds begins anew. Waiting costs a timer and no thread. What is
 * waited for is in the container's state, so another engine can go on with it. Thread-safe.
 */
final class Restarts {
    static final long FIRST_DELAY = TimeUnit.MILLISECONDS.toNanos(100);
    static final long LONGEST_DELAY = TimeUnit.MINUTES.toNanos(1);
    static final long SETTLED = TimeUnit.SECONDS.toNanos(10);
    /** So many are started at a time; a host that has booted has hundreds to start. */
    private static final int AT_ONCE = 8;

    private final Timers timers;
    private final Consumer<Container> starter;
    private final Semaphore places = new Semaphore(AT_ONCE);

    /** @param starter starts a container that waits for it; called with its lock held */
    Restarts(Timers timers, Consumer<Container> starter) {
        this.timers = timers;
        this.starter = starter;
    }

    /** How long to wait before the container runs again, given the state in which its run left it; empty for never. */
    static OptionalLong delay(HostConfig.RestartPolicy policy, StoredState ended, boolean ran) {
        boolean again = !ended.stopped()
                && switch (policy.name()) {
                    case "always", "unless-stopped" -> true;
                    case "on-failure" ->
                        ended.exitCode() != 0
                                && (policy.maximumRetries() == 0 || ended.restarts() < policy.maximumRetries());
                    default -> false;
                };
        if (!again) {
            return OptionalLong.empty();
        }
        boolean settled = ran && ended.finishedNanos() - ended.startedNanos() >= SETTLED;
        long last = settled ? 0 : ended.backoffNanos();
        return OptionalLong.of(last <= 0 ? FIRST_DELAY : Math.min(2 * last, LONGEST_DELAY));
    }

    /** Whether an engine that starts starts this container too, which does not run and does not wait for a restart. */
    static boolean startsWithEngine(HostConfig.RestartPolicy policy, StoredState state) {
        if (state.phase() != StoredState.Phase.EXITED || state.startedNanos() == 0) {
            return false;
        }
        return switch (policy.name()) {
            case "always" -> true;
            case "unless-stopped" -> !state.stopped();
            default -> false;
        };
    }

    /** Starts the container when its time has come. Its lock is held, and its state says that it waits. */
    void schedule(Container c, long nanos) {
        c.retry.cancel();
        long number = ++c.retries;
        c.retry = timers.after(nanos, () -> due(c, number));
    }

    private void due(Container c, long number) {
        places.acquireUninterruptibly();
        c.lock.lock();
        try {
            // stopped, started or removed by somebody meanwhile
            if (c.retries == number && c.state.phase() == StoredState.Phase.RESTARTING && !c.removing) {
                c.retry = Timers.Timer.NONE;
                starter.accept(c);
            }
        } finally {
            c.lock.unlock();
            places.release();
        }
    }

    /** It does not start by itself any more. The lock is held. */
    void cancel(Container c) {
        c.retry.cancel();
        c.retry = Timers.Timer.NONE;
        c.retries++;
    }

    /** Refuses a policy that is none, in Docker's words. */
    static void check(HostConfig host) {
        HostConfig.RestartPolicy policy = host.restart();
        switch (policy.name()) {
            case "", "no", "always", "unless-stopped" -> {
                if (policy.maximumRetries() != 0) {
                    throw Creation.invalid(
                            "invalid restart policy: maximum retry count can only be used with 'on-failure'"
                                    + (policy.maximumRetries() < 0 ? " and cannot be negative" : ""));
                }
            }
            case "on-failure" -> {
                if (policy.maximumRetries() < 0) {
                    throw Creation.invalid("invalid restart policy: maximum retry count cannot be negative");
                }
            }
            default ->
                throw Creation.invalid("invalid restart policy: unknown policy '" + Names.printable(policy.name())
                        + "'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'");
        }
        if (host.autoRemove() && restarts(policy)) {
            throw Creation.invalid("can't create 'AutoRemove' container with restart policy");
        }
    }

    /** Whether there are exits after which a container of this policy runs again. */
    static boolean restarts(HostConfig.RestartPolicy policy) {
        return !policy.name().isEmpty() && !policy.name().equals("no");
    }
}
