package kist.volume;

import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A volume that shall be there.
 *
 * @param name empty for a new one without a name of its own
 * @param driver empty or {@code local}
 * @param options of the driver, see {@link Volume}
 */
public record Wanted(String name, String driver, Map<String, String> options, Map<String, String> labels) {
    private static final SecureRandom RANDOM = new SecureRandom();

    /** A plain volume of this name. */
    public static Wanted named(String name) {
        return new Wanted(name, "", Map.of(), Map.of());
    }

    /** A name for a volume that has none: 64 hexadecimal digits. */
    public static String newName() {
        byte[] bytes = new byte[32];
        RANDOM.nextBytes(bytes);
        return HexFormat.of().formatHex(bytes);
    }

    /** The same with a made-up name and the label that says so, where it has none. */
    public Wanted withName() {
        if (!name.isEmpty()) {
            return this;
        }
        Map<String, String> all = new LinkedHashMap<>(labels);
        all.put(Volume.ANONYMOUS, "");
        return new Wanted(newName(), driver, options, all);
    }
}
