package kist.docker;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import kist.engine.ContainerView;
import kist.engine.EngineException;
import kist.engine.ImageRequest;
import kist.engine.MountView;
import kist.engine.Request;
import kist.image.Image;
import org.jspecify.annotations.Nullable;

/** {@code GET /containers/json} with all its filters, and {@code POST /containers/prune}. */
final class ListRoutes {
    private static final Set<String> LIST_FILTERS = Set.of(
            "id",
            "name",
            "status",
            "label",
            "label!",
            "ancestor",
            "exited",
            "before",
            "since",
            "health",
            "isolation",
            "network",
            "volume",
            "publish",
            "expose",
            "is-task");
    private static final Set<String> PRUNE_FILTERS = Set.of("label", "label!", "until");
    private static final Set<String> STATES =
            Set.of("created", "running", "paused", "restarting", "removing", "exited", "dead");
    private static final Set<String> HEALTH = Set.of("starting", "healthy", "unhealthy", "none");
    /** How far images are followed to those that they were made from. */
    private static final int MOST_GENERATIONS = 1000;

    private ListRoutes() {}

    static void list(Call call) throws IOException, InterruptedException {
        Filters filters = Filters.of(call, LIST_FILTERS);
        check(filters);
        int limit = call.number("limit").orElse(-1);
        boolean all = call.flag("all") || limit > 0 || filters.has("status");
        // before API 1.24 these two were parameters, and some clients never changed
        String sinceWanted = filters.has("since") ? filters.get("since").getFirst() : call.parameter("since");
        String beforeWanted = filters.has("before") ? filters.get("before").getFirst() : call.parameter("before");
        long since = createdOf(call, sinceWanted);
        long before = createdOf(call, beforeWanted);
        Set<String> images = filters.has("ancestor") ? descendants(call, filters) : Set.of();
        Map<String, Long> sizes = call.flag("size") ? sizes(call) : Map.of();
        long now = System.currentTimeMillis() * 1_000_000;
        List<Object> shown = new ArrayList<>();
        for (ContainerView c : call.ask(new Request.ListContainers(all))) {
            boolean wanted = (all || ContainerJson.isRunning(c))
                    && (sinceWanted.isEmpty() || c.createdNanos() > since)
                    && (beforeWanted.isEmpty() || c.createdNanos() < before)
                    && (!filters.has("ancestor") || images.contains(c.imageId()))
                    && fits(c, filters);
            if (wanted && (limit <= 0 || shown.size() < limit)) {
                Map<String, @Nullable Object> summary = ContainerJson.summary(c, now);
                if (sizes.containsKey(c.id())) {
                    summary.put("SizeRw", sizes.getOrDefault(c.id(), 0L));
                    summary.put("SizeRootFs", sizes.getOrDefault(c.id() + "/", 0L));
                }
                shown.add(summary);
            }
        }
        call.answer(200, shown);
    }

    private static void check(Filters filters) {
        for (String state : filters.get("status")) {
            if (!STATES.contains(state)) {
                throw Errors.invalid("invalid filter 'status=" + state + "'");
            }
        }
        for (String health : filters.get("health")) {
            if (!HEALTH.contains(health)) {
                throw Errors.invalid("invalid filter 'health=" + health + "'");
            }
        }
        for (String code : filters.get("exited")) {
            try {
                Integer.parseInt(code);
            } catch (NumberFormatException e) {
                throw Errors.invalid("invalid filter 'exited=" + code + "'");
            }
        }
        filters.get("publish").forEach(p -> PortRange.parse("publish", p));
        filters.get("expose").forEach(p -> PortRange.parse("expose", p));
    }

    private static long createdOf(Call call, String ref) throws InterruptedException {
        return ref.isEmpty()
                ? 0
                : call.ask(new Request.InspectContainer(Names.container(ref))).createdNanos();
    }

    /** By id what each container has written, and by id and a slash what it takes with its image. */
    private static Map<String, Long> sizes(Call call) throws InterruptedException {
        Map<String, Long> sizes = new HashMap<>();
        for (ImageRequest.ContainerUsage one :
                call.ask(new ImageRequest.DiskUsage(false, true)).containers()) {
            sizes.put(one.container().id(), one.written());
            sizes.put(one.container().id() + "/", one.image() + one.written());
        }
        return sizes;
    }

    /** The images that are asked for, and all that were made from them. */
    private static Set<String> descendants(Call call, Filters filters) throws InterruptedException {
        Set<String> ids = new HashSet<>();
        for (String name : filters.get("ancestor")) {
            try {
                ids.add(call.ask(new ImageRequest.InspectImage(Names.familiar(name)))
                        .id());
            } catch (EngineException e) {
                if (e.kind() != EngineException.Kind.NOT_FOUND) {
                    throw e;
                }
            }
        }
        Map<String, String> parents = new HashMap<>();
        for (Image image : call.ask(new ImageRequest.ListImages())) {
            parents.put(image.id(), image.parent());
        }
        for (String image : List.copyOf(parents.keySet())) {
            String above = image;
            for (int i = 0; i < MOST_GENERATIONS && !above.isEmpty() && !ids.contains(above); i++) {
                above = parents.getOrDefault(above, "");
            }
            if (!above.isEmpty()) {
                ids.add(image);
            }
        }
        return ids;
    }

    private static boolean fits(ContainerView c, Filters filters) {
        return filters.pattern("id", c.id())
                && (filters.pattern("name", c.name()) || filters.pattern("name", "/" + c.name()))
                && filters.exact("status", ContainerJson.state(c))
                && filters.labels(c.labels())
                && (!filters.has("exited")
                        || c.state() == ContainerView.State.EXITED
                                && filters.get("exited").stream().anyMatch(x -> Integer.parseInt(x) == c.exitCode()))
                && filters.exact("health", c.health().map(h -> h.status()).orElse("none"))
                && filters.exact("isolation", "")
                && filters.truth("is-task", false)
                && fitsPorts(
                        filters,
                        "publish",
                        c.published().stream()
                                .map(p -> p.hostPort() + "/" + p.protocol())
                                .toList())
                && fitsPorts(filters, "expose", c.config().exposedPorts())
                && fitsNetwork(c, filters)
                && fitsMount(c, filters);
    }

    private static boolean fitsPorts(Filters filters, String key, List<String> ports) {
        return !filters.has(key)
                || filters.get(key).stream()
                        .map(p -> PortRange.parse(key, p))
                        .anyMatch(range -> ports.stream().anyMatch(range::holds));
    }

    private static boolean fitsNetwork(ContainerView c, Filters filters) {
        if (!filters.has("network")) {
            return true;
        }
        return PlaceJson.networks(c, false).keySet().stream().anyMatch(name -> filters.exact("network", name))
                || c.endpoints().stream().anyMatch(e -> filters.prefix("network", e.networkId()));
    }

    private static boolean fitsMount(ContainerView c, Filters filters) {
        if (!filters.has("volume")) {
            return true;
        }
        for (MountView mount : c.mounts()) {
            if (filters.exact("volume", mount.target())
                    || !mount.name().isEmpty() && filters.exact("volume", mount.name())
                    || mount.name().isEmpty() && filters.exact("volume", mount.source())) {
                return true;
            }
        }
        return false;
    }

    static void prune(Call call) throws IOException, InterruptedException {
        Filters filters = Filters.of(call, PRUNE_FILTERS);
        if (filters.get("until").size() > 1) {
            throw Errors.invalid("more than one until filter specified");
        }
        long until = filters.has("until")
                ? Times.moment("until", filters.get("until").getFirst())
                : 0;
        Request.PrunedContainers pruned =
                call.ask(new Request.PruneContainers(until, filters.get("label"), filters.get("label!")));
        call.answer(
                200,
                Json.object(
                        "ContainersDeleted",
                        pruned.ids().isEmpty() ? null : pruned.ids(),
                        "SpaceReclaimed",
                        pruned.bytes()));
    }
}
