package kist.runtime;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * The spec that every container of an engine starts from, and what an engine may change of it: Docker's default profile
 * of namespaces, mounts, devices, capabilities, masked paths and system calls. A builder; not thread-safe.
 */
public final class DefaultSpec {
    /** What PATH is where the image does not say. */
    public static final String PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /** The 14 capabilities of a container that asked for none. */
    public static final List<String> CAPABILITIES = List.of(
            "CAP_CHOWN",
            "CAP_DAC_OVERRIDE",
            "CAP_FSETID",
            "CAP_FOWNER",
            "CAP_MKNOD",
            "CAP_NET_RAW",
            "CAP_SETGID",
            "CAP_SETUID",
            "CAP_SETFCAP",
            "CAP_SETPCAP",
            "CAP_NET_BIND_SERVICE",
            "CAP_SYS_CHROOT",
            "CAP_KILL",
            "CAP_AUDIT_WRITE");

    /** Paths that a container shall not see, where they are there at all. */
    public static final List<String> MASKED_PATHS = maskedPaths();

    /** Paths that a container shall not write. */
    public static final List<String> READONLY_PATHS =
            List.of("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger");

    /** Devices that may be opened: null, zero, full, random, urandom and tty; FUSE by name not. */
    public static final List<Resources.DeviceRule> DEVICE_RULES = List.of(
            rule(false, "a", -1, -1, "rwm"),
            rule(true, "c", 1, 5, "rwm"),
            rule(true, "c", 1, 3, "rwm"),
            rule(true, "c", 1, 9, "rwm"),
            rule(true, "c", 1, 8, "rwm"),
            rule(true, "c", 5, 0, "rwm"),
            rule(true, "c", 5, 1, "rwm"),
            rule(false, "c", 10, 229, "rwm"));

    private static final long DEFAULT_SHM = 64L << 20;

    private List<String> args = List.of();
    private List<String> env = List.of();
    private String cwd = "/";
    private User user = User.ROOT;
    private boolean terminal;
    private Optional<Process.ConsoleSize> consoleSize = Optional.empty();
    private String hostname = "";
    private String domainname = "";
    private List<String> capabilities = CAPABILITIES;
    private boolean privileged;
    private boolean noNewPrivileges;
    private boolean unconfined;
    private Optional<Seccomp> seccomp = Optional.empty();
    private boolean readonlyRoot;
    private long shmSize = DEFAULT_SHM;
    private List<Mount> mounts = List.of();
    private Resources resources = Resources.NONE;
    private List<Rlimit> rlimits = List.of();
    private Map<String, String> sysctls = Map.of();
    private OptionalInt oomScoreAdj = OptionalInt.empty();
    private String cgroupsPath = "";
    private String apparmorProfile = "";
    private Optional<Mount> sharedMemory = Optional.empty();
    private boolean noSharedMemory;
    private Optional<Boolean> writableCgroups = Optional.empty();
    private Optional<List<String>> maskedPaths = Optional.empty();
    private Optional<List<String>> readonlyPaths = Optional.empty();
    private List<Device> devices = List.of();
    private Map<String, String> annotations = Map.of();
    private final List<Namespace> namespaces = new ArrayList<>(List.of(
            new Namespace("pid", ""),
            new Namespace("network", ""),
            new Namespace("ipc", ""),
            new Namespace("uts", ""),
            new Namespace("mount", ""),
            new Namespace("cgroup", "")));

    private DefaultSpec() {}

    /** A container with Docker's default isolation; at least its {@link #args} must be said. */
    public static DefaultSpec docker() {
        return new DefaultSpec();
    }

    private static List<String> maskedPaths() {
        List<String> paths = new ArrayList<>(List.of(
                "/proc/acpi",
                "/proc/asound",
                "/proc/interrupts",
                "/proc/kcore",
                "/proc/keys",
                "/proc/latency_stats",
                "/proc/sched_debug",
                "/proc/scsi",
                "/proc/timer_list",
                "/proc/timer_stats",
                "/sys/devices/virtual/powercap",
                "/sys/firmware"));
        try (DirectoryStream<Path> cpus = Files.newDirectoryStream(Path.of("/sys/devices/system/cpu"), "cpu[0-9]*")) {
            for (Path cpu : cpus) {
                if (Files.exists(cpu.resolve("thermal_throttle"))) {
                    paths.add(cpu + "/thermal_throttle");
                }
            }
        } catch (IOException e) {
            // no sysfs here, so none in a container of ours either
        }
        return List.copyOf(paths);
    }

    private static Resources.DeviceRule rule(boolean allow, String type, long major, long minor, String access) {
        return new Resources.DeviceRule(
                allow,
                type,
                major < 0 ? OptionalLong.empty() : OptionalLong.of(major),
                minor < 0 ? OptionalLong.empty() : OptionalLong.of(minor),
                access);
    }

    /** The program and its arguments. */
    public DefaultSpec args(List<String> value) {
        args = value;
        return this;
    }

    /** The environment, NAME=value; PATH, HOSTNAME and, with a terminal, TERM are added where missing. */
    public DefaultSpec env(List<String> value) {
        env = value;
        return this;
    }

    /** The working directory; empty for the root. */
    public DefaultSpec cwd(String value) {
        cwd = value.isEmpty() ? "/" : value;
        return this;
    }

    /** Who the process runs as, see {@link User#named}. */
    public DefaultSpec user(User value) {
        user = value;
        return this;
    }

    /** With a terminal of its own. */
    public DefaultSpec terminal(boolean value) {
        terminal = value;
        return this;
    }

    /** The size of the terminal in characters. */
    public DefaultSpec consoleSize(int rows, int columns) {
        consoleSize = Optional.of(new Process.ConsoleSize(rows, columns));
        return this;
    }

    /** The name in the UTS namespace. */
    public DefaultSpec hostname(String value) {
        hostname = value;
        return this;
    }

    /** The NIS domain name. */
    public DefaultSpec domainname(String value) {
        domainname = value;
        return this;
    }

    /** Changes the 14 capabilities; names with or without CAP_, or ALL. */
    public DefaultSpec capabilities(List<String> add, List<String> drop) {
        if (!add.isEmpty() || !drop.isEmpty()) {
            capabilities = Capability.adjust(CAPABILITIES, add, drop);
        }
        return this;
    }

    /** All capabilities, all devices of the host, no masks, no filter, sysfs and cgroups writable. */
    public DefaultSpec privileged() {
        privileged = true;
        return this;
    }

    /** Sets no_new_privs (prctl(2)). */
    public DefaultSpec noNewPrivileges(boolean value) {
        noNewPrivileges = value;
        return this;
    }

    /** Without a filter of system calls. */
    public DefaultSpec unconfined() {
        unconfined = true;
        return this;
    }

    /** With this filter in place of the default one. */
    public DefaultSpec seccomp(Seccomp value) {
        seccomp = Optional.of(value);
        return this;
    }

    /** With the root mounted read-only. */
    public DefaultSpec readonlyRoot(boolean value) {
        readonlyRoot = value;
        return this;
    }

    /** Bytes of /dev/shm; 0 for 64 MiB. */
    public DefaultSpec shmSize(long bytes) {
        shmSize = bytes > 0 ? bytes : DEFAULT_SHM;
        return this;
    }

    /** Mounts after the default ones; one with the destination of a default one takes its place. */
    public DefaultSpec mounts(List<Mount> value) {
        mounts = value;
        return this;
    }

    /** Limits; device rules are added to the default ones. */
    public DefaultSpec resources(Resources value) {
        resources = value;
        return this;
    }

    /** Limits of the process (setrlimit(2)). */
    public DefaultSpec rlimits(List<Rlimit> value) {
        rlimits = value;
        return this;
    }

    /** Parameters below /proc/sys, by names such as {@code net.ipv4.ip_forward}. */
    public DefaultSpec sysctls(Map<String, String> value) {
        sysctls = value;
        return this;
    }

    /** From -1000 to 1000 (proc_pid_oom_score_adj(5)). */
    public DefaultSpec oomScoreAdj(int value) {
        oomScoreAdj = OptionalInt.of(value);
        return this;
    }

    /** The path of the control group in each hierarchy. */
    public DefaultSpec cgroupsPath(String value) {
        cgroupsPath = value;
        return this;
    }

    /** The AppArmor profile of its processes; empty for the engine's own, {@code unconfined} for none. */
    public DefaultSpec apparmorProfile(String name) {
        apparmorProfile = name;
        return this;
    }

    /** Without a mount on /dev/shm. */
    public DefaultSpec noSharedMemory() {
        noSharedMemory = true;
        return this;
    }

    /** With the host's /dev/shm in place of one of its own. */
    public DefaultSpec hostSharedMemory() {
        sharedMemory = Optional.of(
                Mount.bind("/dev/shm", "/dev/shm", List.of("bind", "rprivate", "nosuid", "noexec", "nodev")));
        return this;
    }

    /** With another container's /dev/shm in place of one of its own, see {@link Attachments.Joined#sharedMemory}. */
    public DefaultSpec joinedSharedMemory() {
        sharedMemory = Optional.of(Mount.bind("shm", "/dev/shm", List.of("bind", "rprivate")));
        return this;
    }

    /** Whether /sys/fs/cgroup can be written; without this only where privileged. */
    public DefaultSpec writableCgroups(boolean value) {
        writableCgroups = Optional.of(value);
        return this;
    }

    /** These paths hidden instead of {@link #MASKED_PATHS}; a privileged container has none hidden in any case. */
    public DefaultSpec maskedPaths(List<String> paths) {
        maskedPaths = Optional.of(paths);
        return this;
    }

    /** These paths read-only instead of {@link #READONLY_PATHS}; a privileged container has none in any case. */
    public DefaultSpec readonlyPaths(List<String> paths) {
        readonlyPaths = Optional.of(paths);
        return this;
    }

    /** Nodes in /dev beside the usual ones; what may be done with them is said by the device rules. */
    public DefaultSpec devices(List<Device> value) {
        devices = value;
        return this;
    }

    /** Annotations of the spec, which nothing here interprets. */
    public DefaultSpec annotations(Map<String, String> value) {
        annotations = value;
        return this;
    }

    /** The capabilities that a process of the container has. */
    public List<String> givenCapabilities() {
        return privileged ? Capability.all() : capabilities;
    }

    /** Shares the host's namespace of this type, such as {@code network}. */
    public DefaultSpec hostNamespace(String type) {
        namespaces.removeIf(n -> n.type().equals(type));
        return this;
    }

    /** Joins an existing namespace. */
    public DefaultSpec joinNamespace(String type, String path) {
        namespaces.removeIf(n -> n.type().equals(type));
        namespaces.add(new Namespace(type, path));
        return this;
    }

    /** The spec. */
    public Spec build() {
        sysctls.keySet().forEach(name -> Sysctls.path(name, isOwn("ipc"), isOwn("network"), isOwn("uts")));
        rlimits.forEach(Rlimit::resource);
        List<String> given = givenCapabilities();
        Capabilities caps = Capabilities.of(given);
        Process process = new Process(
                terminal,
                consoleSize,
                user,
                args,
                environment(),
                cwd,
                Optional.of(caps),
                rlimits,
                noNewPrivileges,
                apparmorProfile,
                oomScoreAdj,
                "",
                Optional.empty());
        List<Resources.DeviceRule> rules = new ArrayList<>();
        if (privileged) {
            rules.add(rule(true, "a", -1, -1, "rwm"));
        } else {
            rules.addAll(DEVICE_RULES);
            rules.addAll(resources.devices());
        }
        Optional<Seccomp> filter = unconfined || privileged && seccomp.isEmpty()
                ? Optional.empty()
                : seccomp.or(() -> Optional.of(DefaultSeccomp.of(given)));
        return new Spec(
                Spec.VERSION,
                process,
                new Root("rootfs", readonlyRoot),
                hostname,
                domainname,
                allMounts(),
                Optional.empty(),
                annotations,
                new OciLinux(
                        List.copyOf(namespaces),
                        nodes(),
                        cgroupsPath,
                        resources.withDevices(List.copyOf(rules)),
                        "",
                        filter,
                        sysctls,
                        privileged ? List.of() : maskedPaths.orElse(MASKED_PATHS),
                        privileged ? List.of() : readonlyPaths.orElse(READONLY_PATHS),
                        Optional.empty()));
    }

    private boolean isOwn(String type) {
        return namespaces.contains(new Namespace(type, ""));
    }

    private List<Device> nodes() {
        if (!privileged) {
            return devices;
        }
        List<Device> all = HostDevices.below(Path.of("/dev"));
        devices.forEach(d -> {
            all.removeIf(h -> h.path().equals(d.path()));
            all.add(d);
        });
        return List.copyOf(all);
    }

    private List<String> environment() {
        List<String> all = new ArrayList<>(env.size() + 3);
        if (!has("PATH=")) {
            all.add(PATH);
        }
        if (!hostname.isEmpty() && !has("HOSTNAME=")) {
            all.add("HOSTNAME=" + hostname);
        }
        if (terminal && !has("TERM=")) {
            all.add("TERM=xterm");
        }
        all.addAll(env);
        return List.copyOf(all);
    }

    private boolean has(String start) {
        for (String variable : env) {
            if (variable.startsWith(start)) {
                return true;
            }
        }
        return false;
    }

    private List<Mount> allMounts() {
        String access = privileged ? "rw" : "ro";
        List<Mount> all = new ArrayList<>(8 + mounts.size());
        add(all, new Mount("/proc", "proc", "proc", List.of("nosuid", "noexec", "nodev")));
        add(all, new Mount("/dev", "tmpfs", "tmpfs", List.of("nosuid", "strictatime", "mode=755", "size=65536k")));
        add(
                all,
                new Mount(
                        "/dev/pts",
                        "devpts",
                        "devpts",
                        List.of("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")));
        add(all, new Mount("/sys", "sysfs", "sysfs", List.of("nosuid", "noexec", "nodev", access)));
        String groups = writableCgroups.orElse(privileged) ? "rw" : "ro";
        add(all, new Mount("/sys/fs/cgroup", "cgroup", "cgroup", List.of(groups, "nosuid", "noexec", "nodev")));
        add(all, new Mount("/dev/mqueue", "mqueue", "mqueue", List.of("nosuid", "noexec", "nodev")));
        if (!noSharedMemory) {
            List<String> own = List.of("nosuid", "noexec", "nodev", "mode=1777", "size=" + shmSize);
            add(all, sharedMemory.orElseGet(() -> new Mount("/dev/shm", "tmpfs", "shm", own)));
        }
        if (!mounts.isEmpty()) {
            List<Mount> mine = new ArrayList<>(mounts);
            // a mount below another one must come after it
            mine.sort(Comparator.comparingInt(m -> MountPath.of(m.destination()).size()));
            all.addAll(mine);
        }
        return List.copyOf(all);
    }

    private void add(List<Mount> all, Mount standard) {
        for (Mount m : mounts) {
            if (MountPath.clean(m.destination()).equals(standard.destination())) {
                return;
            }
        }
        all.add(standard);
    }
}
