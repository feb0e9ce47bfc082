package kist.image;

import java.io.InputStream;
import kist.kernel.Fd;
import kist.kernel.Linux;

/** Reads a regular file from its start; closing it closes the file. Not thread-safe. */
final class FdStream extends InputStream {
    private final Linux linux;
    private final Fd file;
    private long at;

    FdStream(Linux linux, Fd file) {
        this.linux = linux;
        this.file = file;
    }

    @Override
    public int read() {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) {
        if (length == 0) {
            return 0;
        }
        int n = linux.pread(file, bytes, offset, length, at);
        at += n;
        return n <= 0 ? -1 : n;
    }

    @Override
    public void close() {
        file.close();
    }
}
