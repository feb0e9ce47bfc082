package kist.runtime;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Reads profiles of system calls in the form that Docker's clients send (moby/profiles, seccomp): names of architectures
 * with their sub-architectures, and rules that hold only with some capabilities, architectures or kernels. As strict as
 * {@link SpecReader}: what is unknown is refused by name.
 */
public final class SeccompProfile {
    private static final boolean ARM = System.getProperty("os.arch", "").equals("aarch64");
    private static final String NATIVE = ARM ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64";
    private static final String SHORT = ARM ? "arm64" : "amd64";

    private SeccompProfile() {}

    /**
     * The filter of a profile.
     *
     * @param json the profile
     * @param capabilities of the container, by names such as {@code CAP_CHOWN}: rules may depend on them
     * @throws SpecException naming the field at fault
     */
    public static Seccomp read(String json, List<String> capabilities) {
        return read(json, Set.copyOf(capabilities), System.getProperty("os.version", "0.0"));
    }

    static Seccomp read(String json, Set<String> capabilities, String kernel) {
        Fields f = SpecReader.parse(json.getBytes(StandardCharsets.UTF_8), "the seccomp profile");
        f.refuse("listenerPath", "listenerMetadata");
        List<String> given = f.list("architectures");
        boolean mapped = !f.array("archMap").isEmpty();
        if (mapped && !given.isEmpty()) {
            throw new SpecException(
                    "architectures",
                    "'architectures' and 'archMap' were specified in the seccomp profile, use either 'architectures' or"
                            + " 'archMap'");
        }
        List<String> architectures = new ArrayList<>(given);
        f.objects("archMap", map -> {
            String name = map.text("architecture");
            List<String> below = map.list("subArchitectures");
            map.done();
            if (name.equals(NATIVE)) {
                architectures.add(name);
                architectures.addAll(below);
            }
            return name;
        });
        List<Seccomp.Rule> rules = new ArrayList<>();
        f.objects("syscalls", s -> {
            rule(s, capabilities, kernel).ifPresent(rules::add);
            return s;
        });
        Seccomp seccomp = new Seccomp(
                f.text("defaultAction"),
                f.optionalInt("defaultErrnoRet", 0, 4095),
                List.copyOf(architectures),
                f.list("flags"),
                List.copyOf(rules));
        f.done();
        if (seccomp.defaultAction().isEmpty()) {
            throw new SpecException("defaultAction", "is missing from the seccomp profile");
        }
        return seccomp;
    }

    private static java.util.Optional<Seccomp.Rule> rule(Fields s, Set<String> capabilities, String kernel) {
        String name = s.text("name");
        List<String> names = s.list("names");
        if (!name.isEmpty() && !names.isEmpty()) {
            throw new SpecException(
                    s.path("name"),
                    "'name' and 'names' were specified in the seccomp profile, use either 'name' or 'names'");
        }
        s.text("comment");
        Seccomp.Rule rule = new Seccomp.Rule(
                name.isEmpty() ? names : List.of(name),
                s.text("action"),
                s.optionalInt("errnoRet", 0, 4095),
                s.objects("args", SpecReader::argument));
        boolean included = s.object("includes")
                .map(c -> condition(c, capabilities, kernel, true))
                .orElse(true);
        boolean excluded = s.object("excludes")
                .map(c -> condition(c, capabilities, kernel, false))
                .orElse(false);
        s.done();
        return included && !excluded ? java.util.Optional.of(rule) : java.util.Optional.empty();
    }

    /** Whether all that is said holds, or with {@code all} off, any of it. */
    private static boolean condition(Fields c, Set<String> capabilities, String kernel, boolean all) {
        List<Boolean> facts = new ArrayList<>();
        List<String> architectures = c.list("arches");
        if (!architectures.isEmpty()) {
            facts.add(architectures.contains(SHORT));
        }
        List<String> wanted = c.list("caps");
        if (!wanted.isEmpty()) {
            facts.add(all ? capabilities.containsAll(wanted) : wanted.stream().anyMatch(capabilities::contains));
        }
        String oldest = c.text("minKernel");
        if (!oldest.isEmpty()) {
            facts.add(number(kernel) >= version(c.path("minKernel"), oldest));
        }
        c.done();
        return all ? !facts.contains(false) : facts.contains(true);
    }

    private static long version(String field, String text) {
        if (!text.matches("[0-9]{1,4}\\.[0-9]{1,4}")) {
            throw new SpecException(field, "\"" + text + "\" is no version such as 4.8");
        }
        return number(text);
    }

    /** The first two numbers of a version as one that can be compared; 0 where it has none. */
    private static long number(String version) {
        var matcher = java.util.regex.Pattern.compile("^([0-9]{1,4})\\.([0-9]{1,4})")
                .matcher(version.toLowerCase(Locale.ROOT));
        return matcher.find() ? Long.parseLong(matcher.group(1)) * 10_000 + Long.parseLong(matcher.group(2)) : 0;
    }
}
