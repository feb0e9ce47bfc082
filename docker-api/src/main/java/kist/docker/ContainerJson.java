package kist.docker;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import kist.engine.ContainerConfig;
import kist.engine.ContainerView;
import kist.engine.ContainerView.State;
import kist.engine.HealthView;
import kist.engine.HostConfig;
import kist.engine.MountView;
import org.jspecify.annotations.Nullable;

/** Containers as Docker's inspect and list show them. */
final class ContainerJson {
    private ContainerJson() {}

    static boolean isRunning(ContainerView c) {
        return c.state() == State.RUNNING || c.state() == State.PAUSED || c.state() == State.RESTARTING;
    }

    static String state(ContainerView c) {
        return c.state().name().toLowerCase(Locale.ROOT);
    }

    /** The body of {@code GET /containers/{id}/json}. */
    static Map<String, @Nullable Object> inspect(ContainerView c, Call call) {
        String driver = call.storageDriver();
        List<String> argv = c.argv();
        return Json.object(
                "Id",
                c.id(),
                "Created",
                Times.rfc3339(c.createdNanos()),
                "Path",
                argv.isEmpty() ? "" : argv.getFirst(),
                "Args",
                argv.isEmpty() ? argv : argv.subList(1, argv.size()),
                "State",
                stateObject(c),
                "Image",
                c.imageId(),
                "LogPath",
                c.logPath(),
                "Name",
                "/" + c.name(),
                "RestartCount",
                c.restarts(),
                "Driver",
                driver,
                "Platform",
                "linux",
                "MountLabel",
                "",
                "ProcessLabel",
                "",
                "AppArmorProfile",
                apparmor(c.config().host()),
                "ExecIDs",
                c.execs().isEmpty() ? null : c.execs(),
                "HostConfig",
                HostJson.host(c.config()),
                "GraphDriver",
                Json.object("Data", null, "Name", driver),
                "Mounts",
                mounts(c),
                "Config",
                config(c),
                "NetworkSettings",
                PlaceJson.settings(c, call));
    }

    /** What the last of the security options about it says. */
    private static String apparmor(HostConfig host) {
        String profile = "";
        for (String option : host.securityOpt()) {
            if (option.startsWith("apparmor=") || option.startsWith("apparmor:")) {
                profile = option.substring(9);
            }
        }
        return profile;
    }

    private static Map<String, @Nullable Object> stateObject(ContainerView c) {
        Map<String, @Nullable Object> state = Json.object(
                "Status", state(c),
                "Running", isRunning(c),
                "Paused", c.state() == State.PAUSED,
                "Restarting", c.state() == State.RESTARTING,
                "OOMKilled", c.oomKilled(),
                "Dead", c.state() == State.DEAD,
                "Pid", c.pid(),
                "ExitCode", c.exitCode(),
                "Error", c.error(),
                "StartedAt", Times.rfc3339(c.startedNanos()),
                "FinishedAt", Times.rfc3339(c.finishedNanos()));
        c.health().ifPresent(h -> state.put("Health", health(h)));
        return state;
    }

    private static Map<String, @Nullable Object> health(HealthView health) {
        List<Object> log = new ArrayList<>();
        for (HealthView.Check check : health.log()) {
            log.add(Json.object(
                    "Start", Times.rfc3339(check.startNanos()),
                    "End", Times.rfc3339(check.endNanos()),
                    "ExitCode", check.exitCode(),
                    "Output", check.output()));
        }
        return Json.object("Status", health.status(), "FailingStreak", health.failingStreak(), "Log", log);
    }

    private static Map<String, @Nullable Object> config(ContainerView c) {
        ContainerConfig asked = c.config();
        Map<String, @Nullable Object> config = Json.object(
                "Hostname", asked.hostname().isEmpty() ? shortId(c) : asked.hostname(),
                "Domainname", asked.domainname(),
                "User", c.user(),
                "AttachStdin", asked.attachStdin(),
                "AttachStdout", asked.attachStdout(),
                "AttachStderr", asked.attachStderr(),
                "Tty", asked.tty(),
                "OpenStdin", asked.openStdin(),
                "StdinOnce", asked.stdinOnce(),
                "Env", HostJson.orNull(c.environment()),
                "Cmd", asked.command().orElse(null),
                "Image", asked.image(),
                "Volumes", empties(asked.volumes()),
                // the root of a container where nobody said anything else
                "WorkingDir", asked.workingDir().isEmpty() && c.workingDir().equals("/") ? "" : c.workingDir(),
                "Entrypoint", asked.entrypoint().orElse(null),
                "OnBuild", HostJson.orNull(asked.onBuild()),
                "Labels", c.labels());
        split(c, config);
        if (!asked.exposedPorts().isEmpty()) {
            config.put("ExposedPorts", empties(asked.exposedPorts()));
        }
        if (asked.networkDisabled()) {
            config.put("NetworkDisabled", true);
        }
        if (!asked.macAddress().isEmpty()) {
            config.put("MacAddress", asked.macAddress());
        }
        if (!asked.shell().isEmpty()) {
            config.put("Shell", asked.shell());
        }
        asked.health().ifPresent(h -> config.put("Healthcheck", health(h)));
        if (!asked.stopSignal().isEmpty() || !c.stopSignal().equals("SIGTERM")) {
            config.put("StopSignal", c.stopSignal());
        }
        OptionalInt timeout = c.stopTimeout();
        if (timeout.isPresent()) {
            config.put("StopTimeout", timeout.getAsInt());
        }
        return config;
    }

    /** The form in which Docker lists names that have nothing to say. */
    private static @Nullable Object empties(List<String> names) {
        Map<String, Object> map = new LinkedHashMap<>();
        names.forEach(name -> map.put(name, Map.of()));
        return map.isEmpty() ? null : map;
    }

    private static Map<String, @Nullable Object> health(ContainerConfig.HealthConfig h) {
        Map<String, @Nullable Object> shown = Json.object("Test", h.test());
        Map<String, Long> numbers = new LinkedHashMap<>();
        numbers.put("Interval", h.intervalNanos());
        numbers.put("Timeout", h.timeoutNanos());
        numbers.put("StartPeriod", h.startPeriodNanos());
        numbers.put("StartInterval", h.startIntervalNanos());
        numbers.put("Retries", (long) h.retries());
        numbers.forEach((name, value) -> {
            if (value != 0) {
                shown.put(name, value);
            }
        });
        return shown;
    }

    /** Where the user left entry point or command to the image, shows what came of it: argv is the two in one. */
    private static void split(ContainerView c, Map<String, @Nullable Object> config) {
        List<String> entrypoint = c.config().entrypoint().orElse(List.of());
        boolean noEntrypoint = entrypoint.isEmpty() || entrypoint.equals(List.of(""));
        if (c.config().command().isEmpty() && noEntrypoint) {
            config.put("Cmd", c.argv());
        } else if (c.config().entrypoint().isEmpty()) {
            int own = c.argv().size() - c.config().command().orElse(List.of()).size();
            config.put("Entrypoint", own > 0 ? c.argv().subList(0, own) : null);
        }
    }

    private static String shortId(ContainerView c) {
        return c.id().substring(0, Math.min(12, c.id().length()));
    }

    /** Mounts as list and inspect show them. */
    static List<Object> mounts(ContainerView c) {
        List<Object> shown = new ArrayList<>();
        for (MountView mount : c.mounts()) {
            Map<String, @Nullable Object> one = Json.object("Type", mount.type());
            if (!mount.name().isEmpty()) {
                one.put("Name", mount.name());
            }
            one.put("Source", mount.source());
            one.put("Destination", mount.target());
            if (!mount.driver().isEmpty()) {
                one.put("Driver", mount.driver());
            }
            one.put("Mode", mount.mode());
            one.put("RW", mount.writable());
            one.put("Propagation", mount.propagation());
            shown.add(one);
        }
        return shown;
    }

    /** One element of {@code GET /containers/json}. */
    static Map<String, @Nullable Object> summary(ContainerView c, long nowNanos) {
        return Json.object(
                "Id", c.id(),
                "Names", List.of("/" + c.name()),
                "Image", c.config().image(),
                "ImageID", c.imageId(),
                "Command", command(c.argv()),
                "Created", Math.floorDiv(c.createdNanos(), 1_000_000_000L),
                "Ports", PlaceJson.list(c),
                "Labels", c.labels(),
                "State", state(c),
                "Status", status(c, nowNanos),
                "HostConfig",
                        Json.object(
                                "NetworkMode", HostJson.networkMode(c.config().host())),
                "NetworkSettings", Json.object("Networks", PlaceJson.networks(c, false)),
                "Mounts", mounts(c));
    }

    private static String command(List<String> argv) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < argv.size(); i++) {
            String word = argv.get(i);
            boolean quoted = i > 0 && word.contains(" ");
            text.append(i == 0 ? "" : " ")
                    .append(quoted ? "'" : "")
                    .append(word)
                    .append(quoted ? "'" : "");
        }
        return text.toString();
    }

    private static String health(ContainerView c) {
        return c.health()
                .map(h -> h.status().equals(HealthView.STARTING) ? " (health: starting)" : " (" + h.status() + ")")
                .orElse("");
    }

    /** The state in Docker's words, such as {@code Up 3 seconds}. */
    static String status(ContainerView c, long nowNanos) {
        return switch (c.state()) {
            case CREATED -> "Created";
            case RUNNING -> "Up " + Times.words(nowNanos - c.startedNanos()) + health(c);
            case PAUSED -> "Up " + Times.words(nowNanos - c.startedNanos()) + " (Paused)";
            case RESTARTING ->
                "Restarting (" + c.exitCode() + ") " + Times.words(nowNanos - c.finishedNanos()) + " ago";
            case EXITED -> "Exited (" + c.exitCode() + ") " + Times.words(nowNanos - c.finishedNanos()) + " ago";
            case REMOVING -> "Removal In Progress";
            case DEAD -> "Dead";
        };
    }
}
