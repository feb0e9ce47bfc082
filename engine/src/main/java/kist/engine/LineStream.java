package kist.engine;

import java.io.ByteArrayOutputStream;
import java.util.ArrayDeque;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** A container's log line by line, as {@code logs} shows it. */
final class LineStream implements LogStream {
    /** A line without end is cut here, so that a client cannot make the engine hold it all. */
    private static final int LONGEST = 1 << 20;

    private final Run run;
    private final long number;
    private final LogReader log;
    private final Request.ReadLogs wish;
    private final boolean tty;
    private final boolean running;
    private final long stopAt;
    private final long maxAgeNanos;
    private final Map<String, String> details;
    private final Consumer<LineStream> closed;
    private final ArrayDeque<Output> ready = new ArrayDeque<>();
    private final Partial[] partial = {new Partial(), new Partial(), new Partial()};
    private long skip;
    /** Whether a line of which only the end is there is left out; it has been counted where there are lines to skip. */
    private boolean whole = true;

    private volatile boolean open = true;
    private volatile boolean holding;
    private volatile boolean waiting;
    private volatile long lastRead = System.nanoTime();
    private long heldAt = -1;

    private static final class Partial {
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        boolean begun;
        long nanos;
    }

    /**
     * @param maxAgeNanos lines older than this are not shown, 0 for all
     * @param details what is told beside each line
     * @param closed hears that this one is closed
     */
    LineStream(
            Run run,
            LogReader log,
            Request.ReadLogs wish,
            boolean tty,
            boolean running,
            long maxAgeNanos,
            Map<String, String> details,
            Consumer<LineStream> closed) {
        this.run = run;
        this.number = run.current();
        this.log = log;
        this.wish = wish;
        this.tty = tty;
        this.running = running;
        this.maxAgeNanos = maxAgeNanos;
        this.details = details;
        this.closed = closed;
        log.end();
        this.stopAt = log.position();
        seekTail();
        if (wish.follow() && running) {
            getOn();
        } else {
            log.pin();
        }
        run.reading(log);
    }

    /** Goes back from the end until enough lines lie ahead. */
    private void seekTail() {
        if (wish.tailLines() < 0) {
            log.seek(wish.sinceNanos());
            return;
        }
        long lines = 0;
        boolean last = true;
        while (lines < wish.tailLines() + 1 && log.back()) {
            long at = log.position();
            Optional<Output> record = log.next();
            log.position(at);
            if (record.isPresent() && wanted(record.get())) {
                byte[] b = record.get().bytes();
                for (int i = 0; i < b.length; i++) {
                    if (b[i] == '\n') {
                        lines++;
                    }
                }
                if (last && b.length > 0 && b[b.length - 1] != '\n') {
                    lines++; // an unfinished last line counts
                }
                last = false;
            }
        }
        skip = Math.max(0, lines - wish.tailLines());
        whole = skip == 0;
    }

    private boolean wanted(Output o) {
        return o.stream() == 2 && !tty ? wish.stderr() : wish.stdout();
    }

    @Override
    public boolean tty() {
        return tty;
    }

    @Override
    public Map<String, String> details() {
        return details;
    }

    /**
     * Lets go of the log where the client has not taken anything for so many nanoseconds: a container waits for a reader that
     * is behind, but not for one that stands still.
     */
    void releaseIfStuck(long nanos) {
        if (holding && !waiting && System.nanoTime() - lastRead > nanos) {
            holding = false;
            run.release(this);
        }
    }

    private void getOn() {
        lastRead = System.nanoTime();
        long at = log.segmentStart();
        if (wish.follow() && running && (!holding || at != heldAt)) {
            heldAt = at;
            holding = true;
            run.hold(this, at);
        }
    }

    @Override
    public Optional<Output> read() throws InterruptedException {
        lastRead = System.nanoTime();
        while (open) {
            Output line = ready.poll();
            if (line != null) {
                if (skip > 0) {
                    skip--;
                    continue;
                }
                if (wish.untilNanos() > 0 && line.nanos() > wish.untilNanos()) {
                    return Optional.empty();
                }
                if (line.nanos() >= wish.sinceNanos()
                        && (maxAgeNanos == 0 || line.nanos() >= Clock.nanos() - maxAgeNanos)) {
                    return Optional.of(line);
                }
                continue;
            }
            boolean following = wish.follow() && running;
            boolean over = !following || run.over(number);
            Optional<Output> next = !following && log.position() >= stopAt ? Optional.empty() : log.next();
            getOn();
            if (next.isPresent()) {
                if (wanted(next.get())) {
                    split(next.get());
                }
            } else if (!over) {
                long left = wish.untilNanos() == 0 ? Long.MAX_VALUE : wish.untilNanos() - Clock.nanos();
                if (left <= 0) {
                    return Optional.empty();
                }
                waiting = true;
                run.awaitLog(log.position(), number, left);
                waiting = false;
            } else if (!flush()) {
                return Optional.empty();
            }
        }
        return Optional.empty();
    }

    private void split(Output record) {
        Partial p = partial[record.stream() == 2 && !tty ? 2 : 1];
        byte[] b = record.bytes();
        int from = 0;
        if (!p.begun && whole && log.isMiddle()) {
            while (from < b.length && b[from++] != '\n') {} // the beginning of this line is gone
            if (from == b.length && (from == 0 || b[from - 1] != '\n')) {
                return;
            }
        }
        p.begun = true;
        for (int i = from; i < b.length; i++) {
            if (b[i] == '\n' || p.bytes.size() + i - from >= LONGEST) {
                add(p, record, b, from, i + 1);
                from = i + 1;
                emit(p, record.stream());
            }
        }
        if (from < b.length) {
            add(p, record, b, from, b.length);
        }
    }

    private static void add(Partial p, Output record, byte[] b, int from, int to) {
        if (p.bytes.size() == 0) {
            p.nanos = record.nanos();
        }
        p.bytes.write(b, from, to - from);
    }

    private void emit(Partial p, int stream) {
        ready.add(new Output(p.nanos, stream, p.bytes.toByteArray()));
        p.bytes.reset();
    }

    /** Gives out what has no line end yet; false where there is nothing. */
    private boolean flush() {
        boolean any = false;
        for (int stream = 1; stream <= 2; stream++) {
            if (partial[stream].bytes.size() > 0) {
                emit(partial[stream], stream);
                any = true;
            }
        }
        return any;
    }

    @Override
    public void close() {
        open = false;
        run.release(this);
        run.read(log);
        closed.accept(this);
        run.nudge();
        log.close();
    }
}
