package kist.runtime;

import io.avaje.jsonb.Json;
import java.util.List;
import java.util.OptionalInt;

/** Programs to run at points of a container's life (config.md, posix-platform-hooks). */
@Json
public record Hooks(
        List<Hook> prestart,
        List<Hook> createRuntime,
        List<Hook> createContainer,
        List<Hook> startContainer,
        List<Hook> poststart,
        List<Hook> poststop) {
    /**
     * One program.
     *
     * @param path absolute
     * @param args including the program's own name
     * @param timeout seconds
     */
    @Json
    public record Hook(String path, List<String> args, List<String> env, OptionalInt timeout) {}
}
