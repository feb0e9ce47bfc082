package kist.image;

import java.io.IOException;
import java.io.InputStream;

/** Where an interrupted download goes on. */
public interface BlobSource {
    /**
     * The bytes from an offset on; the stream may begin earlier where the source knows no ranges.
     *
     * @throws IOException if another try may succeed
     */
    Opened open(long offset) throws IOException, InterruptedException;

    /**
     * An open stream.
     *
     * @param offset of its first byte
     */
    record Opened(InputStream stream, long offset) {}
}
