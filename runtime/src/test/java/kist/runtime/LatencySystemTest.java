package kist.runtime;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Arrays;
import kist.kernel.Fd;
import kist.kernel.Flags;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The time that a start with the full default isolation takes; figures are printed, the bounds are wide. */
final class LatencySystemTest {
    @TempDir
    static Path dir;

    @Test
    void startingAContainerTakesFewMilliseconds() throws Exception {
        SeccompCompiler.warmUp();
        int n = 300;
        long[] compile = new long[n];
        long[] start = new long[n];
        long[] group = new long[n];
        long[] whole = new long[n];
        try (Sandbox box = new Sandbox(dir)) {
            Spec spec = box.spec("true").build();
            try (Fd rootfs = box.linux.openTree(Fd.CWD, box.root.toString(), Flags.OPEN_TREE_CLONE);
                    Cgroup cgroup = box.cgroups.create(box.parent + "/x", Resources.NONE)) {
                Attachments with = Attachments.NONE.withRootfs(rootfs).withCgroup(cgroup);
                for (int i = 0; i < n; i++) {
                    long a = System.nanoTime();
                    try (ContainerRuntime.Compiled c = box.runtime.compile("x", spec, with)) {
                        c.tape().encode();
                        compile[i] = System.nanoTime() - a;
                        if (i == 0) {
                            System.out.println(
                                    "lines of the default tape: " + c.tape().size());
                        }
                    }
                }
            }
            for (int i = 0; i < n; i++) {
                long a = System.nanoTime();
                Cgroup cgroup =
                        box.cgroups.create(box.parent + "/y" + i, spec.linux().resources());
                long b = System.nanoTime();
                try (Fd rootfs = box.linux.openTree(Fd.CWD, box.root.toString(), Flags.OPEN_TREE_CLONE)) {
                    Sandbox.Running r = box
                    .new Running(
                            "y" + i,
                            spec,
                            box.runtime.start(
                                    "y" + i,
                                    spec,
                                    Attachments.NONE.withRootfs(rootfs).withCgroup(cgroup)),
                            cgroup,
                            java.util.Optional.empty());
                    long c = System.nanoTime();
                    r.await();
                    group[i] = b - a;
                    start[i] = c - b;
                    whole[i] = System.nanoTime() - a;
                }
            }
        }
        print("compile and encode", compile);
        print("control group", group);
        print("start to exec", start);
        print("all until removed", whole);
        assertTrue(compile[n / 2] < 3_000_000L);
        assertTrue(start[n / 2] < 50_000_000L);
    }

    private static void print(String what, long[] times) {
        Arrays.sort(times);
        System.out.printf(
                "%s: least %.3f, median %.3f, 90%% %.3f ms%n",
                what, times[0] / 1e6, times[times.length / 2] / 1e6, times[times.length * 9 / 10] / 1e6);
    }
}
