package kist.engine;

import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Poller;

/**
 * The client of one exec'ed process, joined to its pipes or its terminal without a log between. Owns the descriptors.
 */
final class PipeAttachment implements Attachment {
    private static final int CHUNK = 32768;
    private static final Output END = new Output(0, 0, new byte[0]);

    private final Linux linux;
    private final Poller poller;
    private final boolean tty;
    private final Optional<Fd> input;
    private final Runnable detached;
    private final ArrayBlockingQueue<Output> queue = new ArrayBlockingQueue<>(16);
    private final AtomicInteger streams = new AtomicInteger();
    private final Thread[] pumps;
    private volatile boolean exited;
    private volatile boolean open = true;
    private boolean finished;

    /** @param detached what to do when the client leaves by its keys */
    PipeAttachment(
            Linux linux,
            Poller poller,
            boolean tty,
            Optional<Fd> input,
            Optional<Fd> output,
            Optional<Fd> error,
            Runnable detached) {
        this.linux = linux;
        this.poller = poller;
        this.tty = tty;
        this.input = input;
        this.detached = detached;
        streams.set((output.isPresent() ? 1 : 0) + (error.isPresent() ? 1 : 0) + 1);
        pumps = new Thread[] {
            output.map(fd -> pump(fd, 1)).orElse(Thread.ofVirtual().unstarted(() -> {})),
            error.map(fd -> pump(fd, 2)).orElse(Thread.ofVirtual().unstarted(() -> {}))
        };
    }

    private Thread pump(Fd fd, int stream) {
        linux.setNonBlocking(fd);
        return Thread.ofVirtual().start(() -> {
            byte[] buffer = new byte[CHUNK];
            try (fd) {
                while (open) {
                    int n = linux.read(fd, buffer, 0, CHUNK);
                    if (n > 0) {
                        byte[] bytes = new byte[n];
                        System.arraycopy(buffer, 0, bytes, 0, n);
                        give(new Output(Clock.nanos(), stream, bytes));
                    } else if (n == 0 || exited) {
                        break; // the end; or all that was written before the process ended has been read
                    } else {
                        waitForMore(fd);
                    }
                }
            } catch (InterruptedException e) {
                // closed by the client
            } catch (KernelException e) {
                if (e.errno() != Errno.EIO) { // EIO: the last holder of a terminal has closed it
                    System.getLogger("kist").log(System.Logger.Level.WARNING, "reading an exec'ed process", e);
                }
            } finally {
                done();
            }
        });
    }

    private void give(Output output) throws InterruptedException {
        while (true) {
            try {
                queue.put(output);
                return;
            } catch (InterruptedException e) {
                if (!exited || !open) { // the end of the process must not cost what it wrote
                    throw e;
                }
            }
        }
    }

    private void waitForMore(Fd fd) throws InterruptedException {
        try {
            poller.awaitReadable(fd);
        } catch (InterruptedException e) {
            if (!exited) {
                throw e;
            }
        }
    }

    private void done() {
        if (streams.decrementAndGet() == 0) {
            Thread.ofVirtual().start(() -> {
                try {
                    queue.put(END);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
        }
    }

    /** The process has ended: the streams end when what it wrote is read, even if others hold them open. */
    void exited() {
        exited = true;
        for (Thread pump : pumps) {
            pump.interrupt();
        }
        done();
    }

    @Override
    public boolean tty() {
        return tty;
    }

    @Override
    public Optional<Output> read() throws InterruptedException {
        if (finished || !open) {
            return Optional.empty();
        }
        Output next = queue.take();
        if (next == END) {
            finished = true;
            return Optional.empty();
        }
        return Optional.of(next);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) {
        if (input.isPresent() && input.get().isOpen()) {
            try {
                LogAttachment.writeAll(linux, poller, input.get(), bytes, offset, length);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public void closeInput() {
        if (!tty) {
            input.ifPresent(Fd::close);
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
        for (Thread pump : pumps) {
            pump.interrupt();
        }
        input.ifPresent(Fd::close);
        queue.clear();
        queue.offer(END);
    }
}
