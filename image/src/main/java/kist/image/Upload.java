package kist.image;

import java.io.IOException;
import java.io.InputStream;

/** A blob that is being written and whose digest is told at the end. */
public final class Upload {
    private Upload() {}

    /** Its name, by which it can be resumed. */
    public String id() {
        throw new UnsupportedOperationException();
    }

    /** Bytes so far. */
    public long size() {
        throw new UnsupportedOperationException();
    }

    /** Appends a stream. */
    public long write(InputStream in, long max) throws IOException {
        throw new UnsupportedOperationException();
    }

    /** Makes it a blob; INVALID if its digest is another. */
    public void finish(String digest) {
        throw new UnsupportedOperationException();
    }

    /** Gives it up. */
    public void cancel() {
        throw new UnsupportedOperationException();
    }
}
