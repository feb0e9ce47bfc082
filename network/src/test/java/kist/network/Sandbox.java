package kist.network;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Linux;
import kist.kernel.Netlink;
import kist.kernel.NetlinkRoute;

/** Runs tests in a network namespace of their own, which stands for the host's: the machine's stays as it is. */
final class Sandbox {
    private static final Linux LINUX = Linux.system();
    private static final Path SELF = Path.of("/proc/thread-self/ns/net");

    private Sandbox() {}

    interface Body {
        void run() throws Exception;
    }

    /** Runs the body on a thread in a new network namespace. */
    static void run(Body body) throws Exception {
        onThread(() -> {
            LINUX.unshare(Flags.CLONE_NEWNET);
            try (Netlink netlink = Netlink.open(LINUX, Netlink.ROUTE)) {
                netlink.execute(NetlinkRoute.up("lo"));
            }
            body.run();
            return 0;
        });
    }

    /** Does something inside a namespace. */
    static <T> T in(Fd namespace, Callable<T> body) throws Exception {
        return onThread(() -> {
            LINUX.setns(namespace, Flags.CLONE_NEWNET);
            return body.call();
        });
    }

    /** Makes a namespace. */
    static Fd namespace() throws Exception {
        return onThread(() -> {
            LINUX.unshare(Flags.CLONE_NEWNET);
            return LINUX.open(SELF, Flags.O_RDONLY, 0);
        });
    }

    /** A new platform thread begins in the namespace of the one that starts it. */
    private static <T> T onThread(Callable<T> body) throws Exception {
        CompletableFuture<T> result = new CompletableFuture<>();
        Thread.ofPlatform()
                .start(() -> {
                    try {
                        result.complete(body.call());
                    } catch (Throwable e) {
                        result.completeExceptionally(e);
                    }
                })
                .join();
        try {
            return result.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw e.getCause() instanceof Exception cause ? cause : e;
        }
    }

    /** What a question about the calling thread's namespace answers. */
    static <T> T ask(java.util.function.Function<Netlink, T> question) {
        try (Netlink netlink = Netlink.open(LINUX, Netlink.ROUTE)) {
            return question.apply(netlink);
        }
    }

    /**
     * Whether an echo comes back. With nsenter: a process started on a thread inside the namespace would start Java's
     * reaper of processes there as well, which would keep the namespace for a minute.
     */
    static boolean ping(Fd from, String address) throws Exception {
        String namespace = "--net=/proc/" + ProcessHandle.current().pid() + "/fd/" + from.number();
        Process process = new ProcessBuilder("nsenter", namespace, "busybox", "ping", "-c", "1", "-W", "2", address)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        return process.waitFor() == 0;
    }
}
