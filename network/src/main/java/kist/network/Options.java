package kist.network;

import java.util.regex.Pattern;

/**
 * Settings of an engine's networks. Engines on one machine need bridges and tables of different names; the default
 * subnet is chosen so that they differ too.
 *
 * @param bridge name of the bridge, up to 15 characters
 * @param subnet of the bridge in CIDR notation with a prefix of 8 to 29; empty chooses 172.29.0.0/16 or, where the
 *     host routes that already, another private one
 * @param poolSize namespaces of each kind that are kept ready; a burst raises it for a while; 0 makes every namespace
 *     when it is claimed
 * @param table name of the table of nftables, in the family inet
 */
public record Options(String bridge, String subnet, int poolSize, String table) {
    private static final Pattern LINK = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,14}");
    private static final Pattern TABLE = Pattern.compile("[A-Za-z][A-Za-z0-9_]{0,63}");
    private static final String DEFAULT_BRIDGE = "kist0";

    /** What an engine has when nothing is said. */
    public static final Options DEFAULT = new Options(DEFAULT_BRIDGE, "", 3, "kist");

    /**
     * Checks the settings.
     *
     * @throws NetworkException naming the one that is wrong
     */
    public Options {
        if (!LINK.matcher(bridge).matches()) {
            throw new NetworkException("Bridge name \"" + bridge
                    + "\" must have 1 to 15 letters, digits, '_', '.' or '-', and begin with a letter or digit.");
        }
        if (!TABLE.matcher(table).matches()) {
            throw new NetworkException(
                    "Table name \"" + table + "\" must have 1 to 64 letters, digits or '_', and begin with a letter.");
        }
        if (poolSize < 0 || poolSize > 1000) {
            throw new NetworkException("Pool size " + poolSize + " must be from 0 to 1000.");
        }
        if (!subnet.isEmpty()) {
            Subnet.parse(subnet);
        }
    }

    /** The defaults with a bridge of another name, and a table named after it. */
    public static Options forBridge(String bridge) {
        return new Options(
                bridge,
                "",
                DEFAULT.poolSize,
                bridge.equals(DEFAULT_BRIDGE) ? "kist" : "kist_" + bridge.replaceAll("[^A-Za-z0-9]", "_"));
    }
}
