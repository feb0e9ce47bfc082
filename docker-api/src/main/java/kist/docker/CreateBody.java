package kist.docker;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import kist.engine.ContainerConfig;
import kist.engine.ContainerConfig.EndpointConfig;
import kist.engine.ContainerConfig.HealthConfig;
import kist.engine.ContainerConfigBuilder;

/**
 * The body of a container's creation. Every field of the specification is named here: it is mapped, or refused by name as soon
 * as it says anything but "nothing"; none is accepted and ignored.
 */
final class CreateBody {
    private CreateBody() {}

    static ContainerConfig parse(Fields body) {
        Fields host = body.object("HostConfig");
        List<Integer> console = consoleSize(host);
        // for Windows
        body.nothing("ArgsEscaped");
        Optional<List<String>> entrypoint = body.stringsOrOne("Entrypoint");
        // an empty list of arguments means the image's, as silence does; an empty entry point means none
        Optional<List<String>> command = body.stringsOrOne("Cmd").filter(list -> !list.isEmpty());
        OptionalLong timeout = body.number("StopTimeout");
        String image = body.string("Image");
        if (image.isEmpty()) {
            throw Errors.invalid("Image is empty: name the image to make the container from");
        }
        ContainerConfig config = ContainerConfigBuilder.builder()
                .image(Names.familiar(image))
                .command(command)
                .entrypoint(entrypoint)
                .environment(body.strings("Env"))
                .workingDir(body.string("WorkingDir"))
                .user(body.string("User"))
                .hostname(body.string("Hostname"))
                .domainname(body.string("Domainname"))
                .labels(body.map("Labels"))
                .tty(body.bool("Tty"))
                .openStdin(body.bool("OpenStdin"))
                .stdinOnce(body.bool("StdinOnce"))
                .attachStdin(body.bool("AttachStdin"))
                .attachStdout(body.bool("AttachStdout"))
                .attachStderr(body.bool("AttachStderr"))
                .stopSignal(body.string("StopSignal"))
                .stopTimeout(
                        timeout.isPresent()
                                ? OptionalInt.of(small("StopTimeout", timeout.getAsLong()))
                                : OptionalInt.empty())
                .consoleRows(console.get(0))
                .consoleColumns(console.get(1))
                .health(health(body.object("Healthcheck")))
                .volumes(body.keys("Volumes"))
                .exposedPorts(body.keys("ExposedPorts"))
                .networkDisabled(body.bool("NetworkDisabled"))
                .macAddress(body.string("MacAddress"))
                .shell(body.strings("Shell"))
                .onBuild(body.strings("OnBuild"))
                .endpoints(endpoints(body.object("NetworkingConfig")))
                .host(HostBody.parse(host))
                .build();
        body.end();
        return config;
    }

    static int small(String field, long value) {
        if (value != (int) value) {
            throw Errors.invalid(field + " is " + value + ", which is out of range");
        }
        return (int) value;
    }

    /** Rows and columns of the terminal, zeros where they are not said. */
    static List<Integer> consoleSize(Fields fields) {
        List<Long> size = fields.numbers("ConsoleSize");
        if (size.isEmpty()) {
            return List.of(0, 0);
        }
        if (size.size() != 2 || size.get(0) < 0 || size.get(0) > 0xffff || size.get(1) < 0 || size.get(1) > 0xffff) {
            throw Errors.invalid("ConsoleSize is not rows and columns of a terminal");
        }
        return List.of(size.get(0).intValue(), size.get(1).intValue());
    }

    private static Optional<HealthConfig> health(Fields health) {
        if (health.names().isEmpty()) {
            return Optional.empty();
        }
        HealthConfig config = new HealthConfig(
                health.strings("Test"),
                health.number("Interval").orElse(0),
                health.number("Timeout").orElse(0),
                health.number("StartPeriod").orElse(0),
                health.number("StartInterval").orElse(0),
                small("Healthcheck.Retries", health.number("Retries").orElse(0)));
        health.end();
        return Optional.of(config);
    }

    private static Map<String, EndpointConfig> endpoints(Fields networking) {
        Map<String, EndpointConfig> endpoints = new LinkedHashMap<>();
        networking
                .object("EndpointsConfig")
                .entries()
                .forEach((network, endpoint) -> endpoints.put(network, endpoint(endpoint)));
        networking.end();
        return endpoints;
    }

    /** What is said about a container's place in a network, here and where it is connected to one later. */
    static EndpointConfig endpoint(Fields endpoint) {
        Fields address = endpoint.object("IPAMConfig");
        // what inspect shows of a running container, and clients send back
        endpoint.clientsOwn("NetworkID", "EndpointID", "Gateway", "IPAddress", "IPPrefixLen", "IPv6Gateway");
        endpoint.clientsOwn("GlobalIPv6Address", "GlobalIPv6PrefixLen", "DNSNames");
        EndpointConfig config = new EndpointConfig(
                address.string("IPv4Address"),
                address.string("IPv6Address"),
                address.strings("LinkLocalIPs"),
                endpoint.strings("Links"),
                endpoint.strings("Aliases"),
                endpoint.string("MacAddress"),
                endpoint.map("DriverOpts"),
                small("GwPriority", endpoint.number("GwPriority").orElse(0)));
        address.end();
        endpoint.end();
        return config;
    }
}
