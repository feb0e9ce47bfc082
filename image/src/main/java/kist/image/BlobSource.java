package kist.image;

import java.io.IOException;
import java.io.InputStream;

/** Where a blob comes from, and how an interrupted download of it goes on. Called by one thread at a time. */
public interface BlobSource {
    /**
     * The bytes of a blob from a position on.
     *
     * @param offset bytes that are there already
     * @throws IOException where it is worth asking again; what is not is thrown as any other exception and ends the download
     * @throws InterruptedException if the thread is to give up
     */
    Opened open(long offset) throws IOException, InterruptedException;

    /**
     * An answer.
     *
     * @param stream closed by who asked
     * @param offset where the stream begins: what was asked for, or earlier where the source cannot begin in the middle
     */
    record Opened(InputStream stream, long offset) {}
}
