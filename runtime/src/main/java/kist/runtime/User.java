package kist.runtime;

import io.avaje.jsonb.Json;
import java.util.List;
import java.util.OptionalInt;

/**
 * Who a process runs as (config.md, user).
 *
 * @param umask empty for 022
 * @param additionalGids supplementary groups
 * @param groupNames supplementary groups by name or number, looked up in the root file system when the process starts
 * @param username {@code user[:group]}, names or numbers, looked up in the root file system when the process starts;
 *     empty for the numbers as they stand
 */
@Json
public record User(
        long uid, long gid, OptionalInt umask, List<Long> additionalGids, List<String> groupNames, String username) {
    /** uid 0 and gid 0. */
    public static final User ROOT = new User(0, 0, OptionalInt.empty(), List.of(0L), List.of(), "");

    /**
     * A user by {@code user[:group]}, looked up when the process starts.
     *
     * @param username empty for root with the groups that the group file gives it
     * @param groups groups beside the ones that the group file says, by name or number
     */
    public static User named(String username, List<String> groups) {
        return new User(0, 0, OptionalInt.empty(), List.of(), groups, username.isEmpty() ? "0" : username);
    }
}
