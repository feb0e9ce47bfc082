package kist.runtime;

import io.avaje.jsonb.JsonType;
import io.avaje.jsonb.Jsonb;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Reads a config.json strictly: bounded in size and depth, unknown fields refused by name, numbers within the range of
 * their field. What is known to the specification and cannot be honoured by this version is refused too, never ignored.
 */
public final class SpecReader {
    /** Bytes of the longest config.json that is read. */
    public static final int MAXIMUM_BYTES = 4 << 20;

    static final Jsonb JSON = Jsonb.builder().build();

    private static final JsonType<Object> ANY = JSON.type(Object.class);
    private static final int MAXIMUM_DEPTH = 32;
    private static final long ID = (1L << 32) - 2;

    private SpecReader() {}

    /**
     * Reads a whole config.json.
     *
     * @throws SpecException naming the field at fault
     */
    public static Spec read(byte[] json) {
        Fields f = parse(json, "config.json");
        f.refuse("solaris", "windows", "vm", "zos");
        f.refuse("uidMappings", "gidMappings");
        Spec spec = new Spec(
                f.text("ociVersion"),
                process(f.required("process")),
                root(f.object("root")),
                f.text("hostname"),
                f.text("domainname"),
                f.objects("mounts", SpecReader::mount),
                f.object("hooks").map(SpecReader::hooks),
                f.texts("annotations", true),
                linux(f.object("linux")));
        f.done();
        if (!spec.ociVersion().startsWith("1.")) {
            throw new SpecException(
                    "ociVersion", "\"" + spec.ociVersion() + "\" is not understood; versions 1.x of the spec are");
        }
        return spec;
    }

    /** Reads a process.json, as exec takes it. */
    public static Process readProcess(byte[] json) {
        Fields f = parse(json, "process.json");
        return process(f);
    }

    /** Reads a resources.json, as update takes it. */
    public static Resources readResources(byte[] json) {
        return resources(parse(json, "resources.json"));
    }

    static Fields parse(byte[] json, String what) {
        if (json.length > MAXIMUM_BYTES) {
            throw new SpecException(what, "has " + json.length + " bytes; at most " + MAXIMUM_BYTES + " are read");
        }
        checkDepth(json, what);
        Object tree;
        try {
            tree = ANY.fromJson(quoteLongNumbers(new String(json, StandardCharsets.UTF_8)));
        } catch (RuntimeException e) {
            // the parser throws what it likes on text that is no JSON
            throw new SpecException(what, "is no JSON: " + e.getMessage());
        }
        if (!(tree instanceof Map<?, ?> map)) {
            throw new SpecException(what, "is no JSON object");
        }
        return new Fields("", map);
    }

    /** The parser recurses; text made of brackets must not reach it. */
    private static void checkDepth(byte[] json, String what) {
        int depth = 0;
        boolean string = false;
        boolean ended = false;
        for (int i = 0; i < json.length; i++) {
            byte b = json[i];
            if (ended && b > ' ') {
                throw new SpecException(what, "has more after the end of its JSON object");
            }
            if (string) {
                if (b == '\\') {
                    i++;
                } else if (b == '"') {
                    string = false;
                }
            } else if (b == '"') {
                string = true;
            } else if (b == '{' || b == '[') {
                if (++depth > MAXIMUM_DEPTH) {
                    throw new SpecException(what, "is nested deeper than " + MAXIMUM_DEPTH + " levels");
                }
            } else if ((b == '}' || b == ']') && --depth == 0) {
                ended = true;
            }
        }
    }

    /** The parser cuts numbers to 63 bits without a word; longer ones are handed to {@link Fields} as strings. */
    private static String quoteLongNumbers(String json) {
        StringBuilder out = new StringBuilder();
        int copied = 0;
        boolean string = false;
        for (int i = 0; i < json.length(); i++) {
            char c = json.charAt(i);
            if (string) {
                if (c == '\\') {
                    i++;
                } else if (c == '"') {
                    string = false;
                }
            } else if (c == '"') {
                string = true;
            } else if (c >= '0' && c <= '9') {
                int end = i;
                while (end < json.length() && json.charAt(end) >= '0' && json.charAt(end) <= '9') {
                    end++;
                }
                if (end - i >= 19) {
                    out.append(json, copied, i).append('"').append(json, i, end).append('"');
                    copied = end;
                }
                i = end - 1;
            }
        }
        return copied == 0 ? json : out.append(json, copied, json.length()).toString();
    }

    private static Process process(Fields f) {
        f.refuse("scheduler", "execCPUAffinity", "commandLine");
        Process process = new Process(
                f.flag("terminal"),
                f.object("consoleSize").map(c -> {
                    var size = new Process.ConsoleSize(
                            (int) c.number("height", 0, 65535, 0), (int) c.number("width", 0, 65535, 0));
                    c.done();
                    return size;
                }),
                f.object("user").map(SpecReader::user).orElse(User.ROOT),
                f.list("args"),
                f.list("env"),
                f.text("cwd"),
                f.object("capabilities").map(c -> {
                    var caps = new Capabilities(
                            c.list("bounding"),
                            c.list("effective"),
                            c.list("inheritable"),
                            c.list("permitted"),
                            c.list("ambient"));
                    c.done();
                    return caps;
                }),
                f.objects("rlimits", r -> {
                    var limit = new Rlimit(r.text("type"), r.unsigned("hard"), r.unsigned("soft"));
                    limit.resource();
                    r.done();
                    return limit;
                }),
                f.flag("noNewPrivileges"),
                f.text("apparmorProfile"),
                f.optionalInt("oomScoreAdj", -1000, 1000),
                f.text("selinuxLabel"),
                f.object("ioPriority").map(p -> {
                    var priority = new Process.IoPriority(p.text("class"), (int) p.number("priority", 0, 7, 0));
                    p.done();
                    return priority;
                }));
        f.done();
        if (process.args().isEmpty()) {
            throw new SpecException(f.path("args"), "is empty; it must name the program to run");
        }
        if (!process.cwd().startsWith("/")) {
            throw new SpecException(f.path("cwd"), "\"" + process.cwd() + "\" is no absolute path");
        }
        return process;
    }

    private static User user(Fields f) {
        f.refuse("username", "groupNames");
        List<Long> groups = new ArrayList<>();
        for (Object o : f.array("additionalGids")) {
            groups.add(f.range("additionalGids", o, 0, ID));
        }
        User user = new User(
                f.number("uid", 0, ID, 0),
                f.number("gid", 0, ID, 0),
                f.optionalInt("umask", 0, 0777),
                List.copyOf(groups),
                List.of(),
                "");
        f.done();
        return user;
    }

    private static Root root(Optional<Fields> given) {
        if (given.isEmpty()) {
            throw new SpecException("root", "is missing; it must name the root file system");
        }
        Fields f = given.get();
        Root root = new Root(f.text("path"), f.flag("readonly"));
        f.done();
        return root;
    }

    private static Mount mount(Fields f) {
        f.refuse("uidMappings", "gidMappings");
        Mount mount = new Mount(f.text("destination"), f.text("type"), f.text("source"), f.list("options"));
        f.done();
        return mount;
    }

    private static Hooks hooks(Fields f) {
        Hooks hooks = new Hooks(
                f.objects("prestart", SpecReader::hook),
                f.objects("createRuntime", SpecReader::hook),
                f.objects("createContainer", SpecReader::hook),
                f.objects("startContainer", SpecReader::hook),
                f.objects("poststart", SpecReader::hook),
                f.objects("poststop", SpecReader::hook));
        f.done();
        return hooks;
    }

    private static Hooks.Hook hook(Fields f) {
        var hook = new Hooks.Hook(
                f.text("path"), f.list("args"), f.list("env"), f.optionalInt("timeout", 1, Integer.MAX_VALUE));
        f.done();
        return hook;
    }

    private static OciLinux linux(Optional<Fields> given) {
        Fields f = given.orElse(new Fields("linux", Map.of()));
        f.refuse("uidMappings", "gidMappings", "mountLabel", "intelRdt", "timeOffsets", "memoryPolicy", "netDevices");
        OciLinux linux = new OciLinux(
                f.objects("namespaces", n -> {
                    var namespace = new Namespace(n.text("type"), n.text("path"));
                    namespace.flag();
                    n.done();
                    return namespace;
                }),
                f.objects("devices", SpecReader::device),
                f.text("cgroupsPath"),
                f.object("resources").map(SpecReader::resources).orElse(Resources.NONE),
                f.text("rootfsPropagation"),
                f.object("seccomp").map(SpecReader::seccomp),
                f.texts("sysctl", false),
                f.list("maskedPaths"),
                f.list("readonlyPaths"),
                f.object("personality").map(p -> {
                    p.refuse("flags");
                    var personality = new OciLinux.Personality(p.text("domain"));
                    p.done();
                    return personality;
                }));
        f.done();
        return linux;
    }

    private static Device device(Fields f) {
        Device device = new Device(
                f.text("type"),
                f.text("path"),
                f.number("major", 0, 4095, 0),
                f.number("minor", 0, 1048575, 0),
                f.optionalInt("fileMode", 0, 07777),
                f.optional("uid", 0, ID),
                f.optional("gid", 0, ID));
        f.done();
        return device;
    }

    private static Resources resources(Fields f) {
        f.refuse("hugepageLimits", "network", "rdma", "intelRdt");
        Resources resources = new Resources(
                f.objects("devices", d -> {
                    var rule = new Resources.DeviceRule(
                            d.flag("allow"),
                            d.text("type").isEmpty() ? "a" : d.text("type"),
                            d.wildcard("major"),
                            d.wildcard("minor"),
                            d.text("access").isEmpty() ? "rwm" : d.text("access"));
                    d.done();
                    return rule;
                }),
                f.object("memory").map(SpecReader::memory),
                f.object("cpu").map(SpecReader::cpu),
                f.object("pids").map(p -> {
                    var pids = new Resources.Pids(p.number("limit", -1, Long.MAX_VALUE, 0));
                    p.done();
                    return pids;
                }),
                f.object("blockIO").map(SpecReader::blockIo),
                f.texts("unified", false));
        f.done();
        return resources;
    }

    private static Resources.Memory memory(Fields f) {
        // containerd writes these two always; they say what the kernel does in any case
        f.only("useHierarchy", true);
        f.only("checkBeforeUpdate", false);
        f.refuse("kernel", "kernelTCP");
        var memory = new Resources.Memory(
                f.optional("limit", -1, Long.MAX_VALUE),
                f.optional("reservation", -1, Long.MAX_VALUE),
                f.optional("swap", -1, Long.MAX_VALUE),
                f.optional("swappiness", 0, 100),
                f.has("disableOOMKiller") ? Optional.of(f.flag("disableOOMKiller")) : Optional.empty());
        f.done();
        return memory;
    }

    private static Resources.Cpu cpu(Fields f) {
        var cpu = new Resources.Cpu(
                f.optional("shares", 0, 262144),
                f.optional("quota", -1, Long.MAX_VALUE),
                f.optional("burst", 0, Long.MAX_VALUE),
                f.optional("period", 0, 1_000_000),
                f.optional("realtimeRuntime", -1, Long.MAX_VALUE),
                f.optional("realtimePeriod", 0, Long.MAX_VALUE),
                f.text("cpus"),
                f.text("mems"),
                f.optional("idle", 0, 1));
        f.done();
        return cpu;
    }

    private static Resources.BlockIo blockIo(Fields f) {
        f.refuse("leafWeight");
        var io = new Resources.BlockIo(
                f.optionalInt("weight", 0, 1000),
                f.objects("weightDevice", w -> {
                    w.refuse("leafWeight");
                    var weight =
                            new Resources.Weight(w.number("major", 0, 4095, 0), w.number("minor", 0, 1048575, 0), (int)
                                    w.number("weight", 10, 1000, 0));
                    w.done();
                    return weight;
                }),
                f.objects("throttleReadBpsDevice", SpecReader::throttle),
                f.objects("throttleWriteBpsDevice", SpecReader::throttle),
                f.objects("throttleReadIOPSDevice", SpecReader::throttle),
                f.objects("throttleWriteIOPSDevice", SpecReader::throttle));
        f.done();
        return io;
    }

    private static Resources.Throttle throttle(Fields f) {
        var throttle = new Resources.Throttle(
                f.number("major", 0, 4095, 0),
                f.number("minor", 0, 1048575, 0),
                f.number("rate", 0, Long.MAX_VALUE, 0));
        f.done();
        return throttle;
    }

    private static Seccomp seccomp(Fields f) {
        f.refuse("listenerPath", "listenerMetadata");
        Seccomp seccomp = new Seccomp(
                f.text("defaultAction"),
                f.optionalInt("defaultErrnoRet", 0, 4095),
                f.list("architectures"),
                f.list("flags"),
                f.objects("syscalls", s -> {
                    var rule = new Seccomp.Rule(
                            s.list("names"),
                            s.text("action"),
                            s.optionalInt("errnoRet", 0, 4095),
                            s.objects("args", SpecReader::argument));
                    s.done();
                    return rule;
                }));
        f.done();
        return seccomp;
    }

    static Seccomp.Argument argument(Fields a) {
        var argument = new Seccomp.Argument(
                (int) a.number("index", 0, 5, 0), a.unsigned("value"), a.unsigned("valueTwo"), a.text("op"));
        a.done();
        return argument;
    }
}
