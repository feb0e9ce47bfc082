package kist.cli;

/** Colours of a terminal (ECMA-48, SGR), for what a glance shall find: only where somebody looks and wants them. */
enum Colour {
    /** As it is. */
    PLAIN(""),
    /** Well. */
    GREEN("32"),
    /** On its way, or held. */
    YELLOW("33"),
    /** Wrong. */
    RED("31"),
    /** Over. */
    FAINT("2"),
    /** A title. */
    BOLD("1");

    private final String code;

    Colour(String code) {
        this.code = code;
    }

    /** The text in this colour. */
    String paint(String text) {
        return this == PLAIN || text.isEmpty() ? text : "\033[" + code + "m" + text + "\033[0m";
    }

    /** How a container's status or state is shown: {@code Up 3 minutes (healthy)}, {@code exited}. */
    static Colour ofStatus(String status) {
        if (status.contains("unhealthy") || status.startsWith("Dead") || status.equals("dead")) {
            return RED;
        }
        if (status.contains("(Paused)")
                || status.equals("paused")
                || status.contains("health: starting")
                || status.startsWith("Restarting")
                || status.equals("restarting")) {
            return YELLOW;
        }
        if (status.startsWith("Up ") || status.equals("running")) {
            return GREEN;
        }
        return status.startsWith("Exited (0)") || status.equals("exited")
                ? FAINT
                : status.startsWith("Exited") ? RED : PLAIN;
    }
}
