package kist.engine;

import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import kist.runtime.Device;
import kist.runtime.HostDevices;
import kist.runtime.Resources.DeviceRule;

/** The devices of the host that a container gets: their nodes, and what it may do with them. */
final class Devices {
    private static final Pattern RULE = Pattern.compile("([acb]) ([0-9]{1,7}|\\*):([0-9]{1,7}|\\*) ([rwm]{1,3})");

    private Devices() {}

    /** Refuses what is no device, no rule, or needs a driver that is not there. */
    static void check(HostConfig host) {
        for (HostConfig.DeviceWish wish : host.devices()) {
            String permissions = wish.permissions();
            if (permissions.length() > 3 || !permissions.chars().allMatch(c -> "rwm".indexOf(c) >= 0)) {
                throw Creation.invalid("invalid device mode: " + Names.printable(permissions) + " of "
                        + Names.printable(wish.source()) + ": letters of rwm are wanted");
            }
            if (!wish.target().isEmpty()
                    && (!wish.target().startsWith("/") || wish.target().equals("/"))) {
                throw Creation.invalid("'" + Names.printable(wish.target())
                        + "' is not an absolute path for the device " + Names.printable(wish.source()));
            }
        }
        for (HostConfig.DeviceRequest request : host.deviceRequests()) {
            throw Creation.invalid("could not select device driver \"" + Names.printable(request.driver())
                    + "\" with capabilities: " + request.capabilities());
        }
        host.deviceRules().forEach(Devices::rule);
        nodes(host);
    }

    /** The nodes, with the numbers that they have on the host now. */
    static List<Device> nodes(HostConfig host) {
        List<Device> all = new ArrayList<>();
        for (HostConfig.DeviceWish wish : host.devices()) {
            all.addAll(nodes(wish));
        }
        return all;
    }

    private static List<Device> nodes(HostConfig.DeviceWish wish) {
        String problem = "error gathering device information while adding custom device \""
                + Names.printable(wish.source()) + "\": ";
        try {
            Path source = Path.of(wish.source());
            if (!source.isAbsolute()) {
                throw Creation.invalid(problem + "not an absolute path");
            }
            List<Device> found = HostDevices.at(source);
            if (found.isEmpty()) {
                throw Creation.invalid(problem + "not a device node");
            }
            String target = wish.target().isEmpty() ? wish.source() : wish.target();
            return found.stream()
                    .map(d -> d.at(target + d.path().substring(source.toString().length())))
                    .toList();
        } catch (IOException | InvalidPathException e) {
            throw Creation.invalid(problem + "no such file or directory");
        }
    }

    /** What may be done with devices, beside what every container may. */
    static List<DeviceRule> rules(HostConfig host) {
        List<DeviceRule> rules = new ArrayList<>();
        for (HostConfig.DeviceWish wish : host.devices()) {
            for (Device d : nodes(wish)) {
                rules.add(new DeviceRule(
                        true,
                        d.type(),
                        OptionalLong.of(d.major()),
                        OptionalLong.of(d.minor()),
                        wish.permissions().isEmpty() ? "rwm" : wish.permissions()));
            }
        }
        host.deviceRules().forEach(text -> rules.add(rule(text)));
        return rules;
    }

    private static DeviceRule rule(String text) {
        Matcher m = RULE.matcher(text);
        if (!m.matches()) {
            throw Creation.invalid("invalid device cgroup rule format: '" + Names.printable(text) + "'");
        }
        return new DeviceRule(true, m.group(1), number(m.group(2)), number(m.group(3)), m.group(4));
    }

    private static OptionalLong number(String text) {
        return text.equals("*") ? OptionalLong.empty() : OptionalLong.of(Long.parseLong(text));
    }
}
