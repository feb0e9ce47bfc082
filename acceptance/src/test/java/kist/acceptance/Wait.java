package kist.acceptance;

import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waiting for what comes by itself, with an end. */
final class Wait {
    private Wait() {}

    static void until(String what, BooleanSupplier condition) {
        until(what, Duration.ofSeconds(20), condition, () -> "");
    }

    /**
     * Looks every 10 ms.
     *
     * @param state what to tell where it does not come
     */
    static void until(String what, Duration patience, BooleanSupplier condition, Supplier<String> state) {
        long end = System.nanoTime() + patience.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("not within " + patience.toSeconds() + " s: " + what + "\n" + state.get());
            }
            sleep(Duration.ofMillis(10));
        }
    }

    static void sleep(Duration time) {
        try {
            Thread.sleep(time);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
