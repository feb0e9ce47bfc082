package kist.engine;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * The steps that take back what an operation has done so far, run last first unless it is committed. For
 * try-with-resources.
 */
final class Undo implements AutoCloseable {
    private final Deque<Runnable> steps = new ArrayDeque<>();

    void push(Runnable step) {
        steps.push(step);
    }

    /** The operation is whole: nothing is taken back. */
    void commit() {
        steps.clear();
    }

    @Override
    public void close() {
        for (Runnable step : steps) {
            try {
                step.run();
            } catch (RuntimeException e) {
                System.getLogger("kist").log(System.Logger.Level.WARNING, "while undoing", e);
            }
        }
    }
}
