package kist.distribution;

/** What clients may do that do not say who they are. */
public enum Anonymous {
    /**
     * Nothing where there is a password file; everything on a loopback address where there is none; elsewhere the door
     * does not open without one.
     */
    DEFAULT,
    /** Nothing. */
    NONE,
    /** Pull. */
    READ,
    /** Pull, push and delete. */
    WRITE
}
