package kist.runtime;

import io.avaje.jsonb.Json;
import java.util.List;
import java.util.OptionalInt;

/**
 * Who a process runs as (config.md, user).
 *
 * @param umask empty for 022
 * @param additionalGids supplementary groups
 * @param username {@code user[:group]}, names or numbers, looked up in the root file system when the process starts;
 *     empty for the numbers as they stand
 */
@Json
public record User(long uid, long gid, OptionalInt umask, List<Long> additionalGids, String username) {
    /** uid 0 and gid 0. */
    public static final User ROOT = new User(0, 0, OptionalInt.empty(), List.of(0L), "");

    /**
     * A user by {@code user[:group]}, looked up when the process starts.
     *
     * @param username empty for root with the groups that the group file gives it
     * @param additionalGids groups beside the ones that the group file names
     */
    public static User named(String username, List<Long> additionalGids) {
        return new User(0, 0, OptionalInt.empty(), additionalGids, username.isEmpty() ? "0" : username);
    }
}
