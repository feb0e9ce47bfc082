package kist.oci;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import kist.runtime.Capability;

/** What this runtime can do, in the form of features.md of the specification. */
final class Features {
    private Features() {}

    static String json() {
        Map<String, Object> linux = new LinkedHashMap<>();
        linux.put("namespaces", List.of("cgroup", "ipc", "mount", "network", "pid", "uts"));
        linux.put("capabilities", Capability.all());
        linux.put("cgroup", Map.of("v1", true, "v2", true, "systemd", false));
        linux.put(
                "seccomp",
                Map.of(
                        "enabled",
                        true,
                        "actions",
                        List.of(
                                "SCMP_ACT_ALLOW",
                                "SCMP_ACT_ERRNO",
                                "SCMP_ACT_KILL",
                                "SCMP_ACT_KILL_PROCESS",
                                "SCMP_ACT_KILL_THREAD",
                                "SCMP_ACT_LOG",
                                "SCMP_ACT_TRACE",
                                "SCMP_ACT_TRAP")));
        linux.put("apparmor", Map.of("enabled", false));
        linux.put("selinux", Map.of("enabled", false));
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("ociVersionMin", "1.0.0");
        all.put("ociVersionMax", kist.runtime.Spec.VERSION);
        all.put("hooks", List.of("prestart", "createRuntime", "poststart", "poststop"));
        all.put("linux", linux);
        return State.JSON.toJson(all);
    }
}
