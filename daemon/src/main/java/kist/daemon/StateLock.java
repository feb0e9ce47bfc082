package kist.daemon;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import org.jspecify.annotations.Nullable;

/**
 * The right to be the one engine on a directory: a lock on a file in it, which the kernel drops when the process ends,
 * however it ends. The file holds the owner's pid for the message to whoever comes second, and is never removed, since a
 * lock on a removed file excludes nobody.
 */
final class StateLock implements AutoCloseable {
    private static final String NAME = "engine.lock";

    private final FileChannel channel;

    private StateLock(FileChannel channel) {
        this.channel = channel;
    }

    /**
     * Takes the lock.
     *
     * @throws Refusal if another engine holds it
     */
    static StateLock take(Path directory, long pid) throws IOException, Refusal {
        var file = directory.resolve(NAME);
        var channel = FileChannel.open(
                file,
                java.util.Set.of(
                        StandardOpenOption.CREATE,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE,
                        LinkOption.NOFOLLOW_LINKS),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        boolean taken = false;
        try {
            if (tryLock(channel) == null) {
                var owner = Files.readString(file).strip();
                throw new Refusal("another engine" + (owner.isEmpty() ? "" : " (pid " + owner + ")")
                        + " already uses " + directory + "; stop it with 'kist system shutdown', or give this one a"
                        + " directory of its own with --root and --run-dir");
            }
            channel.truncate(0);
            channel.write(ByteBuffer.wrap((pid + "\n").getBytes(StandardCharsets.US_ASCII)), 0);
            taken = true;
            return new StateLock(channel);
        } finally {
            if (!taken) {
                channel.close();
            }
        }
    }

    private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
        try {
            return channel.tryLock();
        } catch (OverlappingFileLockException e) {
            return null;
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
