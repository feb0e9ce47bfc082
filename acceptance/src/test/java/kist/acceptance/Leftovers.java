package kist.acceptance;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * What an engine could leave in the machine: mounts, control groups, links, tables of nftables.
 *
 * @param mounts lines of /proc/self/mountinfo
 * @param cgroups directories, in every hierarchy
 * @param links names of network links
 * @param tables of nftables
 */
record Leftovers(Set<String> mounts, Set<String> cgroups, Set<String> links, Set<String> tables) {
    static final Leftovers NONE = new Leftovers(Set.of(), Set.of(), Set.of(), Set.of());

    static Leftovers now() {
        try {
            var links = new TreeSet<String>();
            try (var directory = Files.newDirectoryStream(Path.of("/sys/class/net"))) {
                directory.forEach(link -> links.add(link.getFileName().toString()));
            }
            return new Leftovers(
                    new TreeSet<>(Files.readAllLines(Path.of("/proc/self/mountinfo"))),
                    cgroupDirectories(),
                    links,
                    new TreeSet<>(Command.of("nft", "list", "tables").run().lines()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Set<String> cgroupDirectories() throws IOException {
        var found = new TreeSet<String>();
        Files.walkFileTree(Path.of("/sys/fs/cgroup"), new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
                found.add(directory.toString());
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) {
                // removed while it was walked
                return FileVisitResult.CONTINUE;
            }
        });
        return found;
    }

    /**
     * What is here now and was not before, each in a sentence; waits a little for what goes by itself. Only what bears one
     * of the marks counts: other programs of the machine come and go as they like.
     */
    static List<String> since(Leftovers before, List<String> marks) {
        var faults = find(before, marks);
        for (int i = 0; i < 50 && !faults.isEmpty(); i++) {
            Wait.sleep(java.time.Duration.ofMillis(100));
            faults = find(before, marks);
        }
        return faults;
    }

    private static List<String> find(Leftovers before, List<String> marks) {
        var now = now();
        var faults = new ArrayList<String>();
        Processes.marked(marks).forEach((pid, line) -> faults.add("process " + pid + ": " + line));
        now.mounts.stream()
                .filter(line -> !before.mounts.contains(line) && marked(line, marks))
                .forEach(line -> faults.add("mount " + line));
        now.cgroups.stream()
                .filter(path -> !before.cgroups.contains(path) && marked(path, marks))
                .forEach(path -> faults.add("control group " + path));
        now.links.stream()
                .filter(link -> !before.links.contains(link) && marked(link, marks))
                .forEach(link -> faults.add("link " + link));
        now.tables.stream()
                .filter(table -> !before.tables.contains(table) && marked(table, marks))
                .forEach(table -> faults.add("nftables " + table));
        return faults;
    }

    private static boolean marked(String text, List<String> marks) {
        return marks.stream().anyMatch(text::contains);
    }

    /** Takes away what bears these marks, so that a failed test leaves the machine as it was. */
    static void clear(List<String> marks) {
        Processes.marked(marks)
                .keySet()
                .forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
        var now = now();
        for (var line : new TreeSet<>(now.mounts).descendingSet()) {
            if (marked(line, marks)) {
                Command.of("umount", "--lazy", line.split(" ")[4]).run();
            }
        }
        now.links.stream()
                .filter(link -> marked(link, marks))
                .forEach(link -> Command.of("ip", "link", "delete", link).run());
        now.tables.stream()
                .filter(table -> marked(table, marks))
                .forEach(table -> Command.of(("nft delete " + table).split(" ")).run());
        for (var path : new TreeSet<>(now.cgroups).descendingSet()) {
            if (marked(path, marks)) {
                Command.of("rmdir", path).run();
            }
        }
    }
}
