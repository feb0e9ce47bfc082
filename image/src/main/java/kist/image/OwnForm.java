package kist.image;

import com.github.luben.zstd.ZstdOutputStreamNoFinalizer;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Optional;

/**
 * Compresses a plain tar with zstd on a thread of its own while it is unpacked on another. Closing it gives up what was not
 * finished. For one writer.
 */
final class OwnForm implements AutoCloseable {
    private static final int LEVEL = 1;
    /** Bytes that may wait for the compressor. */
    private static final int MAXIMUM_WAITING = 4 << 20;

    private final BlobFile file;
    private final Thread thread;
    private final Deque<byte[]> waiting = new ArrayDeque<>();
    private int bytesWaiting;
    private boolean ended;
    private boolean givenUp;
    private Optional<Throwable> failure = Optional.empty();

    OwnForm(StoreFiles files, Budget budget, String what) {
        this.file = new BlobFile(files, budget, what);
        this.thread = Thread.ofPlatform().daemon().name("kist-image-zstd").start(this::compress);
    }

    private void compress() {
        OutputStream out = new OutputStream() {
            @Override
            public void write(int b) {
                write(new byte[] {(byte) b}, 0, 1);
            }

            @Override
            public void write(byte[] bytes, int offset, int length) {
                file.write(bytes, offset, length);
            }
        };
        try (ZstdOutputStreamNoFinalizer zstd = new ZstdOutputStreamNoFinalizer(out, LEVEL)) {
            for (Optional<byte[]> next = take(); next.isPresent(); next = take()) {
                zstd.write(next.get());
            }
        } catch (Throwable e) {
            fail(e);
        }
    }

    private synchronized void fail(Throwable e) {
        failure = Optional.of(e);
        waiting.clear();
        notifyAll();
    }

    private synchronized Optional<byte[]> take() throws InterruptedException {
        while (waiting.isEmpty() && !ended) {
            wait();
        }
        if (givenUp || waiting.isEmpty()) {
            return Optional.empty();
        }
        byte[] next = waiting.removeFirst();
        bytesWaiting -= next.length;
        notifyAll();
        return Optional.of(next);
    }

    /** Takes bytes of the tar; what the compressor failed with is thrown here. */
    synchronized void write(byte[] bytes, int offset, int length) throws IOException {
        boolean interrupted = false;
        while (bytesWaiting > MAXIMUM_WAITING && failure.isEmpty()) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        rethrow();
        waiting.add(Arrays.copyOfRange(bytes, offset, offset + length));
        bytesWaiting += length;
        notifyAll();
    }

    private void rethrow() throws IOException {
        if (failure.isPresent()) {
            switch (failure.get()) {
                case RuntimeException e -> throw e;
                case Error e -> throw e;
                default -> throw new IOException("it cannot be compressed: " + failure.get(), failure.get());
            }
        }
    }

    /** Waits for the compressor and answers the file, which the caller closes from now on. */
    BlobFile finish() throws IOException {
        end(false);
        synchronized (this) {
            rethrow();
        }
        file.finish();
        return file;
    }

    private void end(boolean giveUp) {
        synchronized (this) {
            ended = true;
            givenUp = giveUp;
            notifyAll();
        }
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        end(true);
        file.close();
    }
}
