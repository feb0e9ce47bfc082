package kist.runtime;

import java.util.Map;
import java.util.Optional;
import kist.kernel.Fd;
import kist.kernel.Keeper;

/**
 * What the caller has ready for a process. The descriptors stay the caller's, who may close them when the start has
 * answered; all but the four for the keeper are used up by it.
 *
 * @param rootfs detached mount (fsmount(2)) to be the root; empty for a clone of the spec's root.path
 * @param cgroup where the process is born; empty for the keeper's
 * @param networkNamespace joined; empty for what the spec's namespaces say
 * @param input read end for descriptor 0; empty for /dev/null. A process with a terminal takes none of the three
 * @param output write end for descriptor 1
 * @param error write end for descriptor 2
 * @param keeperInput write end of the input, which the keeper holds open
 * @param keeperOutput read end of the output, which the keeper writes to the log
 * @param keeperError read end of the error output
 * @param log where the keeper puts what it reads
 * @param volumes detached mounts (open_tree(2) with OPEN_TREE_CLONE) by destination: the source of the spec's bind
 *     mount with that destination; those that the spec does not have are mounted after all others, private and as they
 *     are (resolv.conf, hosts, hostname)
 * @param waitForStart stop before the program is executed, until {@link ContainerRuntime#proceed}
 */
public record Attachments(
        Optional<Fd> rootfs,
        Optional<Cgroup> cgroup,
        Optional<Fd> networkNamespace,
        Optional<Fd> input,
        Optional<Fd> output,
        Optional<Fd> error,
        Optional<Fd> keeperInput,
        Optional<Fd> keeperOutput,
        Optional<Fd> keeperError,
        Optional<Keeper.Log> log,
        Map<String, Fd> volumes,
        boolean waitForStart) {
    /** Nothing: /dev/null as standard streams, the keeper's control group. */
    public static final Attachments NONE = new Attachments(
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Map.of(),
            false);

    /** These with this root. */
    public Attachments withRootfs(Fd mount) {
        return new Attachments(
                Optional.of(mount),
                cgroup,
                networkNamespace,
                input,
                output,
                error,
                keeperInput,
                keeperOutput,
                keeperError,
                log,
                volumes,
                waitForStart);
    }

    /** These with this control group. */
    public Attachments withCgroup(Cgroup group) {
        return new Attachments(
                rootfs,
                Optional.of(group),
                networkNamespace,
                input,
                output,
                error,
                keeperInput,
                keeperOutput,
                keeperError,
                log,
                volumes,
                waitForStart);
    }

    /** These with this network namespace. */
    public Attachments withNetworkNamespace(Fd namespace) {
        return new Attachments(
                rootfs,
                cgroup,
                Optional.of(namespace),
                input,
                output,
                error,
                keeperInput,
                keeperOutput,
                keeperError,
                log,
                volumes,
                waitForStart);
    }

    /** These with standard streams for the process. */
    public Attachments withStreams(Optional<Fd> in, Optional<Fd> out, Optional<Fd> err) {
        return new Attachments(
                rootfs,
                cgroup,
                networkNamespace,
                in,
                out,
                err,
                keeperInput,
                keeperOutput,
                keeperError,
                log,
                volumes,
                waitForStart);
    }

    /** These with the other ends of the standard streams for the keeper, and a log. */
    public Attachments withKeeper(Optional<Fd> in, Optional<Fd> out, Optional<Fd> err, Optional<Keeper.Log> to) {
        return new Attachments(
                rootfs, cgroup, networkNamespace, input, output, error, in, out, err, to, volumes, waitForStart);
    }

    /** These with volumes. */
    public Attachments withVolumes(Map<String, Fd> mounts) {
        return new Attachments(
                rootfs,
                cgroup,
                networkNamespace,
                input,
                output,
                error,
                keeperInput,
                keeperOutput,
                keeperError,
                log,
                mounts,
                waitForStart);
    }

    /** These with a stop before the program is executed. */
    public Attachments withWaitForStart() {
        return new Attachments(
                rootfs,
                cgroup,
                networkNamespace,
                input,
                output,
                error,
                keeperInput,
                keeperOutput,
                keeperError,
                log,
                volumes,
                true);
    }
}
