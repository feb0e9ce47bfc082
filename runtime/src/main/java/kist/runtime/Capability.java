package kist.runtime;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Names and numbers of the capabilities of Linux (linux/capability.h). */
public final class Capability {
    private static final String[] NAMES = {
        "CHOWN",
        "DAC_OVERRIDE",
        "DAC_READ_SEARCH",
        "FOWNER",
        "FSETID",
        "KILL",
        "SETGID",
        "SETUID",
        "SETPCAP",
        "LINUX_IMMUTABLE",
        "NET_BIND_SERVICE",
        "NET_BROADCAST",
        "NET_ADMIN",
        "NET_RAW",
        "IPC_LOCK",
        "IPC_OWNER",
        "SYS_MODULE",
        "SYS_RAWIO",
        "SYS_CHROOT",
        "SYS_PTRACE",
        "SYS_PACCT",
        "SYS_ADMIN",
        "SYS_BOOT",
        "SYS_NICE",
        "SYS_RESOURCE",
        "SYS_TIME",
        "SYS_TTY_CONFIG",
        "MKNOD",
        "LEASE",
        "AUDIT_WRITE",
        "AUDIT_CONTROL",
        "SETFCAP",
        "MAC_OVERRIDE",
        "MAC_ADMIN",
        "SYSLOG",
        "WAKE_ALARM",
        "BLOCK_SUSPEND",
        "AUDIT_READ",
        "PERFMON",
        "BPF",
        "CHECKPOINT_RESTORE"
    };
    private static final Map<String, Integer> NUMBERS = new HashMap<>();
    private static final List<String> ALL = new ArrayList<>();

    static {
        for (int i = 0; i < NAMES.length; i++) {
            ALL.add("CAP_" + NAMES[i]);
            NUMBERS.put("CAP_" + NAMES[i], i);
        }
    }

    static final int COUNT = NAMES.length;
    static final int SYS_ADMIN = 21;

    private Capability() {}

    /** The name of a number. */
    static String name(int number) {
        return ALL.get(number);
    }

    /** Every capability that this kernel and this process can give: the bounding set of this process. */
    public static List<String> all() {
        long held = Held.BOUNDING;
        List<String> names = new ArrayList<>();
        for (int i = 0; i < COUNT; i++) {
            if ((held >>> i & 1) != 0) {
                names.add(ALL.get(i));
            }
        }
        return List.copyOf(names);
    }

    /** Whether a user's word for a capability, with or without CAP_ or ALL, is one. */
    public static boolean isKnown(String name) {
        String full = full(name);
        return full.equals("ALL") || NUMBERS.containsKey(full);
    }

    /** The same capabilities by their full names, each once and in order; {@code ALL} stays as it is. */
    public static List<String> fullNames(List<String> names) {
        return names.stream().map(Capability::full).distinct().sorted().toList();
    }

    private static String full(String given) {
        String name = given.toUpperCase(Locale.ROOT);
        return name.equals("ALL") || name.startsWith("CAP_") ? name : "CAP_" + name;
    }

    /** Whether this process could give that capability away. */
    static boolean isHeld(int number) {
        return (Held.BOUNDING >>> number & 1) != 0;
    }

    /** The bits of a list of names such as {@code CAP_CHOWN}; {@code field} names the list in an error. */
    static long mask(List<String> names, String field) {
        long mask = 0;
        for (int i = 0; i < names.size(); i++) {
            Integer number = NUMBERS.get(names.get(i));
            if (number == null) {
                throw new SpecException(field, "\"" + names.get(i) + "\" is no capability of Linux");
            }
            mask |= 1L << number;
        }
        return mask;
    }

    /**
     * What is left of a base after the lists of a user, who may write {@code NET_ADMIN}, {@code cap_net_admin} or {@code
     * ALL}.
     *
     * @throws SpecException for a name that is no capability
     */
    public static List<String> adjust(List<String> base, List<String> add, List<String> drop) {
        Set<String> adds = normal(add, "capabilities to add");
        Set<String> drops = normal(drop, "capabilities to drop");
        List<String> result = new ArrayList<>();
        for (String name : ALL) {
            boolean wanted = adds.contains("ALL")
                    ? isHeld(NUMBERS.getOrDefault(name, 0)) && !drops.contains(name)
                    : drops.contains("ALL")
                            ? adds.contains(name)
                            : adds.contains(name) || base.contains(name) && !drops.contains(name);
            if (wanted) {
                result.add(name);
            }
        }
        return List.copyOf(result);
    }

    private static Set<String> normal(List<String> names, String field) {
        Set<String> result = new java.util.HashSet<>();
        for (String given : names) {
            String full = full(given);
            if (!full.equals("ALL") && !NUMBERS.containsKey(full)) {
                throw new SpecException(field, "\"" + given + "\" is no capability of Linux");
            }
            result.add(full);
        }
        return result;
    }

    /** Read once, at the first use. */
    private static final class Held {
        static final long BOUNDING = bounding();

        private static long bounding() {
            try {
                for (String line : java.nio.file.Files.readAllLines(java.nio.file.Path.of("/proc/self/status"))) {
                    if (line.startsWith("CapBnd:")) {
                        return Long.parseUnsignedLong(line.substring(7).strip(), 16);
                    }
                }
            } catch (java.io.IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
            throw new IllegalStateException("/proc/self/status has no CapBnd");
        }
    }
}
