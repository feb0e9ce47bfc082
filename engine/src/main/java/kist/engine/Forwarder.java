package kist.engine;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Sends a container's log on to a server, line by line, from where it was left: a follower of the local log with a cursor on
 * disk, so that neither an engine that restarts nor a server that is away for a while costs a line, as long as the local log
 * holds it. While the server answers, the container is held back rather than overtaking the forwarder by more than the local
 * log; in mode non-blocking it never waits, and what is too far behind is skipped and said so.
 */
final class Forwarder implements Runnable {
    private static final System.Logger LOG = System.getLogger("kist");
    /** Longer lines go in pieces, as with dockerd. */
    private static final int PIECE = 16 << 10;

    private static final int BATCH_LINES = 512;
    private static final int BATCH_BYTES = 512 << 10;
    private static final long LONGEST_PAUSE = TimeUnit.SECONDS.toMillis(30);
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(5);
    private static final String CURSOR = "forwarded";

    private final Run run;
    private final long number;
    private final boolean running;
    private final LogReader log;
    private final LogTarget target;
    private final Path cursorFile;
    private final String what;
    private final boolean holds;
    private final long mostBehind;
    private final long firstPauseMillis;
    private final int mostRetries;
    private final CountDownLatch ended = new CountDownLatch(1);
    private final CountDownLatch stopping = new CountDownLatch(1);
    private boolean waiting;
    private final List<LogTarget.Line> batch = new ArrayList<>();
    private final Stream[] streams = {new Stream(1), new Stream(2)};
    private final Thread thread;
    private long held = -1;
    private int batchBytes;
    private long lines;
    private volatile boolean away;
    private volatile boolean stopped;

    /** What of a stream has been read and not sent. */
    private static final class Stream {
        final int number;
        final ByteArrayOutputStream partial = new ByteArrayOutputStream();
        long nanos;
        long line;
        int pieces;
        /** Everything before this place has been put into lines. */
        long record;

        int bytes;

        Stream(int number) {
            this.number = number;
        }
    }

    /**
     * @param directory of the log, and of the container's other files
     * @param running whether there will be more; else it ends with what is there
     */
    Forwarder(Container c, LogDirectory directory, LogOptions options, LogTarget target, boolean running) {
        this.run = c.run;
        this.number = c.run.current();
        this.running = running;
        this.log = LogReader.open(directory);
        this.target = target;
        this.cursorFile = directory.path().resolve(CURSOR);
        this.what = "the log of " + c.name();
        this.holds = !options.nonBlocking();
        long limit = options.options().containsKey("fluentd-buffer-limit")
                ? LogOptions.size(
                        "fluentd-buffer-limit", options.options().getOrDefault("fluentd-buffer-limit", ""), 1024)
                : Long.MAX_VALUE;
        this.mostBehind = options.nonBlocking() ? Math.min(limit, options.bufferSize()) : limit;
        this.firstPauseMillis = FluentdTarget.millis("fluentd-retry-wait", options.options(), 1000);
        this.mostRetries = FluentdTarget.retries(options.options());
        this.thread = Thread.ofVirtual().name("forward").unstarted(this);
    }

    void start() {
        thread.start();
    }

    /** Does something when this one has ended. */
    void whenOver(Runnable then) {
        Thread.ofVirtual().start(() -> {
            try {
                awaitEnd(PATIENCE);
                ended.await();
                then.run();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    /** Waits until all is sent of a container that has ended, or the server is found to be away. */
    void drain(long nanos) throws InterruptedException {
        long end = System.nanoTime() + nanos;
        while (!away && System.nanoTime() < end && !ended.await(20, TimeUnit.MILLISECONDS)) {}
    }

    /** Ends after what is being sent; what has not been sent is sent by the next one. */
    void stop() {
        synchronized (stopping) {
            stopped = true;
            stopping.countDown();
            if (waiting) {
                thread.interrupt();
            }
        }
    }

    /** Waits until it has ended, or breaks off what it does. */
    void awaitEnd(long nanos) throws InterruptedException {
        if (!ended.await(nanos, TimeUnit.NANOSECONDS)) {
            thread.interrupt();
        }
    }

    private void awaitMore() throws InterruptedException {
        synchronized (stopping) {
            if (stopped) {
                return;
            }
            waiting = true;
        }
        try {
            run.awaitLog(log.position(), number);
        } finally {
            synchronized (stopping) {
                waiting = false;
            }
        }
    }

    @Override
    public void run() {
        try {
            LogCursor from = LogCursor.load(cursorFile);
            for (Stream s : streams) {
                s.record = from.record(s.number);
                s.bytes = from.bytes(s.number);
            }
            log.position(from.first());
            follow();
        } catch (InterruptedException e) {
            LOG.log(System.Logger.Level.DEBUG, "no longer forwarding " + what);
        } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.ERROR, "cannot go on forwarding " + what, e);
        } finally {
            run.release(this);
            log.close();
            target.close();
            ended.countDown();
        }
    }

    private void follow() throws InterruptedException {
        while (!stopped) {
            boolean over = !running || run.over(number); // asked before reading
            long at = log.position();
            Optional<Output> next = log.next();
            if (holds && !away && log.segmentStart() != held) {
                held = log.segmentStart();
                run.hold(this, held);
            }
            if (next.isPresent()) {
                Output record = next.get();
                long began = log.position() - LogReader.HEADER - record.bytes().length - LogReader.TRAILER;
                if (began > at) {
                    skipped(began - at, record.nanos());
                }
                split(record, began);
                if (batch.size() >= BATCH_LINES || batchBytes >= BATCH_BYTES) {
                    deliver();
                    keepUp();
                }
            } else if (!batch.isEmpty()) {
                deliver();
            } else if (!over) {
                awaitMore();
            } else {
                for (Stream s : streams) {
                    if (s.partial.size() > 0) {
                        add(s, true);
                    }
                }
                if (batch.isEmpty()) {
                    return;
                }
            }
        }
    }

    private void split(Output record, long began) {
        Stream s = streams[record.stream() == 2 ? 1 : 0];
        byte[] b = record.bytes();
        int start = 0;
        if (began < s.record) {
            return; // delivered before
        }
        if (began == s.record) {
            start = Math.min(s.bytes, b.length);
        }
        for (int i = start; i < b.length; i++) {
            boolean end = b[i] == '\n';
            if (end || s.partial.size() + i - start == PIECE) {
                put(s, record, b, start, i);
                start = end ? i + 1 : i;
                s.record = began;
                s.bytes = start;
                add(s, end);
            }
        }
        put(s, record, b, start, b.length);
    }

    private static void put(Stream s, Output record, byte[] b, int from, int to) {
        if (s.partial.size() == 0) {
            s.nanos = record.nanos();
        }
        s.partial.write(b, from, to - from);
    }

    /** Makes a line, or a piece of one, of what there is. */
    private void add(Stream s, boolean last) {
        if (!last && s.pieces == 0) {
            s.line = ++lines;
        }
        boolean whole = last && s.pieces == 0;
        byte[] bytes = s.partial.toByteArray();
        if (bytes.length > 0 && bytes[bytes.length - 1] == '\r') {
            bytes = Arrays.copyOf(bytes, bytes.length - 1);
        }
        s.partial.reset();
        int piece = s.pieces + 1;
        s.pieces = last ? 0 : piece;
        batch.add(new LogTarget.Line(new Output(s.nanos, s.number, bytes), whole ? 0 : s.line, piece, last));
        batchBytes += bytes.length;
    }

    private void skipped(long bytes, long nanos) {
        LOG.log(System.Logger.Level.WARNING, "{0} bytes of {1} were not forwarded to {2}", bytes, what, target);
        String note = "kist: " + bytes + " bytes of the log were not forwarded";
        batch.add(new LogTarget.Line(new Output(nanos, 2, note.getBytes(StandardCharsets.UTF_8)), 0, 1, true));
        for (Stream s : streams) {
            s.partial.reset();
            s.pieces = 0;
        }
    }

    /** Sends the batch however long it takes, and notes that. */
    private void deliver() throws InterruptedException {
        long pause = firstPauseMillis;
        for (int tries = 0; ; tries++) {
            try {
                target.send(batch);
                if (away) {
                    LOG.log(System.Logger.Level.INFO, "{0} is there again, forwarding {1}", target, what);
                }
                held = away ? -1 : held;
                away = false;
                break;
            } catch (IOException e) {
                target.close();
                if (tries >= mostRetries) {
                    LOG.log(System.Logger.Level.WARNING, "{0} lines of {1} are given up", batch.size(), what);
                    break;
                }
                if (tries == 0) {
                    continue; // a connection that has been idle is often gone
                }
                if (!away) {
                    LOG.log(
                            System.Logger.Level.WARNING,
                            "cannot forward {0} to {1} ({2}); trying on",
                            what,
                            target,
                            e.getMessage());
                    away = true;
                    run.release(this); // a container does not stand still for a server that is away
                }
                if (stopping.await(pause, TimeUnit.MILLISECONDS)) {
                    throw new InterruptedException("stopped");
                }
                pause = Math.min(2 * pause, LONGEST_PAUSE);
            }
        }
        batch.clear();
        batchBytes = 0;
        for (Stream s : streams) {
            if (s.partial.size() == 0) {
                s.record = log.position();
                s.bytes = 0;
            }
        }
        try {
            LogCursor reached = new LogCursor(streams[0].record, streams[0].bytes, streams[1].record, streams[1].bytes);
            reached.save(cursorFile);
        } catch (NoSuchFileException gone) {
            stopped = true; // with the container
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "cannot note how far " + what + " was forwarded", e);
        }
    }

    /** Skips what is too far behind, where there is a limit to that. */
    private void keepUp() {
        if (mostBehind == Long.MAX_VALUE) {
            return;
        }
        long at = log.position();
        log.end();
        long end = log.position();
        if (end - at <= mostBehind) {
            log.position(at);
            return;
        }
        while (end - log.position() < mostBehind && log.back()) {}
        long to = Math.max(at, log.position());
        log.position(to);
        if (to > at) {
            skipped(to - at, Clock.nanos());
        }
    }
}
