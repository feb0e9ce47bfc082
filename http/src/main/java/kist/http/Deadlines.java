package kist.http;

import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;

/**
 * Closes wires whose time is up. Blocking channels have no read timeout; one thread, alive only while a deadline is set,
 * costs less than a timer for each connection.
 */
final class Deadlines implements Runnable {
    private static final long TICK_MILLIS = 250;

    private final Map<Wire, Long> due = new HashMap<>();
    private boolean running;

    /** Closes the wire in this many milliseconds unless it is disarmed before. */
    synchronized void arm(Wire wire, long millis) {
        due.put(wire, System.nanoTime() + millis * 1_000_000);
        if (!running) {
            running = true;
            Thread.ofVirtual().name("http-deadlines").start(this);
        }
    }

    /** Takes the deadline of the wire away. */
    synchronized void disarm(Wire wire) {
        due.remove(wire);
    }

    @Override
    public synchronized void run() {
        try {
            while (!due.isEmpty()) {
                wait(TICK_MILLIS);
                long now = System.nanoTime();
                for (Iterator<Map.Entry<Wire, Long>> i = due.entrySet().iterator(); i.hasNext(); ) {
                    Map.Entry<Wire, Long> entry = i.next();
                    if (entry.getValue() - now <= 0) {
                        i.remove();
                        entry.getKey().close();
                    }
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            running = false;
        }
    }
}
