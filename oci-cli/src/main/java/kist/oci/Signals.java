package kist.oci;

import java.util.List;
import java.util.Locale;

/** Names of signals and their numbers (signal(7)), as on x86-64 and aarch64. */
final class Signals {
    private static final List<String> NAMES = List.of(
            "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
            "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM",
            "PROF", "WINCH", "IO", "PWR", "SYS");
    static final int KILL = 9;
    private static final int HIGHEST = 64;
    private static final int REAL_TIME = 34;

    private Signals() {}

    /**
     * The number of {@code TERM}, {@code SIGTERM}, {@code RTMIN+2} or {@code 15}.
     *
     * @throws OciException for what is no signal
     */
    static int number(String text) {
        String name = text.toUpperCase(Locale.ROOT);
        name = name.startsWith("SIG") ? name.substring(3) : name;
        int known = NAMES.indexOf(name);
        if (known > 0) {
            return known;
        }
        try {
            int number = name.startsWith("RTMIN+")
                    ? REAL_TIME + Integer.parseInt(name.substring(6))
                    : name.equals("RTMIN")
                            ? REAL_TIME
                            : name.startsWith("RTMAX-")
                                    ? HIGHEST - Integer.parseInt(name.substring(6))
                                    : name.equals("RTMAX") ? HIGHEST : Integer.parseInt(name);
            if (number >= 1 && number <= HIGHEST) {
                return number;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw new OciException("unknown signal \"" + text + "\"");
    }
}
