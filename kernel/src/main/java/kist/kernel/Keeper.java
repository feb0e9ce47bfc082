package kist.kernel;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The keeper as the engine sees it: the process that is the parent of every container and outlives the engine
 * (native/keeper.c has the other side of the protocol). Thread-safe.
 */
public final class Keeper implements AutoCloseable {
    private static final int ID_SIZE = 72;
    private static final int FIRST_ORDER_SIZE = 4 + 4 + ID_SIZE + 8 + 4 + 4;
    private static final int ORDER_SIZE = FIRST_ORDER_SIZE + 8 + 8 + 8;
    private static final int REPORT_SIZE = 4 + 4 + ID_SIZE + 8 + 4 + 4 + 4 + 4 + 4 + 4;

    private static final int ORDER_SPAWN = 1;
    private static final int ORDER_PROCEED = 2;
    private static final int ORDER_LIST = 3;
    private static final int ORDER_TAKE = 4;
    private static final int ORDER_FORGET = 5;
    private static final int ORDER_WATCH = 6;
    private static final int ORDER_CLOSE_INPUT = 7;
    private static final int ORDER_SHUTDOWN = 8;
    private static final int ORDER_VERSION = 9;
    private static final int ORDER_HOLD = 10;
    private static final int ORDER_ROTATE = 11;

    private static final int SPAWN_TERMINAL = 1;
    private static final int SPAWN_PIDNS = 2;
    private static final int SPAWN_CGROUP = 4;
    private static final int SPAWN_INPUT = 8;
    private static final int SPAWN_OUTPUT = 16;
    private static final int SPAWN_ERROR = 32;
    private static final int SPAWN_LOG = 64;
    private static final int SPAWN_DIRECTORY = 128;

    private static final int REPORT_DONE = 1;
    private static final int REPORT_FAILED = 2;
    private static final int REPORT_SPAWNED = 3;
    private static final int REPORT_HELD = 4;
    private static final int REPORT_EXITED = 5;
    private static final int REPORT_OUTPUT = 6;

    private static final int STATE_EXITED = 1;
    private static final int STATE_WAITING = 2;
    private static final int STATE_HAS_PIDFD = 4;
    private static final int STATE_HAS_TERMINAL = 8;
    private static final int STATE_HAS_INPUT = 16;

    private final Linux linux;
    private final Fd socket;
    private final Thread reader;
    private final AtomicInteger sequence = new AtomicInteger();
    private final Map<Integer, Pending> pending = new ConcurrentHashMap<>();
    private final Map<String, Tape> waitingTapes = new ConcurrentHashMap<>();
    private volatile Listener listener = new Listener() {};
    private volatile boolean closed;
    private volatile int version = 1;

    /** Hears what happens; called on the reader's thread, so it must not block and not call the keeper. */
    public interface Listener {
        /**
         * A process has ended and all that it wrote is in its log.
         *
         * @param status exit code, or 128 and the signal's number
         * @param droppedBytes output that did not fit on the disk
         */
        default void exited(String id, int status, long droppedBytes) {}

        /** A watched log has grown, or its process has ended. The watch is used up. */
        default void output(String id, long logLength) {}

        /** The keeper is gone, and with it the means to start containers. */
        default void lost() {}
    }

    /**
     * An order to make a process.
     *
     * @param id at most 71 bytes, unique among the processes held
     * @param cloneFlags CLONE_NEW* (clone(2))
     * @param pidNamespace joined before the clone: a pidfd or a namespace descriptor
     * @param cgroup born into this one (cgroup v2)
     * @param terminal the tape sends the master of a terminal
     * @param input write end of standard input, which the keeper holds open
     * @param output read end of standard output, written to the log
     * @param error read end of standard error, written to the log
     * @param log where output goes
     */
    public record Spawn(
            String id,
            Tape tape,
            long cloneFlags,
            Optional<Fd> pidNamespace,
            Optional<Fd> cgroup,
            boolean terminal,
            Optional<Fd> input,
            Optional<Fd> output,
            Optional<Fd> error,
            Optional<Log> log) {}

    /**
     * The log of a process: segments in one directory, named after the offset at which they begin (counted from the first
     * byte ever logged): {@code log} for 0, else {@code log.} and 19 digits. The keeper ends a segment when it is full, begins
     * the next, and deletes the oldest, packed ({@code .gz}) or not. The descriptors stay the caller's.
     *
     * @param segment the last one, opened for appending
     * @param start offset at which that begins
     * @param directory where the segments are; empty for a log of one file without end
     * @param limit bytes of a segment, 0 for no limit
     * @param files how many segments are kept, 0 for all
     * @param hold what begins at this offset or later is not deleted: see {@link Keeper#hold}
     */
    public record Log(Fd segment, long start, Optional<Fd> directory, long limit, int files, long hold)
            implements AutoCloseable {
        /** One file without end. */
        public static Log endless(Fd file) {
            return new Log(file, 0, Optional.empty(), 0, 0, NO_HOLD);
        }

        @Override
        public void close() {
            segment.close();
            directory.ifPresent(Fd::close);
        }
    }

    /** The offset of {@link #hold} that holds nothing. */
    public static final long NO_HOLD = Long.MAX_VALUE;

    /**
     * A process of the keeper; the descriptors belong to the receiver.
     *
     * @param terminal master of its terminal
     * @param input write end of its standard input
     */
    public record Spawned(String id, long pid, Fd pidfd, Optional<Fd> terminal, Optional<Fd> input)
            implements AutoCloseable {
        @Override
        public void close() {
            pidfd.close();
            terminal.ifPresent(Fd::close);
            input.ifPresent(Fd::close);
        }
    }

    /**
     * A process that the keeper knows.
     *
     * @param exitStatus absent while it runs
     * @param waiting whether it stands in a tape's sync
     */
    public record Held(String id, long pid, OptionalInt exitStatus, boolean waiting) {}

    private record Report(
            int word,
            int sequence,
            String id,
            long number,
            int pid,
            int status,
            int error,
            int line,
            int state,
            List<Fd> fds) {}

    private static final class Pending {
        final CompletableFuture<Report> answer = new CompletableFuture<>();
        final List<Held> held = new ArrayList<>(0);
    }

    private Keeper(Linux linux, Fd socket) {
        this.linux = linux;
        this.socket = socket;
        this.reader = Thread.ofPlatform().daemon().name("keeper").unstarted(this::read);
    }

    /**
     * Starts a keeper, which makes itself a daemon, and connects to it.
     *
     * @throws IOException if it does not start; the message has its own words
     */
    public static Keeper launch(Linux linux, Path binary, Path socket) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(binary.toString(), socket.toString())
                .redirectErrorStream(true)
                .start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        int status = process.waitFor();
        if (status != 0) {
            throw new IOException(said.isEmpty() ? binary + " ended with status " + status : said);
        }
        return connect(linux, socket);
    }

    /**
     * Connects to a keeper that runs.
     *
     * @throws KernelException with ECONNREFUSED or ENOENT where none does
     */
    public static Keeper connect(Linux linux, Path socket) {
        Fd fd = linux.socket(Flags.AF_UNIX, Flags.SOCK_SEQPACKET, 0);
        try {
            linux.connectUnix(fd, socket.toString());
        } catch (KernelException e) {
            fd.close();
            throw e;
        }
        Keeper keeper = new Keeper(linux, fd);
        keeper.reader.start();
        try {
            Report report = keeper.ask(ORDER_VERSION, "", 0, 0, List.of());
            keeper.version = report.word == REPORT_DONE ? (int) report.number : 1;
        } catch (IllegalStateException e) {
            keeper.close();
            throw new KernelException("connecting to the keeper " + socket, Errno.ECONNREFUSED);
        }
        return keeper;
    }

    /** Whether this keeper bounds logs; one of the first version, of an engine before this one, does not. */
    public boolean boundsLogs() {
        return version >= 2;
    }

    /** Sets who hears of exits and output from now on. */
    public void listen(Listener to) {
        listener = to;
    }

    /**
     * Makes a process and blocks until it is the new program, or stands in a sync line.
     *
     * @throws TapeException if a line failed; nothing is left of the process
     * @throws KernelException if it could not be cloned
     */
    public Spawned spawn(Spawn order) {
        List<Fd> fds = new ArrayList<>();
        int flags = order.terminal ? SPAWN_TERMINAL : 0;
        try (Fd tape = linux.sealedMemfd("tape", order.tape.encode())) {
            fds.add(tape);
            flags |= add(fds, order.pidNamespace, SPAWN_PIDNS);
            flags |= add(fds, order.cgroup, SPAWN_CGROUP);
            flags |= add(fds, order.input, SPAWN_INPUT);
            flags |= add(fds, order.output, SPAWN_OUTPUT);
            flags |= add(fds, order.error, SPAWN_ERROR);
            flags |= add(fds, order.log.map(Log::segment), SPAWN_LOG);
            if (boundsLogs()) {
                flags |= add(fds, order.log.flatMap(Log::directory), SPAWN_DIRECTORY);
            }
            fds.addAll(order.tape.descriptors());
            Report report = ask(ORDER_SPAWN, order.id, order.cloneFlags, flags, fds, order.log);
            Spawned spawned = spawned(report, order.tape);
            if ((report.state & STATE_WAITING) != 0) {
                waitingTapes.put(order.id, order.tape);
            }
            return spawned;
        }
    }

    /** Sends bytes as a tape, for tests of the keeper's checks; answers the errno it refused them with, or 0. */
    int spawnRaw(String id, byte[] bytes) {
        try (Fd tape = linux.sealedMemfd("tape", bytes)) {
            return ask(ORDER_SPAWN, id, 0, 0, List.of(tape)).error;
        }
    }

    private static int add(List<Fd> fds, Optional<Fd> fd, int flag) {
        if (fd.isEmpty()) {
            return 0;
        }
        fds.add(fd.get());
        return flag;
    }

    private static Spawned spawned(Report report, Tape tape) {
        if (report.word == REPORT_FAILED) {
            if (report.line >= 0) {
                throw new TapeException(tape.describe(report.line), report.line, report.error);
            }
            throw new KernelException("making the process " + report.id, report.error);
        }
        int at = 0;
        if ((report.state & STATE_HAS_PIDFD) == 0) {
            throw new KernelException("making the process " + report.id, Errno.ESRCH);
        }
        Fd pidfd = report.fds.get(at++);
        Optional<Fd> terminal =
                (report.state & STATE_HAS_TERMINAL) != 0 ? Optional.of(report.fds.get(at++)) : Optional.empty();
        Optional<Fd> input = (report.state & STATE_HAS_INPUT) != 0 ? Optional.of(report.fds.get(at)) : Optional.empty();
        return new Spawned(report.id, report.pid, pidfd, terminal, input);
    }

    /**
     * Lets a process that stands in a sync line go on; returns when it is the new program.
     *
     * @throws TapeException if a later line failed
     */
    public void proceed(String id) {
        Tape tape = waitingTapes.remove(id);
        spawned(ask(ORDER_PROCEED, id, 0, 0, List.of()), tape == null ? new Tape() : tape)
                .close();
    }

    /** All processes that the keeper knows, ended ones until they are forgotten. */
    public List<Held> list() {
        Pending p = new Pending();
        await(send(p, ORDER_LIST, "", 0, 0, List.of(), Optional.empty()), p);
        return List.copyOf(p.held);
    }

    /** Descriptors of a process that runs, after a reconnect. */
    public Spawned take(String id) {
        return spawned(ask(ORDER_TAKE, id, 0, 0, List.of()), new Tape());
    }

    /** Drops the record of a process that has ended. */
    public void forget(String id) {
        ask(ORDER_FORGET, id, 0, 0, List.of());
    }

    /** Asks to be told once, by {@link Listener#output}, when the log is longer than this. Does not block. */
    public void watch(String id, long knownLength) {
        linux.send(socket, order(ORDER_WATCH, 0, id, knownLength, 0, Optional.empty()), List.of());
    }

    /**
     * Says that no segment of a log may be deleted that holds something at or behind this offset, since somebody reads there:
     * the keeper rather lets the process wait. {@link #NO_HOLD} lets go, and so does the end of this connection. Does not
     * block.
     */
    public void hold(String id, long offset) {
        if (boundsLogs() && !closed) {
            linux.send(socket, order(ORDER_HOLD, 0, id, offset, 0, Optional.empty()), List.of());
        }
    }

    /** Ends the segment that a process's log is written to and begins another; false where that cannot be now. */
    public boolean rotate(String id) {
        return boundsLogs() && ask(ORDER_ROTATE, id, 0, 0, List.of()).word == REPORT_DONE;
    }

    /** Closes the keeper's hold on a process's standard input. */
    public void closeInput(String id) {
        ask(ORDER_CLOSE_INPUT, id, 0, 0, List.of());
    }

    /** Ends the keeper; false where it still holds running processes and so goes on. */
    public boolean shutdown() {
        try {
            return ask(ORDER_SHUTDOWN, "", 0, 0, List.of()).word == REPORT_DONE;
        } catch (IllegalStateException goneAlready) {
            return true;
        }
    }

    /** Disconnects; the keeper and its processes go on. */
    @Override
    public void close() {
        closed = true;
        try {
            linux.shutdown(socket);
            if (Thread.currentThread() != reader) {
                reader.join();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            socket.close();
        }
    }

    private Report ask(int word, String id, long number, int flags, List<Fd> fds) {
        return ask(word, id, number, flags, fds, Optional.empty());
    }

    private Report ask(int word, String id, long number, int flags, List<Fd> fds, Optional<Log> log) {
        Pending p = new Pending();
        return await(send(p, word, id, number, flags, fds, log), p);
    }

    private int send(Pending p, int word, String id, long number, int flags, List<Fd> fds, Optional<Log> log) {
        int key = sequence.incrementAndGet();
        if (key == 0) {
            key = sequence.incrementAndGet(); // 0 stands for "nobody asked"
        }
        pending.put(key, p);
        if (closed) {
            p.answer.completeExceptionally(new IllegalStateException("the keeper is gone"));
            return key;
        }
        try {
            linux.send(socket, order(word, key, id, number, flags, log), fds);
        } catch (KernelException e) {
            pending.remove(key);
            throw e;
        }
        return key;
    }

    private Report await(int key, Pending p) {
        try {
            return p.answer.get();
        } catch (ExecutionException e) {
            throw new IllegalStateException("the keeper is gone", e.getCause());
        } catch (InterruptedException e) {
            // the order is on its way: its descriptors and its process must not be lost, so the answer is awaited
            try {
                return p.answer.join();
            } finally {
                Thread.currentThread().interrupt();
            }
        } finally {
            pending.remove(key);
        }
    }

    private byte[] order(int word, int sequence, String id, long number, int flags, Optional<Log> log) {
        byte[] name = id.getBytes(StandardCharsets.UTF_8);
        if (name.length >= ID_SIZE) {
            throw new IllegalArgumentException("id longer than 71 bytes: " + id);
        }
        // the first keepers know only the first length, and the question after the version is put to all
        ByteBuffer b = ByteBuffer.allocate(boundsLogs() ? ORDER_SIZE : FIRST_ORDER_SIZE)
                .order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(word).putInt(sequence).put(name).position(8 + ID_SIZE);
        b.putLong(number).putInt(flags);
        if (boundsLogs() && log.isPresent()) {
            Log to = log.get();
            b.putInt(to.files).putLong(to.start).putLong(to.limit).putLong(to.hold);
        }
        return b.array();
    }

    private void read() {
        try {
            while (true) {
                Linux.Received received = linux.receive(socket, REPORT_SIZE, 4);
                if (received.message().length == 0) {
                    break;
                }
                dispatch(parse(received));
            }
        } catch (KernelException e) {
            // the socket was closed under us, or the keeper was killed
        }
        boolean wanted = closed;
        closed = true;
        pending.values().forEach(p -> p.answer.completeExceptionally(new IllegalStateException("the keeper is gone")));
        if (!wanted) {
            listener.lost();
        }
    }

    private static Report parse(Linux.Received received) {
        ByteBuffer b = ByteBuffer.wrap(received.message()).order(ByteOrder.LITTLE_ENDIAN);
        int end = 8;
        while (end < 8 + ID_SIZE && b.get(end) != 0) {
            end++;
        }
        String id = new String(received.message(), 8, end - 8, StandardCharsets.UTF_8);
        int at = 8 + ID_SIZE;
        return new Report(
                b.getInt(0),
                b.getInt(4),
                id,
                b.getLong(at),
                b.getInt(at + 8),
                b.getInt(at + 12),
                b.getInt(at + 16),
                b.getInt(at + 20),
                b.getInt(at + 24),
                received.descriptors());
    }

    private void dispatch(Report report) {
        switch (report.word) {
            case REPORT_EXITED -> listener.exited(report.id, report.status, report.number);
            case REPORT_OUTPUT -> listener.output(report.id, report.number);
            default -> {
                Pending p = pending.get(report.sequence);
                if (p == null) {
                    report.fds.forEach(Fd::close);
                } else if (report.word == REPORT_HELD) {
                    p.held.add(new Held(
                            report.id,
                            report.pid,
                            (report.state & STATE_EXITED) != 0 ? OptionalInt.of(report.status) : OptionalInt.empty(),
                            (report.state & STATE_WAITING) != 0));
                } else {
                    p.answer.complete(report);
                }
            }
        }
    }
}
