package kist.docker;

/** Ports as filters name them: {@code 80}, {@code 80/udp}, {@code 80-90/tcp}. */
record PortRange(int first, int last, String protocol) {
    private static final int MOST = 65535;

    static PortRange parse(String filter, String text) {
        int slash = text.indexOf('/');
        String protocol = slash < 0 ? "tcp" : text.substring(slash + 1);
        String ports = slash < 0 ? text : text.substring(0, slash);
        int dash = ports.indexOf('-');
        try {
            int first = Integer.parseInt(dash < 0 ? ports : ports.substring(0, dash));
            int last = dash < 0 ? first : Integer.parseInt(ports.substring(dash + 1));
            if (first < 0 || last < first || last > MOST) {
                throw new NumberFormatException();
            }
            return new PortRange(first, last, protocol);
        } catch (NumberFormatException e) {
            throw Errors.invalid("invalid filter '" + filter + "=" + text + "': a port or a range of ports is wanted");
        }
    }

    /** Whether a port such as {@code 80/tcp} is one of these. */
    boolean holds(String port) {
        int slash = port.indexOf('/');
        String its = slash < 0 ? "tcp" : port.substring(slash + 1);
        try {
            int number = Integer.parseInt(slash < 0 ? port : port.substring(0, slash));
            return number >= first && number <= last && its.equals(protocol);
        } catch (NumberFormatException e) {
            return false;
        }
    }
}
