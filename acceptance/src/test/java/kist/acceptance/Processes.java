package kist.acceptance;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The host's processes as /proc shows them. */
final class Processes {
    private Processes() {}

    /** A file of a process, or an empty text where the process is gone. */
    static String read(long pid, String file) {
        try {
            return Files.readString(Path.of("/proc", Long.toString(pid), file), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }

    static boolean zombie(long pid) {
        return read(pid, "stat").contains(") Z ");
    }

    /** A line of /proc/PID/status. */
    static String status(long pid, String name) {
        for (var line : read(pid, "status").split("\n")) {
            if (line.startsWith(name + ":")) {
                return line.substring(name.length() + 1).strip();
            }
        }
        return "";
    }

    /** Processes whose command line, environment or control group has one of these words; this one is never among them. */
    static Map<Long, String> marked(List<String> words) {
        var found = new LinkedHashMap<Long, String>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (var directory : all) {
                long pid = Long.parseLong(directory.getFileName().toString());
                if (pid == ProcessHandle.current().pid() || zombie(pid)) {
                    continue;
                }
                var text = read(pid, "cmdline") + read(pid, "environ") + read(pid, "cgroup");
                if (words.stream().anyMatch(text::contains)) {
                    found.put(pid, read(pid, "cmdline").replace('\0', ' ').strip());
                }
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        return found;
    }

    /** How many descriptors a process has open. */
    static int descriptors(long pid) {
        int count = 0;
        try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc", Long.toString(pid), "fd"))) {
            for (var descriptor : all) {
                count += descriptor == null ? 0 : 1;
            }
        } catch (NoSuchFileException e) {
            return 0;
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        return count;
    }
}
