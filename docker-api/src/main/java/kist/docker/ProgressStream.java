package kist.docker;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import kist.engine.EngineException;
import kist.http.ResponseStream;
import org.jspecify.annotations.Nullable;

/**
 * Docker's stream of progress messages, one JSON object a line. Messages are handed over from any thread and never block it;
 * a thread of the stream's own writes them. A layer's numbers leave at most ten times a second, its changes of state all, in
 * their order. Nothing is sent, not even a head, before the first message.
 */
final class ProgressStream implements AutoCloseable {
    private static final long PAUSE_NANOS = 100_000_000;

    private final Call call;
    private final Thread worker = Thread.currentThread();
    private final Thread writer;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    /** Guarded by the lock, as is all below. */
    private final ArrayDeque<Map<String, @Nullable Object>> messages = new ArrayDeque<>();

    private final Map<String, Map<String, @Nullable Object>> numbers = new LinkedHashMap<>();
    private long numbersSent = System.nanoTime() - PAUSE_NANOS;
    private boolean begun;
    private boolean ending;
    private boolean clientGone;
    private boolean atWork = true;

    /** Begins; the calling thread, which does the work, is interrupted when the client goes away. */
    ProgressStream(Call call) {
        this.call = call;
        this.writer = Thread.ofVirtual().unstarted(this::write);
    }

    /** Watches the client from now on; its request must have been read, or is dropped. */
    ProgressStream watchClient() throws IOException {
        call.exchange().onClientGone(new Runnable() {
            @Override
            public void run() {
                gone();
            }
        });
        return this;
    }

    private void gone() {
        lock.lock();
        try {
            clientGone = true;
            if (atWork) {
                worker.interrupt();
            }
        } finally {
            lock.unlock();
        }
    }

    /** {@code {"status":...}} about the whole. */
    void status(String text) {
        send(Json.object("status", text));
    }

    /** {@code {"status":...,"id":...}}. */
    void status(String id, String text) {
        send(Json.object("status", text, "id", id));
    }

    /** A layer's new state. */
    void state(String id, String text) {
        send(Json.object("status", text, "progressDetail", Map.of(), "id", id));
    }

    /** How far a layer is; dropped where the next number comes sooner than it could be sent. */
    void numbers(String id, String text, long current, long total) {
        Map<String, @Nullable Object> detail =
                total > 0 ? Json.object("current", current, "total", total) : Json.object("current", current);
        Map<String, @Nullable Object> message = Json.object(
                "status", text, "progressDetail", detail, "progress", ProgressText.of(current, total), "id", id);
        lock.lock();
        try {
            boolean first = numbers.isEmpty();
            numbers.put(id, message);
            begin();
            if (first) {
                changed.signal();
            }
        } finally {
            lock.unlock();
        }
    }

    /** What a program wants to know of the result. */
    void auxiliary(Map<String, @Nullable Object> aux) {
        send(Json.object("progressDetail", Map.of(), "aux", aux));
    }

    /** Words of the engine, with their line end. */
    void stream(String text) {
        send(Json.object("stream", text));
    }

    void send(Map<String, @Nullable Object> message) {
        lock.lock();
        try {
            Object id = message.get("id");
            if (id instanceof String of) {
                numbers.remove(of); // what it says is past
            }
            messages.add(message);
            begin();
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    private void begin() {
        if (!begun) {
            begun = true;
            writer.start();
        }
    }

    /** Whether something was said, so that a failure can no longer be a status. */
    boolean begun() {
        lock.lock();
        try {
            return begun;
        } finally {
            lock.unlock();
        }
    }

    /** A failure: thrown on where nothing was said yet, else the last message. */
    void failed(EngineException e) {
        if (!begun()) {
            throw e;
        }
        if (e.kind() == EngineException.Kind.INTERNAL) {
            System.getLogger("kist.docker")
                    .log(System.Logger.Level.ERROR, call.request().target(), e);
        }
        String message = Errors.message(e);
        send(Json.object("errorDetail", Json.object("message", message), "error", message));
    }

    private void write() {
        try {
            ResponseStream out = call.exchange().stream(200, "application/json");
            for (Optional<List<Map<String, @Nullable Object>>> next = next(); next.isPresent(); next = next()) {
                for (Map<String, @Nullable Object> message : next.get()) {
                    out.write(Json.bytes(message));
                    out.write('\r');
                    out.write('\n');
                }
                out.flush();
            }
        } catch (IOException e) {
            gone();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** What is to be sent now, at once where it is a change of state; empty at the end. */
    private Optional<List<Map<String, @Nullable Object>>> next() throws InterruptedException {
        lock.lock();
        try {
            long due = numbersSent + PAUSE_NANOS;
            long left = due - System.nanoTime();
            while (messages.isEmpty() && !ending && (left > 0 || numbers.isEmpty())) {
                if (numbers.isEmpty()) {
                    changed.await();
                } else {
                    changed.awaitNanos(left);
                }
                left = due - System.nanoTime();
            }
            if (messages.isEmpty() && ending) {
                return Optional.empty();
            }
            List<Map<String, @Nullable Object>> now = new ArrayList<>(messages);
            messages.clear();
            if (ending) {
                numbers.clear(); // older than the last words
            } else if (left <= 0) {
                now.addAll(numbers.values());
                numbers.clear();
                numbersSent = System.nanoTime();
            }
            return Optional.of(now);
        } finally {
            lock.unlock();
        }
    }

    /** Ends the work: from now on an absent client interrupts nobody. All that was said is sent before this returns. */
    @Override
    public void close() {
        lock.lock();
        try {
            atWork = false;
            ending = true;
            changed.signal();
            if (!begun) {
                return;
            }
        } finally {
            lock.unlock();
        }
        boolean interrupted = Thread.interrupted();
        if (interrupted || clientGone) {
            // nobody reads: do not wait for a writer that cannot write
            writer.interrupt();
        }
        try {
            writer.join();
        } catch (InterruptedException e) {
            interrupted = true;
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
