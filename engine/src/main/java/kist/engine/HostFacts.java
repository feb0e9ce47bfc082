package kist.engine;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What the host says of itself in /proc and /etc. */
final class HostFacts {
    private HostFacts() {}

    static String hostname() {
        return read("/proc/sys/kernel/hostname");
    }

    static String kernelVersion() {
        return read("/proc/sys/kernel/osrelease");
    }

    static boolean ipForwarding() {
        return read("/proc/sys/net/ipv4/ip_forward").equals("1");
    }

    static long memoryBytes() {
        for (String line : lines("/proc/meminfo")) {
            if (line.startsWith("MemTotal:")) {
                String kib = line.substring(9).replace("kB", "").strip();
                return Long.parseLong(kib) * 1024;
            }
        }
        return 0;
    }

    /** PRETTY_NAME of os-release(5). */
    static String operatingSystem() {
        String name = osRelease("PRETTY_NAME=");
        return name.isEmpty() ? "Linux" : name;
    }

    /** VERSION_ID of os-release(5), or an empty string. */
    static String operatingSystemVersion() {
        return osRelease("VERSION_ID=");
    }

    private static String osRelease(String key) {
        for (String line : lines("/etc/os-release")) {
            if (line.startsWith(key)) {
                return line.substring(key.length()).replace("\"", "");
            }
        }
        return "";
    }

    /** Refuses a list such as {@code 0-2,5} that is none or names a processor that is not there. */
    static void checkProcessors(String list) {
        check(list, "cpuset cpus", "CPUs", java.lang.Runtime.getRuntime().availableProcessors() - 1);
    }

    /** The same for the nodes of memory. */
    static void checkMemoryNodes(String list) {
        if (!list.isEmpty()) {
            String online = read("/sys/devices/system/node/online");
            String last = online.substring(Math.max(online.lastIndexOf('-'), online.lastIndexOf(',')) + 1);
            check(list, "cpuset mems", "memory nodes", last.isEmpty() ? 0 : Integer.parseInt(last));
        }
    }

    private static void check(String list, String field, String what, int last) {
        if (list.isEmpty()) {
            return;
        }
        int highest = 0;
        for (String range : list.split(",", -1)) {
            int before = 0;
            for (String number : range.split("-", 2)) {
                boolean good = !number.isEmpty()
                        && number.length() <= 6
                        && number.chars().allMatch(c -> c >= '0' && c <= '9')
                        && Integer.parseInt(number) >= before;
                if (!good) {
                    throw Creation.invalid("Invalid value " + Names.printable(list) + " for " + field);
                }
                before = Integer.parseInt(number);
                highest = Math.max(highest, before);
            }
        }
        if (highest > last) {
            throw Creation.invalid("Requested " + what + " are not available - requested " + list + ", available: 0"
                    + (last > 0 ? "-" + last : ""));
        }
    }

    static String architecture() {
        String arch = System.getProperty("os.arch", "");
        return arch.equals("amd64") ? "x86_64" : arch;
    }

    private static String read(String file) {
        try {
            return Files.readString(Path.of(file), StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            return "";
        }
    }

    private static List<String> lines(String file) {
        return read(file).lines().toList();
    }
}
