package kist.runtime;

import io.avaje.jsonb.Json;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A process to start in a container (config.md, process).
 *
 * @param args program and arguments; a name without a slash is searched in PATH
 * @param env NAME=value
 * @param cwd absolute path; made where it is missing
 * @param capabilities empty for those of the keeper
 * @param apparmorProfile refused where not empty and the kernel has no AppArmor
 */
@Json
public record Process(
        boolean terminal,
        Optional<ConsoleSize> consoleSize,
        User user,
        List<String> args,
        List<String> env,
        String cwd,
        Optional<Capabilities> capabilities,
        List<Rlimit> rlimits,
        boolean noNewPrivileges,
        String apparmorProfile,
        OptionalInt oomScoreAdj,
        String selinuxLabel,
        Optional<IoPriority> ioPriority) {

    /** The size of a terminal in characters. */
    @Json
    public record ConsoleSize(int height, int width) {}

    /**
     * The class and level of input and output (ioprio_set(2)).
     *
     * @param ioClass {@code IOPRIO_CLASS_RT}, {@code IOPRIO_CLASS_BE} or {@code IOPRIO_CLASS_IDLE}
     * @param priority 0 (first) to 7
     */
    @Json
    public record IoPriority(@Json.Property("class") String ioClass, int priority) {}

    /** A further process with the rights and limits of this one, as exec makes it. */
    public Process execOf(List<String> args, List<String> env, String cwd, User user, boolean terminal) {
        return new Process(
                terminal,
                Optional.empty(),
                user,
                args,
                env,
                cwd,
                capabilities,
                rlimits,
                noNewPrivileges,
                apparmorProfile,
                oomScoreAdj,
                selinuxLabel,
                ioPriority);
    }

    /** The same process with other capabilities. */
    public Process with(Capabilities other) {
        return new Process(
                terminal,
                consoleSize,
                user,
                args,
                env,
                cwd,
                Optional.of(other),
                rlimits,
                noNewPrivileges,
                apparmorProfile,
                oomScoreAdj,
                selinuxLabel,
                ioPriority);
    }

    /** The same process with every capability and no AppArmor profile, as a privileged exec has it. */
    public Process privileged() {
        return new Process(
                terminal,
                consoleSize,
                user,
                args,
                env,
                cwd,
                Optional.of(Capabilities.of(Capability.all())),
                rlimits,
                noNewPrivileges,
                apparmorProfile.isEmpty() ? "" : "unconfined",
                oomScoreAdj,
                selinuxLabel,
                ioPriority);
    }

    /** The same process with a terminal of this size. */
    public Process with(ConsoleSize size) {
        return new Process(
                terminal,
                Optional.of(size),
                user,
                args,
                env,
                cwd,
                capabilities,
                rlimits,
                noNewPrivileges,
                apparmorProfile,
                oomScoreAdj,
                selinuxLabel,
                ioPriority);
    }

    /** The same process with no_new_privs set. */
    public Process withNoNewPrivileges() {
        return new Process(
                terminal,
                consoleSize,
                user,
                args,
                env,
                cwd,
                capabilities,
                rlimits,
                true,
                apparmorProfile,
                oomScoreAdj,
                selinuxLabel,
                ioPriority);
    }
}
