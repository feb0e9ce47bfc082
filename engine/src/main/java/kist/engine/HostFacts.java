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
        for (String line : lines("/etc/os-release")) {
            if (line.startsWith("PRETTY_NAME=")) {
                return line.substring(12).replace("\"", "");
            }
        }
        return "Linux";
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
