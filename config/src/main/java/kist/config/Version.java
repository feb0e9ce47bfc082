package kist.config;

/** Which Kist this is. */
public final class Version {
    /** As it is told to users and clients. */
    public static final String NUMBER = "0.1.0";

    private Version() {}
}
