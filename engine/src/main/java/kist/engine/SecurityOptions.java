package kist.engine;

import java.util.List;
import java.util.Optional;
import kist.runtime.AppArmor;
import kist.runtime.Capability;
import kist.runtime.DefaultSpec;
import kist.runtime.SeccompProfile;
import kist.runtime.SpecException;

/**
 * The security options of a container, {@code NAME=VALUE} or {@code NAME:VALUE}.
 *
 * @param seccomp the JSON of a profile; empty for the default one
 * @param unfiltered without a filter of system calls
 * @param apparmor a profile, {@code unconfined}, or an empty string
 * @param systemPaths whether the paths of the kernel are masked and read-only
 * @param writableCgroups whether /sys/fs/cgroup can be written; empty for what privileged says
 */
record SecurityOptions(
        boolean noNewPrivileges,
        Optional<String> seccomp,
        boolean unfiltered,
        String apparmor,
        boolean systemPaths,
        Optional<Boolean> writableCgroups) {

    /** Reads them; what is unknown, or cannot be had on this host, is refused by name. The last of a name counts. */
    static SecurityOptions of(HostConfig host) {
        boolean noNewPrivileges = false;
        Optional<String> seccomp = Optional.empty();
        boolean unfiltered = false;
        String apparmor = "";
        boolean systemPaths = true;
        Optional<Boolean> writable = Optional.empty();
        for (String option : host.securityOpt()) {
            int at = separator(option);
            String name = at < 0 ? option : option.substring(0, at);
            String value = at < 0 ? "" : option.substring(at + 1);
            switch (name) {
                case "no-new-privileges" -> noNewPrivileges = at < 0 || truth(option, value);
                case "writable-cgroups" -> writable = Optional.of(truth(option, value));
                case "seccomp" -> {
                    unfiltered = value.equals("unconfined");
                    seccomp = unfiltered || value.equals("builtin") ? Optional.empty() : Optional.of(value);
                }
                case "apparmor" -> apparmor = apparmor(option, value);
                case "label" -> label(option, value);
                case "systempaths" -> {
                    if (!value.equals("unconfined")) {
                        throw invalid(option);
                    }
                    systemPaths = false;
                }
                default -> throw invalid(option);
            }
        }
        if (host.privileged() && writable.equals(Optional.of(false))) {
            throw Creation.invalid(
                    "conflicting options: a privileged container can write its control groups; leave out writable-cgroups=false");
        }
        seccomp.ifPresent(profile -> read(profile, host));
        return new SecurityOptions(noNewPrivileges, seccomp, unfiltered, apparmor, systemPaths, writable);
    }

    private static int separator(String option) {
        int equals = option.indexOf('=');
        int colon = option.indexOf(':');
        return equals < 0 ? colon : colon < 0 ? equals : Math.min(equals, colon);
    }

    private static EngineException invalid(String option) {
        return Creation.invalid("invalid --security-opt: \"" + Names.printable(option)
                + "\": there are no-new-privileges, seccomp, apparmor, label, systempaths and writable-cgroups");
    }

    private static boolean truth(String option, String value) {
        return switch (value) {
            case "true", "1", "True", "TRUE", "t", "T" -> true;
            case "false", "0", "False", "FALSE", "f", "F" -> false;
            default ->
                throw Creation.invalid(
                        "invalid --security-opt: \"" + Names.printable(option) + "\": true or false is wanted");
        };
    }

    private static String apparmor(String option, String value) {
        if (value.isEmpty() || value.length() > 255 || value.chars().anyMatch(c -> c < '!' || c > '~')) {
            throw Creation.invalid("invalid --security-opt: \"" + Names.printable(option) + "\": no name of a profile");
        }
        if (!value.equals("unconfined") && !AppArmor.isEnabled()) {
            throw new EngineException(
                    EngineException.Kind.UNSUPPORTED,
                    "the AppArmor profile " + value + " cannot be applied: AppArmor is not enabled on this host");
        }
        return value;
    }

    private static void label(String option, String value) {
        // without SELinux there is nothing to be disabled
        if (!value.equals("disable")) {
            throw new EngineException(
                    EngineException.Kind.UNSUPPORTED,
                    "the label of --security-opt \"" + Names.printable(option)
                            + "\" cannot be applied: SELinux is not supported by this version, only label=disable");
        }
    }

    private static void read(String profile, HostConfig host) {
        try {
            SeccompProfile.read(profile, host.privileged() ? Capability.all() : DefaultSpec.CAPABILITIES);
        } catch (SpecException e) {
            throw new EngineException(
                    EngineException.Kind.INVALID_ARGUMENT,
                    "Decoding seccomp profile failed: " + e.getMessage() + ", in seccomp=" + Names.printable(profile),
                    e);
        }
    }

    /** Puts them into a spec whose capabilities are said already. */
    void apply(DefaultSpec spec) {
        spec.noNewPrivileges(noNewPrivileges).apparmorProfile(apparmor);
        if (unfiltered) {
            spec.unconfined();
        }
        seccomp.ifPresent(profile -> spec.seccomp(SeccompProfile.read(profile, spec.givenCapabilities())));
        if (!systemPaths) {
            spec.maskedPaths(List.of()).readonlyPaths(List.of());
        }
        writableCgroups.ifPresent(spec::writableCgroups);
    }
}
