package kist.engine;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import kist.image.PathStat;

/**
 * What can be asked of the files that a container sees, running or not. {@code path} is one of the container's; a link in its
 * last place is not followed unless it ends with a slash or {@code /.}. None of them only reads: a look at what does not run
 * mounts its volumes, for which places may have to be made.
 *
 * @param <R> the answer
 */
public sealed interface ArchiveRequest<R> extends Request.OfFiles<R> {
    /** What a path is. */
    record StatPath(String ref, String path) implements ArchiveRequest<PathStat> {
        @Override
        public String object() {
            return ref + ":" + path;
        }
    }

    /** Writes what is at a path, and if it is a directory all that is in it, as a tar. */
    record ReadPath(String ref, String path, Sink sink) implements ArchiveRequest<Request.Done> {
        @Override
        public String object() {
            return ref + ":" + path;
        }
    }

    /** Takes an archive whose head is known first. */
    interface Sink {
        /** Answers where the archive goes, which is not closed. */
        OutputStream begin(PathStat stat) throws IOException;
    }

    /**
     * Unpacks an archive into a directory of a container, links to which are followed.
     *
     * @param archive a tar, plain or compressed with gzip, bzip2, xz or zstd; read to its end, not closed
     * @param keepsKind refuse to put a directory in place of something else, or something else in place of one
     * @param copyOwner everything shall belong to the user that the container runs as, rather than whom the archive names
     */
    record WritePath(String ref, String path, InputStream archive, boolean keepsKind, boolean copyOwner)
            implements ArchiveRequest<Request.Done> {
        @Override
        public String object() {
            return ref + ":" + path;
        }
    }
}
