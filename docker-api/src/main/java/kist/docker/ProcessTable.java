package kist.docker;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What {@code ps -ef} says of some processes, read from the host's /proc: no program runs, least of all one of the
 * container's (proc(5)).
 */
final class ProcessTable {
    private static final List<String> TITLES = List.of("UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD");
    /** Ticks of /proc in a second: USER_HZ, 100 on every architecture that Java 25 runs on. */
    private static final long TICKS = 100;

    private static final int MAX_FILE = 1 << 20;

    private ProcessTable() {}

    static Map<String, @Nullable Object> of(List<Long> pids) throws IOException {
        Map<String, String> users = users();
        long boot = bootSecond();
        List<Object> rows = new ArrayList<>();
        for (long pid : pids) {
            row(pid, users, boot).ifPresent(rows::add);
        }
        return Json.object("Processes", rows, "Titles", TITLES);
    }

    /** One process; empty where it has ended meanwhile. */
    private static Optional<List<String>> row(long pid, Map<String, String> users, long boot) {
        Path directory = Path.of("/proc", Long.toString(pid));
        String stat;
        String status;
        String command;
        try {
            stat = read(directory.resolve("stat"));
            status = read(directory.resolve("status"));
            command = read(directory.resolve("cmdline")).replace('\0', ' ').strip();
        } catch (IOException e) {
            return Optional.empty();
        }
        // the name is in parentheses and may hold anything, parentheses too
        int close = stat.lastIndexOf(')');
        int open = stat.indexOf('(');
        if (open < 0 || close < open) {
            return Optional.empty();
        }
        String[] fields = stat.substring(close + 2).split(" ");
        long cpu = (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) / TICKS;
        long started = boot + Long.parseLong(fields[19]) / TICKS;
        long now = System.currentTimeMillis() / 1000;
        long percent = now > started ? Math.min(99, cpu * 100 / (now - started)) : 0;
        if (command.isEmpty()) {
            command = "[" + stat.substring(open + 1, close) + "]";
        }
        return Optional.of(List.of(
                user(status, users),
                Long.toString(pid),
                fields[1],
                Long.toString(percent),
                started(started, now),
                terminal(Integer.parseInt(fields[4])),
                String.format(Locale.ROOT, "%02d:%02d:%02d", cpu / 3600, cpu / 60 % 60, cpu % 60),
                command));
    }

    /** The effective user's name as ps shows it: its number where there is none or it is too long for the column. */
    private static String user(String status, Map<String, String> users) {
        int at = status.indexOf("\nUid:\t");
        if (at < 0) {
            return "?";
        }
        String uid = status.substring(at + 6, status.indexOf('\n', at + 6)).split("\t")[1];
        String name = users.getOrDefault(uid, uid);
        return name.length() > 8 ? uid : name;
    }

    private static String started(long second, long now) {
        ZonedDateTime time = Instant.ofEpochSecond(second).atZone(ZoneId.systemDefault());
        String pattern = now - second < 86_400 ? "HH:mm" : "MMMdd";
        return DateTimeFormatter.ofPattern(pattern, Locale.ROOT).format(time);
    }

    private static String terminal(int device) {
        int major = device >>> 8 & 0xfff;
        int minor = device & 0xff | device >>> 12 & 0xfff00;
        if (major >= 136 && major <= 143) {
            return "pts/" + ((major - 136) * 256 + minor);
        }
        return major == 4 && minor < 64 ? "tty" + minor : "?";
    }

    private static Map<String, String> users() throws IOException {
        Map<String, String> users = new HashMap<>();
        for (String line : Files.readAllLines(Path.of("/etc/passwd"), StandardCharsets.ISO_8859_1)) {
            String[] fields = line.split(":");
            if (fields.length > 2) {
                users.putIfAbsent(fields[2], fields[0]);
            }
        }
        return users;
    }

    private static long bootSecond() throws IOException {
        for (String line : read(Path.of("/proc/stat")).split("\n")) {
            if (line.startsWith("btime ")) {
                return Long.parseLong(line.substring(6));
            }
        }
        return 0;
    }

    private static String read(Path file) throws IOException {
        try (var in = Files.newInputStream(file)) {
            return new String(in.readNBytes(MAX_FILE), StandardCharsets.UTF_8);
        }
    }
}
