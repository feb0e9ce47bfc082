package kist.engine;

import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/** The options that a tmpfs of a container can have (tmpfs(5), mount(8)). */
final class TmpfsOptions {
    private static final Set<String> FLAGS = Set.of(
            "ro",
            "rw",
            "defaults",
            "suid",
            "nosuid",
            "dev",
            "nodev",
            "exec",
            "noexec",
            "sync",
            "async",
            "dirsync",
            "remount",
            "mand",
            "nomand",
            "atime",
            "noatime",
            "diratime",
            "nodiratime",
            "bind",
            "rbind",
            "private",
            "rprivate",
            "shared",
            "rshared",
            "slave",
            "rslave",
            "unbindable",
            "runbindable",
            "relatime",
            "norelatime",
            "strictatime",
            "nostrictatime",
            "symfollow",
            "nosymfollow");

    /** Of those that Docker's clients may write, what makes no sense for a file system that nobody else has. */
    private static final Set<String> SENSELESS =
            Set.of("remount", "bind", "rbind", "sync", "dirsync", "mand", "unbindable", "runbindable");

    private static final Pattern SIZE = Pattern.compile("[0-9]{1,18}[kKmMgG%]?");
    private static final Pattern MODE = Pattern.compile("[0-7]{1,5}");
    private static final Pattern ID = Pattern.compile("[0-9]{1,10}");
    private static final Pattern POLICY = Pattern.compile("[a-z]+(=[a-z]+)?(:[0-9,-]+)?");

    private TmpfsOptions() {}

    /** Refuses what the kernel would not understand, by name. */
    static void check(List<String> options) {
        for (String option : options) {
            int equals = option.indexOf('=');
            String name = equals < 0 ? option : option.substring(0, equals);
            String value = equals < 0 ? "" : option.substring(equals + 1);
            boolean good = switch (name) {
                case "size", "nr_blocks", "nr_inodes" -> SIZE.matcher(value).matches();
                case "mode" -> MODE.matcher(value).matches();
                case "uid", "gid" -> ID.matcher(value).matches();
                case "mpol" -> POLICY.matcher(value).matches();
                default -> equals < 0 && FLAGS.contains(name) && !SENSELESS.contains(name);
            };
            if (!good) {
                throw Creation.invalid("invalid tmpfs option [\"" + Names.printable(option) + "\"]");
            }
        }
    }
}
