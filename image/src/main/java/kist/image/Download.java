package kist.image;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Trees;

/**
 * One download into {@code ingest/}, where an earlier one of the same blob may have left its beginning. While one thread runs it,
 * another may read what is there already.
 */
final class Download implements AutoCloseable {
    private static final int PIECE = 256 << 10;
    /** How often a source is asked again without having brought anything. */
    private static final int PATIENCE = 5;

    private static final long FIRST_PAUSE_MILLIS = 200;
    private static final long EVENT_NANOS = 100_000_000;

    private final StoreFiles files;
    private final Descriptor blob;
    private final Budget budget;
    private final TransferListener listener;
    private final String hex;
    private final String what;
    private final Fd file;
    private final MessageDigest running = Digest.sha256();
    private final byte[] piece = new byte[PIECE];
    private final long resumed;
    private long nextEvent;
    private boolean fromStart;

    private final Object monitor = new Object();
    private long available;
    private boolean broken;

    /** All bytes are there, and they are not the blob. */
    static final class WrongDigest extends RuntimeException {
        private static final long serialVersionUID = 1L;

        WrongDigest(String message) {
            super(message);
        }
    }

    Download(StoreFiles files, Descriptor blob, Budget budget, TransferListener listener) {
        this.files = files;
        this.blob = blob;
        this.budget = budget;
        this.listener = listener;
        this.hex = Digest.hex(blob.digest(), "the blob");
        this.what = "blob " + blob.digest();
        budget.entry(what, blob.size(), 0);
        this.file = files.linux.openat2(
                files.ingest, hex, Flags.O_RDWR | Flags.O_CREAT | Flags.O_NOFOLLOW, 0600, Trees.INSIDE);
        long there = files.linux.stat(file, "").size();
        if (there > blob.size()) {
            files.linux.truncate(file, 0);
            there = 0;
        }
        this.resumed = there;
    }

    /** Bytes that an earlier download left. */
    long resumed() {
        return resumed;
    }

    /**
     * Runs to the end: all bytes are there then, they are what the digest says, and they are on disk.
     *
     * @param stop a reason to give up, asked for again and again
     * @throws UncheckedIOException where the source failed too often
     * @throws WrongDigest where it brought something else
     */
    void run(BlobSource source, Supplier<Optional<RuntimeException>> stop) throws InterruptedException {
        long at = 0;
        while (at < resumed) {
            int n = files.linux.pread(file, piece, 0, (int) Math.min(piece.length, resumed - at), at);
            if (n <= 0) {
                break;
            }
            running.update(piece, 0, n);
            at += n;
        }
        grown(at);
        int failures = 0;
        while (at < blob.size()) {
            long before = at;
            try {
                at = receive(source, at, stop);
            } catch (IOException e) {
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
                at = available();
                failures = at > before ? 1 : failures + 1;
                if (failures > PATIENCE) {
                    throw new UncheckedIOException(
                            "the download of " + what + " broke off " + failures + " times at byte " + at + " of "
                                    + blob.size() + ": " + (e.getMessage() == null ? e.toString() : e.getMessage()),
                            e);
                }
                event(TransferEvent.State.RETRYING, at);
                Thread.sleep(FIRST_PAUSE_MILLIS << failures - 1);
            }
        }
        event(TransferEvent.State.VERIFYING, at);
        String found = Digest.finish(running);
        if (!found.equals(blob.digest())) {
            throw new WrongDigest(what + " was served with the digest " + found);
        }
        sync();
    }

    /** On a thread of its own, as it takes long and a virtual thread would keep its carrier. */
    private void sync() throws InterruptedException {
        if (!Thread.currentThread().isVirtual()) {
            files.linux.sync(file, false);
            return;
        }
        AtomicReference<Optional<Throwable>> failure = new AtomicReference<>(Optional.empty());
        Thread thread = Thread.ofPlatform().daemon().name("kist-image-sync").start(() -> {
            try {
                files.linux.sync(file, false);
            } catch (RuntimeException | Error e) {
                failure.set(Optional.of(e));
            }
        });
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            throw new InterruptedException();
        }
        switch (failure.get().orElse(null)) {
            case null -> {}
            case Error e -> throw e;
            case RuntimeException e -> throw e;
            default -> throw new IllegalStateException(failure.get().get());
        }
    }

    /** One answer of the source, to its end or to that of the blob. */
    private long receive(BlobSource source, long offset, Supplier<Optional<RuntimeException>> stop)
            throws IOException, InterruptedException {
        BlobSource.Opened opened = source.open(offset);
        long at = offset;
        try (InputStream in = opened.stream()) {
            if (opened.offset() > offset || opened.offset() < 0) {
                throw ImageException.invalid(
                        what + " was asked for from byte " + offset + " and served from byte " + opened.offset());
            }
            in.skipNBytes(offset - opened.offset());
            while (at < blob.size()) {
                Optional<RuntimeException> reason = stop.get();
                if (reason.isPresent()) {
                    throw reason.get();
                }
                int n = in.read(piece, 0, (int) Math.min(piece.length, blob.size() - at));
                if (n < 0) {
                    throw new IOException("the answer ended at byte " + at + " of " + blob.size());
                }
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
                budget.writing(what, n);
                files.linux.pwrite(file, piece, 0, n, at);
                running.update(piece, 0, n);
                at += n;
                grown(at);
                if (System.nanoTime() - nextEvent >= 0 || at == blob.size()) {
                    nextEvent = System.nanoTime() + EVENT_NANOS;
                    event(TransferEvent.State.DOWNLOADING, at);
                }
            }
            if (in.read(piece, 0, 1) > 0) {
                throw ImageException.invalid(
                        what + " is served with more than the " + blob.size() + " bytes that its manifest says");
            }
        }
        return at;
    }

    private void event(TransferEvent.State state, long done) {
        listener.on(new TransferEvent(blob.digest(), state, done, blob.size()));
    }

    private void grown(long to) {
        synchronized (monitor) {
            available = to;
            monitor.notifyAll();
        }
    }

    private long available() {
        synchronized (monitor) {
            return available;
        }
    }

    /** Ends who reads. */
    void breakOff() {
        synchronized (monitor) {
            broken = true;
            monitor.notifyAll();
        }
    }

    /** The whole blob, as it comes in. */
    InputStream reader() {
        return new InputStream() {
            private long at;

            @Override
            public int read() throws IOException {
                byte[] one = new byte[1];
                return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
            }

            @Override
            public int read(byte[] bytes, int offset, int length) throws IOException {
                long ready = await(at);
                if (ready == 0) {
                    return -1;
                }
                int n = files.linux.pread(file, bytes, offset, (int) Math.min(length, ready), at);
                at += n;
                return n == 0 ? -1 : n;
            }
        };
    }

    private long await(long at) throws IOException {
        synchronized (monitor) {
            while (available == at && at < blob.size() && !broken) {
                try {
                    monitor.wait();
                } catch (InterruptedException e) {
                    broken = true;
                }
            }
            if (broken) {
                throw new IOException("the download was given up");
            }
            return available - at;
        }
    }

    /** Moves the file among the blobs; a lease must hold it. */
    void install(Content content) {
        content.install(files.ingest, hex, blob.digest(), blob.size());
        fromStart = false;
    }

    /** Has the next download begin anew. */
    void discard() {
        fromStart = true;
    }

    @Override
    public void close() {
        breakOff();
        file.close();
        if (fromStart) {
            files.discard(files.ingest, hex);
        }
    }
}
