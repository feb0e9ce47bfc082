/** The engine process: configuration, doors, signals. */
@org.jspecify.annotations.NullMarked
module kist.daemon {
    requires static org.jspecify;
    requires transitive kist.docker;
    requires io.avaje.jsonb;

    exports kist.daemon;
}
