package kist.runtime;

import io.avaje.jsonb.Json;
import kist.kernel.Flags;

/**
 * A namespace that the container has for itself, or joins (config-linux.md, namespaces).
 *
 * @param type {@code pid}, {@code network}, {@code mount}, {@code ipc}, {@code uts}, {@code cgroup}, {@code user} or
 *     {@code time}
 * @param path of an existing one to join; empty for a new one
 */
@Json
public record Namespace(String type, String path) {
    /** The CLONE_NEW* flag of the type. */
    int flag() {
        return switch (type) {
            case "pid" -> Flags.CLONE_NEWPID;
            case "network" -> Flags.CLONE_NEWNET;
            case "mount" -> Flags.CLONE_NEWNS;
            case "ipc" -> Flags.CLONE_NEWIPC;
            case "uts" -> Flags.CLONE_NEWUTS;
            case "cgroup" -> Flags.CLONE_NEWCGROUP;
            case "user", "time" ->
                throw new SpecException(
                        "linux.namespaces", "namespaces of type \"" + type + "\" are not supported by this version");
            default -> throw new SpecException("linux.namespaces", "\"" + type + "\" is no type of namespace");
        };
    }
}
