package kist.runtime;

import io.avaje.jsonb.Json;

/**
 * A resource limit (config.md, rlimits; setrlimit(2)).
 *
 * @param type such as {@code RLIMIT_NOFILE}
 * @param hard ceiling, -1 for no limit
 * @param soft value in force, -1 for no limit
 */
@Json
public record Rlimit(String type, long hard, long soft) {
    /** By the name that users write, such as {@code nofile}. */
    public static Rlimit of(String name, long soft, long hard) {
        return new Rlimit("RLIMIT_" + name.toUpperCase(java.util.Locale.ROOT), hard, soft);
    }

    /** The kernel's number of the resource. */
    int resource() {
        return switch (type) {
            case "RLIMIT_CPU" -> 0;
            case "RLIMIT_FSIZE" -> 1;
            case "RLIMIT_DATA" -> 2;
            case "RLIMIT_STACK" -> 3;
            case "RLIMIT_CORE" -> 4;
            case "RLIMIT_RSS" -> 5;
            case "RLIMIT_NPROC" -> 6;
            case "RLIMIT_NOFILE" -> 7;
            case "RLIMIT_MEMLOCK" -> 8;
            case "RLIMIT_AS" -> 9;
            case "RLIMIT_LOCKS" -> 10;
            case "RLIMIT_SIGPENDING" -> 11;
            case "RLIMIT_MSGQUEUE" -> 12;
            case "RLIMIT_NICE" -> 13;
            case "RLIMIT_RTPRIO" -> 14;
            case "RLIMIT_RTTIME" -> 15;
            default -> throw new SpecException("process.rlimits", "\"" + type + "\" is no resource limit of Linux");
        };
    }
}
