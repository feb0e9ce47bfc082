package kist.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** {@code kist network connect|create|disconnect|inspect|ls|prune|rm}. */
final class NetworkCommands {
    private static final int SHORT_ID = 12;

    private final Context context;

    NetworkCommands(Context context) {
        this.context = context;
    }

    int run(List<String> args) throws IOException {
        return new Group("network", "Manage networks")
                .add("connect", "Connect a container to a network", this::connect)
                .add("create", "Create a network", this::create)
                .add("disconnect", "Disconnect a container from a network", this::disconnect)
                .add(
                        "inspect",
                        "Display detailed information on one or more networks",
                        left -> new InspectCommand(context).run("network", left))
                .add("ls", "List networks", this::list)
                .also("list", "ls")
                .add("prune", "Remove all unused networks", this::prune)
                .add("rm", "Remove one or more networks", this::remove)
                .also("remove", "rm")
                .run(context, args);
    }

    private int create(List<String> args) throws IOException {
        var parsed = new Flags("network create", "NETWORK", "Create a network")
                .bool("attachable", 0, "Enable manual container attachment")
                .list("aux-address", 0, "name=address", "Auxiliary IPv4 addresses that no container gets")
                .text("driver", 'd', "string", "Driver to manage the network (default \"bridge\")")
                .list("gateway", 0, "address", "IPv4 gateway for the subnet")
                .bool("internal", 0, "Restrict external access to the network")
                .list("ip-range", 0, "subnet", "Allocate container addresses from this part of the subnet")
                .text("ipam-driver", 0, "string", "IP address management driver")
                .list("ipam-opt", 0, "name=value", "Set IPAM driver specific options")
                .bool("ipv4", 0, "Enable IPv4 address assignment (the default)")
                .bool("ipv6", 0, "Enable IPv6 address assignment")
                .list("label", 0, "list", "Set metadata on a network")
                .list("opt", 'o', "name=value", "Set driver specific options")
                .text("scope", 0, "string", "Control the network's scope")
                .list("subnet", 0, "subnet", "Subnet in CIDR format")
                .without("config-from")
                .withoutSwitches("config-only", "ingress")
                .parse(args)
                .expect(1, 1);
        var body = new LinkedHashMap<String, Object>();
        body.put("Name", parsed.arguments().getFirst());
        body.put("CheckDuplicate", true);
        body.put("Driver", parsed.text("driver").orElse("bridge"));
        body.put("Internal", parsed.on("internal"));
        body.put("Attachable", parsed.on("attachable"));
        if (parsed.given("ipv4")) {
            body.put("EnableIPv4", parsed.on("ipv4"));
        }
        body.put("EnableIPv6", parsed.on("ipv6"));
        parsed.text("scope").ifPresent(scope -> body.put("Scope", scope));
        body.put("Options", pairs(parsed, "opt"));
        body.put("Labels", pairs(parsed, "label"));
        var ipam = new LinkedHashMap<String, Object>();
        ipam.put("Driver", parsed.text("ipam-driver").orElse("default"));
        ipam.put("Options", pairs(parsed, "ipam-opt"));
        ipam.put("Config", pools(parsed));
        body.put("IPAM", ipam);
        context.line(context.engine().post("/networks/create", Map.copyOf(body)).text("Id"));
        return 0;
    }

    /** One pool a subnet; ranges and gateways go to the subnets in their order. */
    private static List<Object> pools(Flags.Parsed parsed) {
        var subnets = parsed.all("subnet");
        int most = Math.max(parsed.all("ip-range").size(), parsed.all("gateway").size());
        if (most > subnets.size() || subnets.isEmpty() && parsed.given("aux-address")) {
            throw new Failure(1, "kist: every ip-range, gateway and aux-address must have a corresponding subnet");
        }
        var pools = new ArrayList<Object>();
        for (int i = 0; i < subnets.size(); i++) {
            var pool = new LinkedHashMap<String, Object>();
            pool.put("Subnet", subnets.get(i));
            if (i < parsed.all("ip-range").size()) {
                pool.put("IPRange", parsed.all("ip-range").get(i));
            }
            if (i < parsed.all("gateway").size()) {
                pool.put("Gateway", parsed.all("gateway").get(i));
            }
            if (i == 0 && parsed.given("aux-address")) {
                pool.put("AuxiliaryAddresses", pairs(parsed, "aux-address"));
            }
            pools.add(pool);
        }
        return pools;
    }

    private static Map<String, Object> pairs(Flags.Parsed parsed, String flag) {
        var pairs = new LinkedHashMap<String, Object>();
        for (var pair : parsed.all(flag)) {
            int equals = pair.indexOf('=');
            pairs.put(equals < 0 ? pair : pair.substring(0, equals), equals < 0 ? "" : pair.substring(equals + 1));
        }
        return pairs;
    }

    private int connect(List<String> args) throws IOException {
        var parsed = new Flags("network connect", "NETWORK CONTAINER", "Connect a container to a network")
                .list("alias", 0, "name", "Add network-scoped alias for the container")
                .list("driver-opt", 0, "name=value", "Driver options for the network")
                .text("gw-priority", 0, "int", "Highest gw-priority provides the default gateway")
                .text("ip", 0, "address", "IPv4 address (e.g., \"172.30.100.104\")")
                .text("ip6", 0, "address", "IPv6 address (e.g., \"2001:db8::33\")")
                .list("link", 0, "name", "Add link to another container")
                .list("link-local-ip", 0, "address", "Add a link-local address for the container")
                .parse(args)
                .expect(2, 2);
        var addresses = new LinkedHashMap<String, Object>();
        parsed.text("ip").ifPresent(ip -> addresses.put("IPv4Address", ip));
        parsed.text("ip6").ifPresent(ip -> addresses.put("IPv6Address", ip));
        if (parsed.given("link-local-ip")) {
            addresses.put("LinkLocalIPs", parsed.all("link-local-ip"));
        }
        var endpoint = new LinkedHashMap<String, Object>();
        endpoint.put("IPAMConfig", addresses);
        endpoint.put("Aliases", parsed.all("alias"));
        endpoint.put("Links", parsed.all("link"));
        endpoint.put("DriverOpts", pairs(parsed, "driver-opt"));
        parsed.number("gw-priority").ifPresent(priority -> endpoint.put("GwPriority", priority));
        var names = parsed.arguments();
        context.engine()
                .post(
                        Engine.named("network", names.getFirst()) + "/connect",
                        Map.of("Container", names.get(1), "EndpointConfig", endpoint));
        return 0;
    }

    private int disconnect(List<String> args) throws IOException {
        var parsed = new Flags("network disconnect", "NETWORK CONTAINER", "Disconnect a container from a network")
                .bool("force", 'f', "Force the container to disconnect from a network")
                .parse(args)
                .expect(2, 2);
        var names = parsed.arguments();
        context.engine()
                .post(
                        Engine.named("network", names.getFirst()) + "/disconnect",
                        Map.of("Container", names.get(1), "Force", parsed.on("force")));
        return 0;
    }

    private int list(List<String> args) throws IOException {
        var parsed = new Flags("network ls", "", "List networks")
                .list("filter", 'f', "filter", "Provide filter values (e.g. \"driver=bridge\")")
                .text("format", 0, "string", "Format output using a template, 'table' or 'json'")
                .bool("no-trunc", 0, "Do not truncate the output")
                .bool("quiet", 'q', "Only display network IDs")
                .parse(args)
                .expect(0, 0);
        var query = ListCommands.filters(parsed);
        var rows = new ArrayList<Map<String, Object>>();
        var byName = new TreeMap<String, Doc>();
        for (var network : context.engine()
                .get("/networks" + (query.isEmpty() ? "" : "?" + query.substring(1)))
                .list()) {
            byName.put(network.text("Name") + " " + network.text("Id"), network);
        }
        for (var network : byName.values()) {
            var id = network.text("Id");
            var row = new TreeMap<String, Object>();
            row.put("ID", parsed.on("no-trunc") ? id : id.substring(0, Math.min(SHORT_ID, id.length())));
            row.put("Name", network.text("Name"));
            row.put("Driver", network.text("Driver"));
            row.put("Scope", network.text("Scope"));
            row.put("IPv4", network.at("EnableIPv4").present() ? network.text("EnableIPv4") : "true");
            row.put("IPv6", network.text("EnableIPv6"));
            row.put("Internal", network.text("Internal"));
            row.put("CreatedAt", network.text("Created"));
            var labels = new ArrayList<String>();
            network.map("Labels").forEach((name, value) -> labels.add(name + "=" + value.text()));
            row.put("Labels", String.join(",", labels));
            rows.add(row);
        }
        var header = new LinkedHashMap<String, String>();
        header.put("ID", "NETWORK ID");
        header.put("Name", "NAME");
        header.put("Driver", "DRIVER");
        header.put("Scope", "SCOPE");
        header.put("IPv4", "IPV4");
        header.put("IPv6", "IPV6");
        header.put("Internal", "INTERNAL");
        header.put("CreatedAt", "CREATED AT");
        header.put("Labels", "LABELS");
        ListCommands.print(context, parsed, header, rows, "ID", "Name", "Driver", "Scope");
        return 0;
    }

    private int remove(List<String> args) throws IOException {
        var parsed = new Flags("network rm", "NETWORK [NETWORK...]", "Remove one or more networks")
                .bool("force", 'f', "Do not error if the network does not exist")
                .parse(args)
                .expect(1, -1);
        int status = 0;
        for (var name : parsed.arguments()) {
            try {
                context.engine().delete(Engine.named("network", name));
                context.line(name);
            } catch (EngineError e) {
                if (!parsed.on("force") || !e.message().endsWith(" not found")) {
                    context.error(e.line());
                    status = 1;
                }
            }
        }
        return status;
    }

    private int prune(List<String> args) throws IOException {
        var parsed = new Flags("network prune", "", "Remove all unused networks")
                .list("filter", 0, "filter", "Provide filter values (e.g. \"until=<timestamp>\")")
                .bool("force", 'f', "Do not prompt for confirmation")
                .parse(args)
                .expect(0, 0);
        var warning = "WARNING! This will remove all custom networks not used by at least one container.\n";
        if (!parsed.on("force") && !PruneCommands.confirmed(context, warning)) {
            throw new Failure(1, "kist: network prune has been cancelled");
        }
        var query = ListCommands.filters(parsed);
        var answer = context.engine().post("/networks/prune" + (query.isEmpty() ? "" : "?" + query.substring(1)));
        var removed = answer.strings("NetworksDeleted");
        if (!removed.isEmpty()) {
            context.line("Deleted Networks:");
            for (var name : removed) {
                context.line(name);
            }
            context.line("");
        }
        return 0;
    }
}
