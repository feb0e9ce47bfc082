package kist.engine;

import java.util.Locale;
import java.util.Map;

/** Signals by name and number (signal(7), x86-64 and aarch64). */
final class Signals {
    private static final Map<String, Integer> NUMBERS = Map.ofEntries(
            Map.entry("HUP", 1),
            Map.entry("INT", 2),
            Map.entry("QUIT", 3),
            Map.entry("ILL", 4),
            Map.entry("TRAP", 5),
            Map.entry("ABRT", 6),
            Map.entry("IOT", 6),
            Map.entry("BUS", 7),
            Map.entry("FPE", 8),
            Map.entry("KILL", 9),
            Map.entry("USR1", 10),
            Map.entry("SEGV", 11),
            Map.entry("USR2", 12),
            Map.entry("PIPE", 13),
            Map.entry("ALRM", 14),
            Map.entry("TERM", 15),
            Map.entry("STKFLT", 16),
            Map.entry("CHLD", 17),
            Map.entry("CLD", 17),
            Map.entry("CONT", 18),
            Map.entry("STOP", 19),
            Map.entry("TSTP", 20),
            Map.entry("TTIN", 21),
            Map.entry("TTOU", 22),
            Map.entry("URG", 23),
            Map.entry("XCPU", 24),
            Map.entry("XFSZ", 25),
            Map.entry("VTALRM", 26),
            Map.entry("PROF", 27),
            Map.entry("WINCH", 28),
            Map.entry("IO", 29),
            Map.entry("POLL", 29),
            Map.entry("PWR", 30),
            Map.entry("SYS", 31),
            Map.entry("RTMIN", 34),
            Map.entry("RTMAX", 64));

    static final int KILL = 9;
    static final int TERM = 15;

    private Signals() {}

    /** The number of {@code TERM}, {@code SIGTERM}, {@code RTMIN+1} or {@code 15}. */
    static int number(String signal) {
        String name = signal.toUpperCase(Locale.ROOT);
        name = name.startsWith("SIG") ? name.substring(3) : name;
        try {
            Integer known = NUMBERS.get(name);
            int number;
            if (known != null) {
                number = known;
            } else if (name.startsWith("RTMIN+")) {
                number = 34 + Integer.parseInt(name.substring(6));
            } else if (name.startsWith("RTMAX-")) {
                number = 64 - Integer.parseInt(name.substring(6));
            } else {
                number = Integer.parseInt(name);
            }
            if (number >= 1 && number <= 64) {
                return number;
            }
        } catch (NumberFormatException e) {
            // refused below
        }
        throw new EngineException(EngineException.Kind.INVALID_ARGUMENT, "Invalid signal: " + Names.printable(signal));
    }
}
