package kist.engine;

import java.util.concurrent.ThreadLocalRandom;

/** Names of containers: what is allowed, and made-up ones for those who do not care. */
final class Names {
    private static final String[] HOW = {
        "amber", "ample", "apt", "blithe", "bold", "brisk", "calm", "candid", "clear", "cosy", "deft", "eager", "early",
        "fair", "fleet", "fond", "free", "gentle", "glad", "golden", "grand", "hale", "hardy", "honest", "jolly",
        "keen", "kind", "lively", "lucid", "mellow", "merry", "mild", "neat", "nimble", "noble", "patient", "placid",
        "plucky", "prompt", "proud", "quick", "quiet", "ready", "rosy", "sage", "serene", "sharp", "silver", "smart",
        "snug", "solid", "spry", "steady", "still", "stout", "sunny", "sure", "swift", "tidy", "true", "vivid", "warm",
        "wise", "witty"
    };
    private static final String[] WHAT = {
        "alder",
        "anchor",
        "apple",
        "aspen",
        "badger",
        "barge",
        "basket",
        "beacon",
        "birch",
        "bridge",
        "brook",
        "canoe",
        "casket",
        "cedar",
        "chest",
        "clover",
        "coffer",
        "crane",
        "crate",
        "curlew",
        "ferry",
        "finch",
        "fjord",
        "galley",
        "hamper",
        "harbor",
        "hazel",
        "heron",
        "hopper",
        "kayak",
        "kestrel",
        "lantern",
        "larch",
        "ledger",
        "locker",
        "maple",
        "marten",
        "meadow",
        "otter",
        "parcel",
        "pebble",
        "plover",
        "poplar",
        "quay",
        "raven",
        "reed",
        "robin",
        "rowan",
        "sail",
        "satchel",
        "schooner",
        "sloop",
        "sorrel",
        "sparrow",
        "spruce",
        "starling",
        "tern",
        "thistle",
        "trunk",
        "vessel",
        "wagon",
        "willow",
        "wren",
        "yarrow"
    };

    private Names() {}

    /** A name such as {@code swift_otter}; with a number where the first tries were taken. */
    static String propose(int attempt) {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        String name = HOW[random.nextInt(HOW.length)] + "_" + WHAT[random.nextInt(WHAT.length)];
        return attempt < 3 ? name : name + random.nextInt(10 << Math.min(attempt, 20));
    }

    /** Refuses what is not a name: at least two of letters, digits, _ . -, the first a letter or digit. */
    static void check(String name) {
        boolean good = name.length() >= 2 && name.length() <= 255 && letterOrDigit(name.charAt(0));
        for (int i = 1; good && i < name.length(); i++) {
            char c = name.charAt(i);
            good = letterOrDigit(c) || c == '_' || c == '.' || c == '-';
        }
        if (!good) {
            throw new EngineException(
                    EngineException.Kind.INVALID_ARGUMENT,
                    "Invalid container name (" + printable(name)
                            + "), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, at least two of them");
        }
    }

    private static boolean letterOrDigit(char c) {
        return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9';
    }

    /** A value for a message: bounded, and without what could confuse a terminal. */
    static String printable(String text) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < text.length() && i < 200; i++) {
            char c = text.charAt(i);
            out.append(c < ' ' || c == 127 ? '?' : c);
        }
        return text.length() > 200 ? out + "..." : out.toString();
    }
}
