package kist.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.RecordingLinux;
import org.junit.jupiter.api.Test;

/** Specs compiled to tapes, without root and without a keeper. */
final class TapeTest {
    private final RecordingLinux kernel = new RecordingLinux();

    private final Cgroup group = new Cgroup() {
        @Override
        public String path() {
            return "/kist/x";
        }

        @Override
        public List<Fd> joinDescriptors() {
            return List.of(Fd.borrowed(70), Fd.borrowed(71));
        }

        @Override
        public Optional<Fd> cloneInto() {
            return Optional.empty();
        }

        @Override
        public Map<String, String> directories() {
            return Map.of("memory", "/sys/fs/cgroup/memory/kist/x");
        }

        @Override
        public void update(Resources limits) {}

        @Override
        public void freeze() {}

        @Override
        public void thaw() {}

        @Override
        public boolean isFrozen() {
            return false;
        }

        @Override
        public boolean oomKilled() {
            return false;
        }

        @Override
        public List<Long> processes() {
            return List.of();
        }

        @Override
        public void killAll() {}

        @Override
        public CgroupStats stats() {
            throw new UnsupportedOperationException();
        }

        @Override
        public void remove() {}

        @Override
        public void close() {}
    };

    private final Cgroups cgroups = new Cgroups() {
        @Override
        public int version() {
            return 1;
        }

        @Override
        public List<String> hierarchies() {
            return List.of("memory", "cpu,cpuacct", "systemd");
        }

        @Override
        public List<String> controllers() {
            return List.of("memory", "cpu", "cpuacct");
        }

        @Override
        public Cgroup create(String path, Resources limits) {
            return group;
        }

        @Override
        public Cgroup open(String path) {
            return group;
        }

        @Override
        public List<String> children(String path) {
            return List.of();
        }
    };

    private ContainerRuntime.Compiled compile(Spec spec, Attachments with) {
        kernel.answer("openat2", args -> {
            throw new KernelException("openat2", Errno.ENOENT);
        });
        kernel.answer("stat", args -> new Linux.Stat(0040755, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1));
        // the keeper is needed only to run a tape
        return ContainerRuntime.compiler(kernel.linux(), cgroups).compile("x", spec, with);
    }

    private List<String> tape(DefaultSpec spec, Attachments with) {
        try (ContainerRuntime.Compiled c = compile(spec.build(), with)) {
            return TapeText.of(c.tape());
        }
    }

    private Attachments attachments() {
        return Attachments.NONE.withRootfs(Fd.borrowed(60)).withCgroup(group);
    }

    private static DefaultSpec spec(String... args) {
        return DefaultSpec.docker().args(List.of(args)).hostname("box");
    }

    /** What depends on the machine that compiles: its own capabilities, and what its proc and sysfs have. */
    private static boolean isOfTheMachine(String line) {
        return line.endsWith("| dropping a capability") || line.contains("| masking ") || line.startsWith("close(");
    }

    @Test
    void the_default_tape_is_the_recorded_one() throws Exception {
        List<String> lines = tape(spec("true"), attachments());
        List<String> shown = new ArrayList<>();
        for (String line : lines) {
            if (!isOfTheMachine(line)) {
                // numbers of lines shift with what is left out
                shown.add(line.replaceAll("\\$\\d+", "\\$"));
            }
        }
        String recorded;
        try (InputStream in = TapeTest.class.getResourceAsStream("default-tape.txt")) {
            recorded = in == null ? "" : new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
        String now = String.join("\n", shown) + "\n";
        if (!now.equals(recorded)) {
            Files.writeString(Path.of("target/default-tape.txt"), now);
        }
        assertEquals(recorded, now, "the tape as it is now was written to target/default-tape.txt");
    }

    @Test
    void the_group_is_joined_before_anything_else_and_its_namespace_made_after_that() {
        List<String> lines = tape(spec("true"), attachments());
        assertEquals("write(fd0, \"0\", 1) | joining the control group", lines.get(0));
        assertEquals("write(fd1, \"0\", 1) | joining the control group", lines.get(1));
        assertTrue(lines.indexOf("unshare(33554432) | making a cgroup namespace") > 1);
    }

    @Test
    void descriptors_are_closed_before_the_working_directory_is_entered() {
        List<String> lines = tape(spec("true").cwd("/work"), attachments());
        int closed = lines.indexOf("CLOSE_FROM(3) | closing descriptors");
        int entered = -1;
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).startsWith("fchdir(")) {
                entered = i;
            }
        }
        assertTrue(closed > 0 && closed < entered);
    }

    @Test
    void without_no_new_privs_the_filter_comes_before_the_rights_go_and_with_it_last() {
        List<String> lines = tape(spec("true"), attachments());
        assertTrue(find(lines, "seccomp(") < find(lines, "setresuid("));
        lines = tape(spec("true").noNewPrivileges(true), attachments());
        assertTrue(find(lines, "seccomp(") > find(lines, "capset("));
        assertTrue(find(lines, "seccomp(") < find(lines, "execve("));
    }

    private static int find(List<String> lines, String start) {
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).startsWith(start)) {
                return i;
            }
        }
        throw new AssertionError("no line begins with " + start);
    }

    @Test
    void each_directory_of_the_path_is_tried_and_relative_ones_are_not() {
        List<String> lines = tape(spec("foo").env(List.of("PATH=/a:b::/c")), attachments());
        List<String> tries = lines.stream().filter(l -> l.startsWith("execve(")).toList();
        assertEquals(2, tries.size());
        assertTrue(tries.get(0).startsWith("execve(\"/a/foo\""));
        assertTrue(tries.get(1).startsWith("execve(\"/c/foo\""));
        assertEquals("FAIL(2) | exec: \"foo\": executable file not found in $PATH", lines.getLast());
    }

    @Test
    void masks_are_clones_of_the_tapes_own_and_every_path_has_its_lines() {
        List<String> lines = tape(spec("true"), attachments());
        for (String path : DefaultSpec.MASKED_PATHS) {
            List<String> mask =
                    lines.stream().filter(l -> l.endsWith("| masking " + path)).toList();
            assertTrue(mask.size() >= 3, path);
            assertTrue(mask.getFirst().startsWith("openat2("), path);
            for (String line : mask) {
                if (line.startsWith("open_tree(")) {
                    assertTrue(line.contains("\"d\"") || line.contains("\"null\""), line);
                }
            }
        }
    }

    @Test
    void volumes_are_attached_with_their_options_and_files_get_a_file_to_be_mounted_on() {
        Fd tree = Fd.borrowed(80);
        List<String> lines = tape(
                spec("true").mounts(List.of(Mount.bind("v", "/data", List.of("rbind", "ro", "nosuid")))),
                attachments().withVolumes(Map.of("/data", tree)));
        assertEquals(
                1,
                lines.stream()
                        .filter(l -> l.startsWith("move_mount") && l.endsWith("mounting v on /data"))
                        .count());
        assertEquals(
                2,
                lines.stream()
                        .filter(l -> l.startsWith("mount_setattr") && l.endsWith("mounting v on /data"))
                        .count());
        assertFalse(
                kernel.calls().stream().anyMatch(c -> c.startsWith("openTree") && c.contains(", v,")),
                "the source is not looked up again");
    }

    @Test
    void mounts_inside_proc_are_refused_but_for_a_few_files() {
        for (String destination : List.of("/proc", "/proc/self", "/proc/sys/kernel", "//proc/./x", "/a/../proc/1")) {
            SpecException e = assertThrows(
                    SpecException.class,
                    () -> tape(
                            spec("true").mounts(List.of(new Mount(destination, "tmpfs", "t", List.of()))),
                            attachments()),
                    destination);
            assertTrue(e.getMessage().contains("inside /proc"), e.getMessage());
            assertThrows(
                    SpecException.class,
                    () -> tape(spec("true"), attachments().withVolumes(Map.of(destination, Fd.borrowed(80)))));
        }
        tape(spec("true"), attachments().withVolumes(Map.of("/proc/meminfo", Fd.borrowed(80))));
    }

    @Test
    void what_cannot_be_honoured_is_refused() {
        Spec s = spec("true").build();
        Process p = s.process();
        Process labelled = new Process(
                false,
                Optional.empty(),
                p.user(),
                p.args(),
                p.env(),
                "/",
                p.capabilities(),
                List.of(),
                false,
                "docker-default",
                OptionalInt.empty(),
                "",
                Optional.empty());
        assertThrows(SpecException.class, () -> compile(s.with(labelled), attachments()));
        assertThrows(SpecException.class, () -> tape(spec(), attachments()));
        assertThrows(SpecException.class, () -> tape(spec("a").cwd("relative"), attachments()));
        assertThrows(
                SpecException.class,
                () -> tape(spec("a").mounts(List.of(Mount.bind("x", "/", List.of()))), attachments()));
        assertThrows(IllegalArgumentException.class, () -> tape(spec("a\0b"), attachments()));
        assertThrows(SpecException.class, () -> tape(spec("a").hostNamespace("uts"), attachments()));
    }

    @Test
    void a_terminal_is_opened_in_the_containers_devpts_and_its_master_given_away() {
        List<String> lines = tape(spec("sh").terminal(true).consoleSize(24, 80), attachments());
        int sent = find(lines, "SEND_FD(");
        assertTrue(sent < find(lines, "pivot_root("));
        assertEquals(
                3,
                lines.stream()
                        .filter(l -> l.endsWith("| the terminal as standard stream"))
                        .count());
        assertTrue(lines.stream().anyMatch(l -> l.endsWith("mounting the terminal on /dev/console")));
    }

    @Test
    void a_tape_that_waits_does_so_after_all_that_needs_rights() {
        List<String> lines = tape(spec("sh"), attachments().withWaitForStart());
        assertTrue(find(lines, "SYNC(") > find(lines, "capset("));
        assertTrue(find(lines, "SYNC(") < find(lines, "execve("));
    }
}
