package kist.engine;

import java.util.Optional;
import kist.engine.Request.WaitCondition;
import kist.engine.Request.Waiting;

/** Waits for what becomes of a container. */
final class Waits {
    private Waits() {}

    /** Begins to wait: what happens after this returns is not missed. */
    static Waiting begin(Container c, WaitCondition condition) {
        StoredState now = c.state;
        long run = c.run.current();
        boolean idle = !now.active() && now.phase() != StoredState.Phase.STARTING;
        return switch (condition) {
            case NOT_RUNNING -> idle ? over(now.exitCode()) : end(c, run);
            case NEXT_EXIT -> end(c, run);
            case REMOVED -> removal(c);
            case HEALTHY -> new Healthy(c, run);
        };
    }

    /** Blocks and answers an exit code. */
    private interface Blocking {
        int await() throws InterruptedException;
    }

    private static Waiting waiting(Container c, Blocking blocking) {
        return new Waiting() {
            @Override
            public int await() throws InterruptedException {
                return blocking.await();
            }

            @Override
            public void close() {
                c.run.nudge();
            }
        };
    }

    private static Waiting over(int code) {
        return new Waiting() {
            @Override
            public int await() {
                return code;
            }

            @Override
            public void close() {}
        };
    }

    private static Waiting end(Container c, long run) {
        return waiting(c, () -> {
            c.run.awaitEnd(run);
            return c.run.exitCode();
        });
    }

    private static Waiting removal(Container c) {
        return waiting(c, () -> {
            c.run.awaitRemoval();
            return c.state.exitCode();
        });
    }

    /** Waits for the first healthy moment of this run, or of the next where it does not run. */
    private static final class Healthy implements Waiting {
        private final Container c;
        private final long run;
        private String error = "";

        Healthy(Container c, long run) {
            this.c = c;
            this.run = run;
        }

        @Override
        public int await() throws InterruptedException {
            c.run.await(this::decided);
            if (error.isEmpty()) {
                return 0;
            }
            return c.state.exitCode() == 0 ? 1 : c.state.exitCode();
        }

        @Override
        public String error() {
            return error;
        }

        private boolean decided() {
            if (c.run.removed()) {
                error = "container " + c.name() + " was removed before it was healthy";
                return true;
            }
            StoredState now = c.state;
            if (now.alive()) {
                return HealthCheck.of(c.config(), c.stored.labels()).isEmpty() || checked();
            }
            if (c.run.over(run) && !now.active() && now.phase() != StoredState.Phase.STARTING) {
                error = "container " + c.name() + " exited with code " + now.exitCode() + " before it was healthy";
                return true;
            }
            return false;
        }

        private boolean checked() {
            Optional<Health> health = c.health.filter(Health::open);
            String status = health.map(h -> h.view().status()).orElse(HealthView.STARTING);
            if (status.equals(HealthView.UNHEALTHY)
                    && !health.map(Health::restarts).orElse(false)) {
                error = "container " + c.name() + " is unhealthy";
                return true;
            }
            return status.equals(HealthView.HEALTHY);
        }

        @Override
        public void close() {
            c.run.nudge();
        }
    }
}
