package kist.runtime;

import java.util.Set;

/** Which parameters below /proc/sys a container may set: those that belong to a namespace of its own. */
final class Sysctls {
    private static final Set<String> IPC = Set.of(
            "kernel/msgmax",
            "kernel/msgmnb",
            "kernel/msgmni",
            "kernel/sem",
            "kernel/shmall",
            "kernel/shmmax",
            "kernel/shmmni",
            "kernel/shm_rmid_forced");

    private Sysctls() {}

    /**
     * The path below /proc/sys of a parameter, named with dots or with slashes.
     *
     * @param ipc whether the ipc namespace is the container's own; likewise {@code network} and {@code uts}
     * @throws SpecException for what is no name, and for what would change the host or another container
     */
    static String path(String name, boolean ipc, boolean network, boolean uts) {
        String path = name.indexOf('/') >= 0 ? name : name.replace('.', '/');
        for (String part : path.split("/", -1)) {
            if (part.isEmpty() || part.equals(".") || part.equals("..") || part.indexOf(0) >= 0) {
                throw new SpecException("linux.sysctl", "\"" + name + "\" is no name of a parameter");
            }
        }
        boolean own = path.startsWith("net/")
                ? network
                : path.startsWith("fs/mqueue/") || IPC.contains(path) ? ipc : path.equals("kernel/domainname") && uts;
        if (!own) {
            throw new SpecException(
                    "linux.sysctl",
                    "\"" + name
                            + "\" is not in a namespace of the container's own, so setting it would change the host");
        }
        return path;
    }
}
