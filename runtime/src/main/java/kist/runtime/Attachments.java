package kist.runtime;

import io.soabase.recordbuilder.core.RecordBuilder;
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
 * @param init executable file that becomes the first process, with the program as its argument; empty for the program
 * @param joined what it shares with other containers
 */
@RecordBuilder
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
        boolean waitForStart,
        Optional<Fd> init,
        Joined joined) {
    /**
     * What a container shares with others that run.
     *
     * @param namespaces by type ({@code ipc}, {@code pid}, {@code uts}): a descriptor of the namespace or a pidfd of a
     *     process in it, in place of the path that the spec names
     * @param sharedMemory pidfd of the process whose /dev/shm is to be the container's too
     */
    public record Joined(Map<String, Fd> namespaces, Optional<Fd> sharedMemory) {
        /** Nothing. */
        public static final Joined NOTHING = new Joined(Map.of(), Optional.empty());
    }

    /** Nothing: /dev/null as standard streams, the keeper's control group. */
    public static final Attachments NONE = AttachmentsBuilder.builder()
            .volumes(Map.of())
            .joined(Joined.NOTHING)
            .build();

    private AttachmentsBuilder but() {
        return AttachmentsBuilder.builder(this);
    }

    /** These with this root. */
    public Attachments withRootfs(Fd mount) {
        return but().rootfs(Optional.of(mount)).build();
    }

    /** These with this control group. */
    public Attachments withCgroup(Cgroup group) {
        return but().cgroup(Optional.of(group)).build();
    }

    /** These with standard streams for the process. */
    public Attachments withStreams(Optional<Fd> in, Optional<Fd> out, Optional<Fd> err) {
        return but().input(in).output(out).error(err).build();
    }

    /** These with volumes. */
    public Attachments withVolumes(Map<String, Fd> mounts) {
        return but().volumes(mounts).build();
    }

    /** These with a stop before the program is executed. */
    public Attachments withWaitForStart() {
        return but().waitForStart(true).build();
    }

    /** These with an init, and with what is shared with other containers. */
    public Attachments with(Optional<Fd> program, Joined others) {
        return but().init(program).joined(others).build();
    }
}
