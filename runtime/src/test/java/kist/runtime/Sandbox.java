package kist.runtime;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Keeper;
import kist.kernel.Linux;

/** A real keeper, a busybox root file system and what it takes to run containers on them in tests. */
final class Sandbox implements AutoCloseable {
    private static final AtomicInteger NEXT = new AtomicInteger();

    final Linux linux = Linux.system();
    final Cgroups cgroups = Cgroups.detect();
    final Keeper keeper;
    final ContainerRuntime runtime;
    final Path root;
    final String parent = "/kist-test-" + ProcessHandle.current().pid();
    private final Map<String, CompletableFuture<Integer>> exits = new ConcurrentHashMap<>();

    record Result(int status, String output, boolean oomKilled) {
        String line(String start) {
            for (String line : output.split("\n")) {
                if (line.startsWith(start)) {
                    return line.substring(start.length()).strip();
                }
            }
            return "(no line begins with " + start + ")";
        }

        List<String> lines() {
            return output.isEmpty() ? List.of() : List.of(output.split("\n"));
        }
    }

    /** A container that runs. */
    final class Running implements AutoCloseable {
        final String id;
        final Spec spec;
        final Keeper.Spawned spawned;
        final Cgroup cgroup;
        final Optional<Fd> output;

        Running(String id, Spec spec, Keeper.Spawned spawned, Cgroup cgroup, Optional<Fd> output) {
            this.id = id;
            this.spec = spec;
            this.spawned = spawned;
            this.cgroup = cgroup;
            this.output = output;
        }

        Result await() throws Exception {
            String text = output.isPresent() ? readAll(output.get()) : "";
            int status =
                    exits.computeIfAbsent(id, k -> new CompletableFuture<>()).get(30, TimeUnit.SECONDS);
            boolean oom = cgroup.oomKilled();
            close();
            return new Result(status, text, oom);
        }

        Result exec(Process process) throws Exception {
            String execId = id + "-exec" + NEXT.incrementAndGet();
            try (Linux.Pipe pipe = linux.pipe()) {
                Keeper.Spawned e = runtime.exec(
                        execId,
                        spawned.pidfd(),
                        spec,
                        process,
                        Attachments.NONE
                                .withCgroup(cgroup)
                                .withStreams(Optional.empty(), Optional.of(pipe.write()), Optional.of(pipe.write())));
                pipe.write().close();
                String text = readAll(pipe.read());
                int status = exits.computeIfAbsent(execId, k -> new CompletableFuture<>())
                        .get(30, TimeUnit.SECONDS);
                keeper.forget(execId);
                e.close();
                return new Result(status, text, false);
            }
        }

        @Override
        public void close() {
            cgroup.killAll();
            exits.computeIfAbsent(id, k -> new CompletableFuture<>()).join();
            keeper.forget(id);
            spawned.close();
            output.ifPresent(Fd::close);
            cgroup.remove();
        }
    }

    Sandbox(Path dir) throws IOException, InterruptedException {
        keeper = Keeper.launch(linux, Path.of(System.getProperty("kist.keeper")), dir.resolve("keeper.sock"));
        keeper.listen(new Keeper.Listener() {
            @Override
            public void exited(String id, int status, long dropped) {
                exits.computeIfAbsent(id, k -> new CompletableFuture<>()).complete(status);
            }
        });
        runtime = new ContainerRuntime(linux, keeper, cgroups);
        root = dir.resolve("root");
        busybox(root);
    }

    static void busybox(Path root) throws IOException {
        for (String d : List.of("bin", "etc", "proc", "dev", "sys", "tmp", "root", "home/user", "run", "var")) {
            Files.createDirectories(root.resolve(d));
        }
        Files.copy(Path.of("/bin/busybox"), root.resolve("bin/busybox"));
        for (String applet : List.of(
                "sh",
                "cat",
                "ls",
                "id",
                "sleep",
                "true",
                "false",
                "mount",
                "umount",
                "grep",
                "hostname",
                "stty",
                "tty",
                "dd",
                "head",
                "tail",
                "env",
                "pwd",
                "mknod",
                "stat",
                "readlink",
                "chmod",
                "touch",
                "rm",
                "mkdir",
                "kill",
                "ps",
                "wc",
                "unshare",
                "ulimit",
                "nice",
                "tr",
                "test",
                "sysctl",
                "ln",
                "yes",
                "seq",
                "chroot",
                "ip",
                "ipcs",
                "dnsdomainname",
                "sort",
                "find",
                "cut",
                "od",
                "sync",
                "setsid",
                "nohup",
                "date")) {
            Files.createSymbolicLink(root.resolve("bin/" + applet), Path.of("busybox"));
        }
        Files.createSymbolicLink(root.resolve("var/run"), Path.of("/run"));
        Files.writeString(root.resolve("etc/passwd"), """
                root:x:0:0:root:/root:/bin/sh
                user:x:1000:1001:A User:/home/user:/bin/sh
                """);
        Files.writeString(root.resolve("etc/group"), """
                root:x:0:
                staff:x:50:user,other
                users:x:1001:
                wheel:x:10:root,user
                """);
    }

    DefaultSpec spec(String... args) {
        return DefaultSpec.docker().args(List.of(args)).hostname("box");
    }

    DefaultSpec shell(String script) {
        return spec("sh", "-c", script);
    }

    String readAll(Fd fd) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        byte[] buffer = new byte[65536];
        for (int n; (n = linux.read(fd, buffer, 0, buffer.length)) > 0; ) {
            all.write(buffer, 0, n);
        }
        return all.toString(StandardCharsets.UTF_8);
    }

    Running start(DefaultSpec builder) {
        return start(builder.build(), Map.of());
    }

    Running start(Spec spec, Map<String, Fd> volumes) {
        return start(spec, Attachments.NONE.withVolumes(volumes));
    }

    Running start(Spec spec, Attachments beside) {
        String id = "c" + NEXT.incrementAndGet();
        Cgroup cgroup = cgroups.create(parent + "/" + id, spec.linux().resources());
        try (Fd rootfs = linux.openTree(Fd.CWD, root.toString(), Flags.OPEN_TREE_CLONE)) {
            Linux.Pipe pipe = linux.pipe();
            try {
                Attachments with = beside.withRootfs(rootfs)
                        .withCgroup(cgroup)
                        .withStreams(Optional.empty(), Optional.of(pipe.write()), Optional.of(pipe.write()));
                Keeper.Spawned spawned = runtime.start(id, spec, with);
                pipe.write().close();
                return new Running(id, spec, spawned, cgroup, Optional.of(pipe.read()));
            } catch (RuntimeException e) {
                pipe.close();
                throw e;
            }
        } catch (RuntimeException e) {
            cgroup.remove();
            throw e;
        }
    }

    Result run(DefaultSpec builder) throws Exception {
        return start(builder).await();
    }

    Result sh(String script) throws Exception {
        return run(shell(script));
    }

    @Override
    public void close() throws Exception {
        for (Keeper.Held held : keeper.list()) {
            if (held.exitStatus().isEmpty()) {
                try (Keeper.Spawned s = keeper.take(held.id())) {
                    linux.pidfdSignal(s.pidfd(), 9);
                }
                exits.computeIfAbsent(held.id(), k -> new CompletableFuture<>()).get(10, TimeUnit.SECONDS);
            }
        }
        boolean ended = keeper.shutdown();
        keeper.close();
        cgroups.open(parent).remove();
        if (!ended) {
            throw new IllegalStateException("the keeper still holds processes");
        }
    }
}
