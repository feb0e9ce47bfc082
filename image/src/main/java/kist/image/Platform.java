package kist.image;

import java.util.Locale;
import java.util.Set;

/**
 * What an image was made for (OCI image spec, image-index.md, platform; values of Go's GOOS and GOARCH).
 *
 * @param variant such as {@code v7} for {@code arm}; empty where there is none
 * @param osVersion empty where it is not said
 */
public record Platform(String os, String architecture, String variant, String osVersion) {
    /** The platform of this machine. */
    public static final Platform HOST =
            new Platform("linux", normalised(System.getProperty("os.arch", "").toLowerCase(Locale.ROOT)), "", "");

    /** What may stand alone; others can be said with their operating system. */
    private static final Set<String> ARCHITECTURES = Set.of(
            "386",
            "amd64",
            "arm",
            "arm64",
            "loong64",
            "mips",
            "mips64",
            "mips64le",
            "mipsle",
            "ppc64",
            "ppc64le",
            "riscv64",
            "s390x",
            "wasm");

    /**
     * Reads {@code os/architecture[/variant]}, or an architecture or an operating system alone, as {@code --platform} takes
     * it; what is not said is that of this machine.
     *
     * @throws ImageException INVALID where the text breaks the grammar
     */
    public static Platform parse(String text) {
        String[] parts = text.toLowerCase(Locale.ROOT).split("/", -1);
        for (String part : parts) {
            if (parts.length > 3 || !part.matches("[a-z0-9_.-]{1,32}")) {
                throw ImageException.invalid("invalid platform " + Text.quote(text)
                        + ": say os/architecture[/variant], such as linux/arm64");
            }
        }
        if (parts.length == 1) {
            boolean os = parts[0].equals("linux") || parts[0].equals("windows") || parts[0].equals("darwin");
            if (!os && !ARCHITECTURES.contains(normalised(parts[0]))) {
                throw ImageException.invalid(
                        "invalid platform " + Text.quote(text)
                                + ": unknown operating system or architecture; say os/architecture[/variant], such as linux/arm64");
            }
            return os
                    ? new Platform(parts[0], HOST.architecture(), "", "")
                    : new Platform(HOST.os(), normalised(parts[0]), "", "");
        }
        return new Platform(parts[0], normalised(parts[1]), parts.length == 3 ? parts[2] : "", "");
    }

    private static String normalised(String architecture) {
        return switch (architecture) {
            case "x86_64", "x86-64" -> "amd64";
            case "aarch64" -> "arm64";
            case "i386", "i686" -> "386";
            case "armhf" -> "arm";
            default -> architecture;
        };
    }

    /** Whether an image for {@code other} may be used where this is asked for; a variant that is not said fits any. */
    public boolean accepts(Platform other) {
        return os.equals(other.os)
                && architecture.equals(normalised(other.architecture))
                && (variant.isEmpty()
                        || variant.equals(other.variant)
                        || isDefault(variant) && other.variant.isEmpty());
    }

    private boolean isDefault(String named) {
        return architecture.equals("arm64") && named.equals("v8") || architecture.equals("arm") && named.equals("v7");
    }

    /** The form that people write, such as {@code linux/arm/v7}. */
    @Override
    public String toString() {
        return os + "/" + architecture + (variant.isEmpty() ? "" : "/" + variant);
    }
}
