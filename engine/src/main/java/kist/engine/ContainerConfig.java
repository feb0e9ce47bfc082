package kist.engine;

import io.avaje.jsonb.Json;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What a container shall be, as its user asked for it. Empty strings, empty lists and zero mean "not said".
 *
 * @param image name, id or prefix of an image's id
 * @param command arguments after the entry point; empty Optional for the image's
 * @param entrypoint empty Optional for the image's; an empty list, or one empty string, for none
 * @param environment NAME=value, or NAME alone to take a name of the image's out
 * @param workingDir absolute path in the container
 * @param user user[:group], names or numbers
 * @param stdinOnce close standard input when the first attached client leaves
 * @param stopSignal name or number
 * @param stopTimeout seconds of grace before SIGKILL
 * @param consoleRows rows of the terminal at the start, 0 for the kernel's default
 * @param consoleColumns columns of the terminal at the start, 0 for the kernel's default
 */
@Json
public record ContainerConfig(
        String image,
        Optional<List<String>> command,
        Optional<List<String>> entrypoint,
        List<String> environment,
        String workingDir,
        String user,
        String hostname,
        String domainname,
        Map<String, String> labels,
        boolean tty,
        boolean openStdin,
        boolean stdinOnce,
        boolean attachStdin,
        boolean attachStdout,
        boolean attachStderr,
        String stopSignal,
        OptionalInt stopTimeout,
        int consoleRows,
        int consoleColumns,
        HostConfig host) {

    /** The same without a word on the size of the terminal. */
    public ContainerConfig(
            String image,
            Optional<List<String>> command,
            Optional<List<String>> entrypoint,
            List<String> environment,
            String workingDir,
            String user,
            String hostname,
            String domainname,
            Map<String, String> labels,
            boolean tty,
            boolean openStdin,
            boolean stdinOnce,
            boolean attachStdin,
            boolean attachStdout,
            boolean attachStderr,
            String stopSignal,
            OptionalInt stopTimeout,
            HostConfig host) {
        this(
                image,
                command,
                entrypoint,
                environment,
                workingDir,
                user,
                hostname,
                domainname,
                labels,
                tty,
                openStdin,
                stdinOnce,
                attachStdin,
                attachStdout,
                attachStderr,
                stopSignal,
                stopTimeout,
                0,
                0,
                host);
    }

    /** The least that makes a container: an image and a command, everything else as the image has it. */
    public static ContainerConfig of(String image, String... command) {
        return new ContainerConfig(
                image,
                command.length == 0 ? Optional.empty() : Optional.of(List.of(command)),
                Optional.empty(),
                List.of(),
                "",
                "",
                "",
                "",
                Map.of(),
                false,
                false,
                false,
                false,
                true,
                true,
                "",
                OptionalInt.empty(),
                HostConfig.DEFAULT);
    }

    /** The same with other host settings. */
    public ContainerConfig withHost(HostConfig other) {
        return new ContainerConfig(
                image,
                command,
                entrypoint,
                environment,
                workingDir,
                user,
                hostname,
                domainname,
                labels,
                tty,
                openStdin,
                stdinOnce,
                attachStdin,
                attachStdout,
                attachStderr,
                stopSignal,
                stopTimeout,
                consoleRows,
                consoleColumns,
                other);
    }
}
