package kist.runtime;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The filter of system calls of a container that asked for none: what Docker's default one lets through, from the list
 * in seccomp-default.txt. Which calls it has depends on the capabilities. Thread-safe.
 */
public final class DefaultSeccomp {
    private static final int EPERM = 1;
    private static final int ENOSYS = 38;

    /** All CLONE_NEW* flags of clone(2); CLONE_NEWTIME is none of its flags but part of the signal number. */
    private static final long NEW_NAMESPACES = 0x7e020000L;

    /** What PER_LINUX, PER_LINUX32, UNAME26 and their sums are, and 0xffffffff to ask (personality(2)). */
    private static final long[] PERSONALITIES = {0, 8, 0x20000, 0x20008, 0xffffffffL};

    private static final int AF_ALG = 38;
    private static final int AF_VSOCK = 40;
    private static final int AF_MAX = 46;

    private static final Map<String, List<String>> SECTIONS = read();
    private static final Map<Set<String>, Seccomp> MADE = new ConcurrentHashMap<>();

    private DefaultSeccomp() {}

    /** The filter for a container with these capabilities, by names such as {@code CAP_CHOWN}. */
    public static Seccomp of(List<String> capabilities) {
        return MADE.computeIfAbsent(Set.copyOf(capabilities), DefaultSeccomp::make);
    }

    private static Seccomp make(Set<String> capabilities) {
        boolean arm = System.getProperty("os.arch", "").equals("aarch64");
        boolean admin = capabilities.contains("CAP_SYS_ADMIN");
        Set<String> names = new LinkedHashSet<>();
        SECTIONS.forEach((section, calls) -> {
            boolean holds = section.equals("always")
                    || section.equals(arm ? "arch aarch64" : "arch amd64")
                    || section.startsWith("cap ") && capabilities.contains(section.substring(4));
            if (holds) {
                names.addAll(calls);
            }
        });
        List<Seccomp.Rule> rules = new ArrayList<>();
        rules.add(allow(List.copyOf(names)));
        // compared as 64 bits while the kernel looks at 32: only < and == leave no way around
        rules.add(allow(List.of("socket"), new Seccomp.Argument(0, AF_ALG, 0, "SCMP_CMP_LT")));
        for (int family = AF_ALG + 1; family <= AF_MAX; family++) {
            if (family != AF_VSOCK) {
                rules.add(allow(List.of("socket"), new Seccomp.Argument(0, family, 0, "SCMP_CMP_EQ")));
            }
        }
        for (long personality : PERSONALITIES) {
            rules.add(allow(List.of("personality"), new Seccomp.Argument(0, personality, 0, "SCMP_CMP_EQ")));
        }
        if (!admin) {
            rules.add(allow(List.of("clone"), new Seccomp.Argument(0, NEW_NAMESPACES, 0, "SCMP_CMP_MASKED_EQ")));
            // the flags of clone3 are in memory, out of a filter's sight; C libraries then take clone
            rules.add(new Seccomp.Rule(List.of("clone3"), "SCMP_ACT_ERRNO", OptionalInt.of(ENOSYS), List.of()));
        }
        return new Seccomp(
                "SCMP_ACT_ERRNO",
                OptionalInt.of(EPERM),
                arm
                        ? List.of("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM")
                        : List.of("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"),
                List.of(),
                List.copyOf(rules));
    }

    private static Seccomp.Rule allow(List<String> names, Seccomp.Argument... args) {
        return new Seccomp.Rule(names, "SCMP_ACT_ALLOW", OptionalInt.empty(), List.of(args));
    }

    private static Map<String, List<String>> read() {
        Map<String, List<String>> sections = new LinkedHashMap<>();
        List<String> current = new ArrayList<>();
        try (InputStream in = DefaultSeccomp.class.getResourceAsStream("seccomp-default.txt")) {
            if (in == null) {
                throw new IllegalStateException("seccomp-default.txt is missing from the module");
            }
            BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith("[")) {
                    current = new ArrayList<>();
                    sections.put(line.substring(1, line.length() - 1), current);
                } else if (!line.startsWith("#") && !line.isBlank()) {
                    current.addAll(List.of(line.strip().split(" +")));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return sections;
    }
}
