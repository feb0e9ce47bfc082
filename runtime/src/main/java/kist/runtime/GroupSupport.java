package kist.runtime;

import java.util.List;
import java.util.function.BooleanSupplier;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.KernelException;
import kist.kernel.Linux;

/** What both versions of control groups do alike. */
final class GroupSupport {
    private static final int SIGKILL = 9;
    private static final long PATIENCE_NANOS = 10_000_000_000L;
    private static final long REMOVE_NANOS = 1_000_000_000L;

    private GroupSupport() {}

    /**
     * A path below the root of a hierarchy without its leading slash.
     *
     * @throws SpecException where it leads out of it or to the root itself
     */
    static String below(String path) {
        List<String> parts = MountPath.of(path.startsWith("/") ? path : "/" + path);
        String clean = String.join("/", parts);
        if (parts.isEmpty() || path.indexOf(0) >= 0 || path.contains("..")) {
            throw new SpecException("linux.cgroupsPath", "\"" + path + "\" is no path of a control group");
        }
        return clean;
    }

    /** Asks again, at first soon and then more seldom, until it is so or ten seconds have passed. */
    static boolean eventually(long nanos, BooleanSupplier done) {
        long end = System.nanoTime() + nanos;
        long pause = 200_000;
        while (!done.getAsBoolean()) {
            if (System.nanoTime() > end) {
                return false;
            }
            java.util.concurrent.locks.LockSupport.parkNanos(pause);
            pause = Math.min(2 * pause, 20_000_000);
        }
        return true;
    }

    static void await(String what, BooleanSupplier done) {
        if (!eventually(PATIENCE_NANOS, done)) {
            throw new KernelException(what, Errno.ETIMEDOUT);
        }
    }

    /** Sends SIGKILL to exactly these processes. */
    static void kill(Linux linux, List<Long> pids) {
        for (long pid : pids) {
            try (Fd pidfd = linux.pidfdOpen(pid)) {
                linux.pidfdSignal(pidfd, SIGKILL);
            } catch (KernelException e) {
                if (e.errno() != Errno.ESRCH && e.errno() != Errno.EINVAL) {
                    throw e;
                }
            }
        }
    }

    /** Runs a removal until the kernel has seen the last process off, for at most a second. */
    static void removing(Runnable removal) {
        KernelException[] last = new KernelException[1];
        boolean done = eventually(REMOVE_NANOS, () -> {
            try {
                removal.run();
                return true;
            } catch (KernelException e) {
                if (e.errno() != Errno.EBUSY) {
                    throw e;
                }
                last[0] = e;
                return false;
            }
        });
        if (!done && last[0] != null) {
            throw last[0];
        }
    }

    /** A device rule as the files of v1 take it. */
    static String device(Resources.DeviceRule rule) {
        String type = rule.type();
        if (!type.equals("a") && !type.equals("b") && !type.equals("c")) {
            throw new SpecException("linux.resources.devices", "\"" + type + "\" is no type; a, b and c are");
        }
        for (int i = 0; i < rule.access().length(); i++) {
            if ("rwm".indexOf(rule.access().charAt(i)) < 0) {
                throw new SpecException(
                        "linux.resources.devices", "\"" + rule.access() + "\" is no access; letters of rwm are");
            }
        }
        return type + " " + number(rule.major()) + ":" + number(rule.minor()) + " " + rule.access();
    }

    private static String number(java.util.OptionalLong n) {
        return n.isPresent() ? Long.toString(n.getAsLong()) : "*";
    }

    /** What a container may do in any case: make nodes, and use those that every container has. */
    static final List<Resources.DeviceRule> ALWAYS = List.of(
            always("c", -1, -1, "m"),
            always("b", -1, -1, "m"),
            always("c", 1, 3, "rwm"),
            always("c", 1, 5, "rwm"),
            always("c", 1, 7, "rwm"),
            always("c", 1, 8, "rwm"),
            always("c", 1, 9, "rwm"),
            always("c", 5, 0, "rwm"),
            always("c", 5, 2, "rwm"),
            always("c", 136, -1, "rwm"));

    private static Resources.DeviceRule always(String type, long major, long minor, String access) {
        return new Resources.DeviceRule(
                true,
                type,
                major < 0 ? java.util.OptionalLong.empty() : java.util.OptionalLong.of(major),
                minor < 0 ? java.util.OptionalLong.empty() : java.util.OptionalLong.of(minor),
                access);
    }
}
