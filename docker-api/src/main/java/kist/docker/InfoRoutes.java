package kist.docker;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import kist.engine.EngineInfo;
import kist.engine.Request;
import org.jspecify.annotations.Nullable;

/** {@code GET /info}: for old clients with the fields that newer ones no longer see. */
final class InfoRoutes {
    private InfoRoutes() {}

    static void info(Call call) throws IOException, InterruptedException {
        EngineInfo info = call.ask(new Request.Info());
        Map<String, @Nullable Object> json = counts(info);
        // Docker's name for it
        json.put("Driver", info.storageDriver().equals("overlay") ? "overlayfs" : info.storageDriver());
        json.put("DriverStatus", List.of());
        json.put(
                "Plugins",
                Json.object(
                        "Volume", List.of("local"),
                        "Network", List.of("bridge", "host", "null"),
                        "Authorization", null,
                        "Log", List.of("fluentd", "json-file", "local", "none", "syslog")));
        json.putAll(abilities(info, call));
        json.put("Debug", false);
        json.put("NFd", 0);
        json.put("NGoroutines", 0);
        json.put("NEventsListener", 0);
        json.put("SystemTime", Times.rfc3339(System.currentTimeMillis() * 1_000_000));
        json.put("LoggingDriver", "json-file");
        json.put("CgroupDriver", "cgroupfs");
        json.put("CgroupVersion", Integer.toString(info.cgroupVersion()));
        json.putAll(host(info));
        json.put("ExperimentalBuild", false);
        json.put("ServerVersion", DockerDoor.serverVersion(info.version()));
        Map<String, @Nullable Object> runtime = Json.object("path", "kist");
        json.put("Runtimes", Json.object("kist", runtime));
        json.put("DefaultRuntime", "kist");
        json.put(
                "Swarm",
                Json.object(
                        "NodeID", "",
                        "NodeAddr", "",
                        "LocalNodeState", "inactive",
                        "ControlAvailable", false,
                        "Error", "",
                        "RemoteManagers", null));
        json.put("LiveRestoreEnabled", true);
        json.put("Isolation", "");
        json.put("InitBinary", "kist-init");
        Map<String, @Nullable Object> part = Json.object("ID", info.gitCommit());
        if (!call.atLeast(50)) {
            part.put("Expected", info.gitCommit());
        }
        json.put("ContainerdCommit", part);
        json.put("RuncCommit", part);
        json.put("InitCommit", part);
        json.put("SecurityOptions", security(info, call));
        json.put("CDISpecDirs", List.of());
        json.put("Warnings", info.warnings().isEmpty() ? null : info.warnings());
        call.answer(200, json);
    }

    private static Map<String, @Nullable Object> counts(EngineInfo info) {
        return Json.object(
                "ID", info.id(),
                "Containers", info.containers(),
                "ContainersRunning", info.running(),
                "ContainersPaused", info.paused(),
                "ContainersStopped", info.stopped(),
                "Images", info.images());
    }

    private static Map<String, @Nullable Object> abilities(EngineInfo info, Call call) {
        List<String> controllers = info.controllers();
        boolean memory = controllers.contains("memory");
        boolean first = info.cgroupVersion() == 1;
        Map<String, @Nullable Object> abilities = Json.object(
                "MemoryLimit", memory,
                "SwapLimit", memory,
                "CpuCfsPeriod", controllers.contains("cpu"),
                "CpuCfsQuota", controllers.contains("cpu"),
                "CPUShares", controllers.contains("cpu"),
                "CPUSet", controllers.contains("cpuset"),
                "PidsLimit", controllers.contains("pids"),
                "OomKillDisable", memory && first,
                "IPv4Forwarding", info.ipForwarding());
        if (!call.atLeast(42)) {
            abilities.put("KernelMemory", false);
        }
        if (!call.atLeast(48)) {
            abilities.put("KernelMemoryTCP", false);
        }
        if (!call.atLeast(50)) {
            // of kernels whose bridges ask the firewall; this engine's networks do not need it
            abilities.put("BridgeNfIptables", true);
            abilities.put("BridgeNfIp6tables", true);
        }
        return abilities;
    }

    private static Map<String, @Nullable Object> host(EngineInfo info) {
        return Json.object(
                "KernelVersion", info.kernelVersion(),
                "OperatingSystem", info.operatingSystem(),
                "OSVersion", info.operatingSystemVersion(),
                "OSType", "linux",
                "Architecture", info.architecture(),
                "IndexServerAddress", "",
                "RegistryConfig",
                        Json.object(
                                "InsecureRegistryCIDRs", List.of(),
                                "IndexConfigs", Map.of(),
                                "Mirrors", List.of()),
                "NCPU", info.cpus(),
                "MemTotal", info.memoryBytes(),
                "GenericResources", null,
                "DockerRootDir", info.root(),
                "HttpProxy", "",
                "HttpsProxy", "",
                "NoProxy", "",
                "Name", info.hostname(),
                "Labels", List.of());
    }

    /** Before API 1.25 an option was its name alone. */
    private static List<String> security(EngineInfo info, Call call) {
        return call.atLeast(25)
                ? info.securityOptions()
                : info.securityOptions().stream()
                        .map(o -> o.replaceFirst("^name=", "").replaceFirst(",.*", ""))
                        .toList();
    }
}
