package kist.engine;

import io.avaje.jsonb.Json;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What a container shall be, as its user asked for it. Empty strings, empty lists and zero mean "not said". Made by
 * {@link ContainerConfigBuilder}; read from disk, what an older engine did not write means "not said".
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
 * @param health empty for the image's
 * @param volumes paths in the container that get a volume without a name
 * @param exposedPorts ports with their protocol: {@code 80/tcp}
 * @param networkDisabled the same as the network {@code none}
 * @param macAddress on the network of {@link HostConfig#network}
 * @param shell what runs commands given as text; empty for the image's, or /bin/sh -c
 * @param onBuild kept for images that are committed from this container
 * @param endpoints networks to join, by name, with what is said about each
 */
@Json
@RecordBuilder
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
        Optional<HealthConfig> health,
        List<String> volumes,
        List<String> exposedPorts,
        boolean networkDisabled,
        String macAddress,
        List<String> shell,
        List<String> onBuild,
        Map<String, EndpointConfig> endpoints,
        HostConfig host) {

    /** Reads silence of an older engine as silence of the user. */
    public ContainerConfig {
        image = HostConfig.said(image);
        environment = HostConfig.all(environment);
        workingDir = HostConfig.said(workingDir);
        user = HostConfig.said(user);
        hostname = HostConfig.said(hostname);
        domainname = HostConfig.said(domainname);
        labels = HostConfig.all(labels);
        stopSignal = HostConfig.said(stopSignal);
        volumes = HostConfig.all(volumes);
        exposedPorts = HostConfig.all(exposedPorts);
        macAddress = HostConfig.said(macAddress);
        shell = HostConfig.all(shell);
        onBuild = HostConfig.all(onBuild);
        endpoints = HostConfig.all(endpoints);
        host = Objects.requireNonNullElse(host, HostConfig.DEFAULT);
    }

    /** The least that makes a container: an image and a command, everything else as the image has it. */
    public static ContainerConfig of(String image, String... command) {
        return ContainerConfigBuilder.builder()
                .image(image)
                .command(command.length == 0 ? Optional.empty() : Optional.of(List.of(command)))
                .attachStdout(true)
                .attachStderr(true)
                .build();
    }

    /** The same with other host settings. */
    public ContainerConfig withHost(HostConfig other) {
        return ContainerConfigBuilder.builder(this).host(other).build();
    }

    /**
     * How to find out whether a container is well. Zero means the default, or what the image says.
     *
     * @param test empty for the image's; {@code NONE}, {@code CMD} and arguments, or {@code CMD-SHELL} and one line
     * @param intervalNanos between two checks
     * @param timeoutNanos that one check may take
     * @param startPeriodNanos in which failures do not count
     * @param startIntervalNanos between two checks in the start period
     * @param retries failures one after the other that make it unhealthy
     */
    @Json
    public record HealthConfig(
            List<String> test,
            long intervalNanos,
            long timeoutNanos,
            long startPeriodNanos,
            long startIntervalNanos,
            int retries) {}

    /**
     * What is said about a container's place in a network.
     *
     * @param ipv4Address the address to have, empty for any
     * @param links {@code REF[:ALIAS]}
     * @param aliases further names
     * @param gatewayPriority the network with the highest gives the default route
     */
    @Json
    @RecordBuilder
    public record EndpointConfig(
            String ipv4Address,
            String ipv6Address,
            List<String> linkLocalAddresses,
            List<String> links,
            List<String> aliases,
            String macAddress,
            Map<String, String> driverOptions,
            int gatewayPriority) {
        /** Nothing said. */
        public static final EndpointConfig DEFAULT =
                new EndpointConfig("", "", List.of(), List.of(), List.of(), "", Map.of(), 0);
    }
}
