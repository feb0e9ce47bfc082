package kist.runtime;

import io.avaje.jsonb.Json;
import java.util.List;
import java.util.OptionalInt;

/**
 * A filter of system calls (config-linux.md, seccomp).
 *
 * @param defaultAction such as {@code SCMP_ACT_ERRNO}
 * @param architectures such as {@code SCMP_ARCH_X86_64}; the machine's own is always there
 * @param flags such as {@code SECCOMP_FILTER_FLAG_LOG}
 */
@Json
public record Seccomp(
        String defaultAction,
        OptionalInt defaultErrnoRet,
        List<String> architectures,
        List<String> flags,
        List<Rule> syscalls) {

    /** What happens on calls of these names, where all args match; an empty list of args always matches. */
    @Json
    public record Rule(List<String> names, String action, OptionalInt errnoRet, List<Argument> args) {}

    /**
     * A condition on an argument of a call.
     *
     * @param value number without sign, the mask for {@code SCMP_CMP_MASKED_EQ}
     * @param valueTwo what the masked argument must be
     * @param op such as {@code SCMP_CMP_EQ}
     */
    @Json
    public record Argument(int index, long value, long valueTwo, String op) {}
}
