package kist.docker;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import kist.engine.ContainerConfig.EndpointConfig;
import kist.engine.NetworkConfig;
import kist.engine.NetworkRequest;
import kist.engine.NetworkView;
import kist.network.Endpoint;
import org.jspecify.annotations.Nullable;

/** Networks. */
final class NetworkRoutes {
    private static final Set<String> LIST_FILTERS =
            Set.of("driver", "id", "label", "label!", "name", "scope", "type", "dangling");
    private static final Set<String> PRUNE_FILTERS = Set.of("label", "label!", "until");

    private NetworkRoutes() {}

    static boolean route(Call call) throws IOException, InterruptedException {
        String ref = call.part(1);
        if (call.parts() == 1) {
            if (!call.is("GET")) {
                return false;
            }
            list(call);
            return true;
        }
        if (call.parts() == 2 && call.is("POST")) {
            switch (ref) {
                case "create" -> create(call);
                case "prune" -> prune(call);
                default -> {
                    return false;
                }
            }
            return true;
        }
        if (call.parts() == 2 && call.is("GET")) {
            String scope = call.parameter("scope");
            if (!scope.isEmpty() && !scope.equals("local")) {
                throw Errors.notFound("network " + ref + " not found");
            }
            call.answer(200, json(call, call.ask(new NetworkRequest.InspectNetwork(ref)), true));
            return true;
        }
        if (call.parts() == 2 && call.is("DELETE")) {
            call.ask(new NetworkRequest.RemoveNetwork(ref));
            call.answer(204);
            return true;
        }
        if (call.parts() == 3 && call.is("POST")) {
            switch (call.part(2)) {
                case "connect" -> connect(call, ref);
                case "disconnect" -> disconnect(call, ref);
                default -> {
                    return false;
                }
            }
            return true;
        }
        return false;
    }

    private static void list(Call call) throws IOException, InterruptedException {
        Filters filters = Filters.of(call, LIST_FILTERS);
        for (String type : filters.get("type")) {
            if (!type.equals("custom") && !type.equals("builtin")) {
                throw Errors.invalid("invalid filter: 'type'='" + type + "'");
            }
        }
        List<Object> shown = new ArrayList<>();
        for (NetworkView n : call.ask(new NetworkRequest.ListNetworks())) {
            boolean fits = filters.exact("driver", n.config().driver())
                    && filters.pattern("id", n.id())
                    && filters.pattern("name", n.name())
                    && filters.exact("scope", "local")
                    && filters.exact("type", n.predefined() ? "builtin" : "custom")
                    && filters.truth("dangling", !n.predefined() && n.members().isEmpty())
                    && filters.labels(n.config().labels());
            if (fits) {
                // since 1.28 the list does not say who is in a network
                shown.add(json(call, n, !call.atLeast(28)));
            }
        }
        call.answer(200, shown);
    }

    private static Map<String, @Nullable Object> json(Call call, NetworkView n, boolean members) {
        List<Object> pools = new ArrayList<>();
        if (!n.subnet().isEmpty()) {
            Map<String, @Nullable Object> pool = Json.object("Subnet", n.subnet());
            n.config().pools().stream().findFirst().ifPresent(p -> {
                if (!p.range().isEmpty()) {
                    pool.put("IPRange", p.range());
                }
            });
            pool.put("Gateway", n.gateway());
            n.config().pools().stream().findFirst().ifPresent(p -> {
                if (!p.auxiliary().isEmpty()) {
                    pool.put("AuxiliaryAddresses", p.auxiliary());
                }
            });
            pools.add(pool);
        }
        Map<String, Object> containers = new LinkedHashMap<>();
        if (members) {
            n.members().forEach((id, m) -> containers.put(id, member(m)));
        }
        Map<String, String> options = new LinkedHashMap<>(n.config().options());
        if (n.predefined() && n.config().driver().equals("bridge")) {
            options.put("com.docker.network.bridge.default_bridge", "true");
            options.put("com.docker.network.bridge.enable_icc", "true");
            options.put("com.docker.network.bridge.enable_ip_masquerade", "true");
            options.put("com.docker.network.bridge.host_binding_ipv4", "0.0.0.0");
            options.put("com.docker.network.bridge.name", n.bridge());
            options.put("com.docker.network.driver.mtu", "1500");
        }
        Map<String, @Nullable Object> json = Json.object(
                "Name",
                n.name(),
                "Id",
                n.id(),
                "Created",
                Times.rfc3339(n.createdNanos()),
                "Scope",
                "local",
                "Driver",
                n.config().driver());
        if (call.atLeast(47)) {
            json.put("EnableIPv4", true);
        }
        json.putAll(Json.object(
                "EnableIPv6",
                false,
                "IPAM",
                Json.object("Driver", "default", "Options", n.predefined() ? null : Map.of(), "Config", pools),
                "Internal",
                n.config().internal(),
                "Attachable",
                n.config().attachable(),
                "Ingress",
                false,
                "ConfigFrom",
                Json.object("Network", ""),
                "ConfigOnly",
                false,
                "Containers",
                containers,
                "Options",
                options,
                "Labels",
                n.config().labels()));
        return json;
    }

    private static Map<String, @Nullable Object> member(NetworkView.Member m) {
        Endpoint e = m.endpoint();
        return Json.object(
                "Name",
                m.containerName(),
                "EndpointID",
                e.endpointId(),
                "MacAddress",
                e.mac(),
                "IPv4Address",
                e.address().isEmpty() ? "" : e.address() + "/" + e.prefixLength(),
                "IPv6Address",
                "");
    }

    private static void create(Call call) throws IOException, InterruptedException {
        Fields body = call.body("");
        body.clientsOwn("CheckDuplicate");
        body.only("Scope", "", "local");
        body.only("Ingress", false);
        body.only("ConfigOnly", false);
        Fields from = body.object("ConfigFrom");
        from.only("Network", "");
        from.end();
        Fields ipam = body.object("IPAM");
        List<NetworkConfig.Pool> pools = new ArrayList<>();
        for (Fields pool : ipam.objects("Config")) {
            Map<String, String> auxiliary = new LinkedHashMap<>(pool.map("AuxiliaryAddresses"));
            auxiliary.putAll(pool.map("AuxAddress"));
            pools.add(new NetworkConfig.Pool(
                    pool.string("Subnet"), pool.string("IPRange"), pool.string("Gateway"), auxiliary));
            pool.end();
        }
        pools.removeIf(p -> p.subnet().isEmpty()
                && p.range().isEmpty()
                && p.gateway().isEmpty()
                && p.auxiliary().isEmpty());
        NetworkConfig config = new NetworkConfig(
                body.string("Name"),
                body.string("Driver"),
                body.bool("Internal"),
                body.bool("Attachable"),
                body.maybe("EnableIPv4").orElse(true),
                body.bool("EnableIPv6"),
                ipam.string("Driver"),
                ipam.map("Options"),
                pools,
                body.map("Options"),
                body.map("Labels"));
        ipam.end();
        body.end();
        String id = call.ask(new NetworkRequest.CreateNetwork(config));
        call.answer(201, Json.object("Id", id, "Warning", ""));
    }

    private static void connect(Call call, String ref) throws IOException, InterruptedException {
        Fields body = call.body("");
        String container = body.string("Container");
        EndpointConfig wish = CreateBody.endpoint(body.object("EndpointConfig"));
        body.end();
        if (container.isEmpty()) {
            throw Errors.invalid("Container is missing: the container to connect");
        }
        call.ask(new NetworkRequest.ConnectContainer(ref, container, wish));
        call.answer(200);
    }

    private static void disconnect(Call call, String ref) throws IOException, InterruptedException {
        Fields body = call.body("");
        String container = body.string("Container");
        boolean force = body.bool("Force");
        body.end();
        if (container.isEmpty()) {
            throw Errors.invalid("Container is missing: the container to disconnect");
        }
        call.ask(new NetworkRequest.DisconnectContainer(ref, container, force));
        call.answer(200);
    }

    private static void prune(Call call) throws IOException, InterruptedException {
        Filters filters = Filters.of(call, PRUNE_FILTERS);
        List<String> until = filters.get("until");
        if (until.size() > 1) {
            throw Errors.invalid("more than one until filter specified");
        }
        long moment = until.isEmpty() ? 0 : Times.moment("until", until.getFirst());
        List<String> names = call.ask(
                new NetworkRequest.PruneNetworks(moment, labels(filters.get("label")), labels(filters.get("label!"))));
        call.answer(200, Json.object("NetworksDeleted", names.isEmpty() ? null : names));
    }

    private static Map<String, String> labels(List<String> wanted) {
        Map<String, String> labels = new LinkedHashMap<>();
        for (String w : wanted) {
            int equals = w.indexOf('=');
            labels.put(equals < 0 ? w : w.substring(0, equals), equals < 0 ? "" : w.substring(equals + 1));
        }
        return labels;
    }
}
