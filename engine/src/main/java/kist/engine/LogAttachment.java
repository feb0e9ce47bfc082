package kist.engine;

import java.util.Optional;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Poller;

/** One client joined to a container: output from its log, input to its pipe or terminal. */
final class LogAttachment implements Attachment {
    private final Linux linux;
    private final Poller poller;
    private final Run run;
    private final long number;
    private final LogReader log;
    private final Request.AttachContainer wish;
    private final boolean tty;
    private final Runnable endOfInput;
    private final Runnable detached;
    private final long stopAt;
    private final long sinceNanos;
    private final boolean holds;
    private volatile boolean open = true;
    private boolean inputOver;
    private long heldAt = -1;

    /**
     * @param endOfInput what to do when the client's input ends and the container's input shall end with it
     * @param detached what to do when the client leaves by its keys
     * @param log positioned where reading begins
     * @param stopAt end of what is replayed where the client does not want live output, else negative
     * @param sinceNanos what is older is not replayed
     */
    LogAttachment(
            Linux linux,
            Poller poller,
            Run run,
            LogReader log,
            Request.AttachContainer wish,
            boolean tty,
            Runnable endOfInput,
            Runnable detached,
            long stopAt,
            long sinceNanos) {
        this.linux = linux;
        this.poller = poller;
        this.run = run;
        this.number = run.current();
        this.log = log;
        this.wish = wish;
        this.tty = tty;
        this.endOfInput = endOfInput;
        this.detached = detached;
        this.stopAt = stopAt;
        this.sinceNanos = sinceNanos;
        this.holds = wish.live() && (wish.stdout() || wish.stderr());
        if (stopAt >= 0) {
            log.pin();
        }
        run.reading(log);
        getOn();
    }

    /** Lets go of segments that have been read. */
    private void getOn() {
        long at = log.segmentStart();
        if (holds && at != heldAt) {
            heldAt = at;
            run.hold(this, at);
        }
    }

    @Override
    public boolean tty() {
        return tty;
    }

    @Override
    public Optional<Output> read() throws InterruptedException {
        while (open) {
            if (stopAt >= 0 && log.position() >= stopAt) {
                return Optional.empty();
            }
            boolean over = run.over(number); // asked before reading: what was written before the end is in the log
            Optional<Output> next = log.next();
            getOn();
            if (next.isPresent()) {
                boolean error = next.get().stream() == 2 && !tty;
                if ((error ? wish.stderr() : wish.stdout()) && next.get().nanos() >= sinceNanos) {
                    return next;
                }
            } else if (over || stopAt >= 0) {
                return Optional.empty();
            } else {
                run.awaitLog(log.position(), number);
            }
        }
        return Optional.empty();
    }

    @Override
    public void write(byte[] bytes, int offset, int length) {
        try {
            Optional<Fd> input = wish.stdin() ? run.awaitInput(number, tty) : Optional.empty();
            if (input.isPresent()) {
                writeAll(linux, poller, input.get(), bytes, offset, length);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Writes all to a non-blocking pipe or terminal; what a process that is gone does not read is dropped. */
    static void writeAll(Linux linux, Poller poller, Fd to, byte[] bytes, int offset, int length)
            throws InterruptedException {
        int done = 0;
        try {
            while (done < length) {
                int n = linux.tryWrite(to, bytes, offset + done, length - done);
                if (n >= 0) {
                    done += n;
                } else {
                    poller.awaitWritable(to);
                }
            }
        } catch (KernelException e) {
            if (e.errno() != Errno.EPIPE && e.errno() != Errno.EIO && e.errno() != Errno.EBADF) {
                throw e;
            }
        } catch (IllegalStateException closedMeanwhile) {
            return;
        }
    }

    @Override
    public void closeInput() {
        if (wish.stdin() && !inputOver) {
            inputOver = true;
            endOfInput.run();
        }
    }

    @Override
    public void detach() {
        close();
        detached.run();
    }

    @Override
    public void close() {
        open = false;
        closeInput();
        run.release(this);
        run.read(log);
        run.nudge();
        log.close();
    }
}
