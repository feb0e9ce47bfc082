package kist.runtime;

import io.avaje.jsonb.Json;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * A device node in the container (config-linux.md, devices).
 *
 * @param type {@code c} or {@code u} for a character device, {@code b} for a block device, {@code p} for a FIFO
 * @param fileMode permission bits, empty for 0666
 */
@Json
public record Device(
        String type, String path, long major, long minor, OptionalInt fileMode, OptionalLong uid, OptionalLong gid) {
    /** A character device that everyone may read and write. */
    public static Device character(String path, long major, long minor) {
        return new Device("c", path, major, minor, OptionalInt.of(0666), OptionalLong.empty(), OptionalLong.empty());
    }

    /** The same device under another path. */
    public Device at(String other) {
        return new Device(type, other, major, minor, fileMode, uid, gid);
    }
}
