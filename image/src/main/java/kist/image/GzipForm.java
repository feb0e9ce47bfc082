package kist.image;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

/**
 * Compresses with gzip (RFC 1952) on all processors: the input is cut into blocks, each of which is compressed with the end
 * of the one before as its dictionary. The same input always gives the same bytes.
 */
final class GzipForm {
    private static final int LEVEL = Deflater.BEST_SPEED;
    private static final int BLOCK = 1 << 20;
    private static final int WINDOW = 32 << 10;
    /** No name, no time, from Unix. */
    private static final byte[] HEADER = {0x1f, (byte) 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};

    private GzipForm() {}

    /** Takes a piece of the result. */
    interface Sink {
        void write(byte[] bytes, int offset, int length);
    }

    /** Compresses a stream to its end. */
    static void compress(InputStream in, Sink out) throws IOException {
        int processors = Math.max(1, Runtime.getRuntime().availableProcessors());
        ExecutorService threads = Executors.newFixedThreadPool(
                processors, Thread.ofPlatform().daemon().name("kist-image-gzip").factory());
        try {
            CRC32 crc = new CRC32();
            long length = 0;
            Deque<Future<byte[]>> waiting = new ArrayDeque<>();
            out.write(HEADER, 0, HEADER.length);
            byte[] before = new byte[0];
            for (boolean last = false; !last; ) {
                byte[] block = in.readNBytes(BLOCK);
                last = block.length < BLOCK;
                crc.update(block);
                length += block.length;
                byte[] dictionary = before;
                boolean end = last;
                waiting.add(threads.submit(() -> deflate(block, dictionary, end)));
                before = Arrays.copyOfRange(block, Math.max(0, block.length - WINDOW), block.length);
                while (waiting.size() > (last ? 0 : 2 * processors)) {
                    byte[] done = await(waiting.remove());
                    out.write(done, 0, done.length);
                }
            }
            byte[] trailer = new byte[8];
            for (int i = 0; i < 4; i++) {
                trailer[i] = (byte) (crc.getValue() >>> 8 * i);
                trailer[4 + i] = (byte) (length >>> 8 * i);
            }
            out.write(trailer, 0, trailer.length);
        } finally {
            threads.shutdownNow();
        }
    }

    private static byte[] await(Future<byte[]> block) throws IOException {
        try {
            return block.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new java.io.InterruptedIOException("interrupted while compressing");
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    private static byte[] deflate(byte[] block, byte[] dictionary, boolean last) {
        try (Deflater deflater = new Deflater(LEVEL, true)) {
            if (dictionary.length > 0) {
                deflater.setDictionary(dictionary);
            }
            deflater.setInput(block);
            if (last) {
                deflater.finish();
            }
            byte[] out = new byte[BLOCK / 2];
            int n = 0;
            for (int more; ; n += more) {
                if (n == out.length) {
                    out = Arrays.copyOf(out, 2 * out.length);
                }
                more = deflater.deflate(out, n, out.length - n, last ? Deflater.NO_FLUSH : Deflater.SYNC_FLUSH);
                boolean done = last ? deflater.finished() : n + more < out.length;
                if (done) {
                    return Arrays.copyOf(out, n + more);
                }
            }
        }
    }
}
