/** The Docker Engine API door. */
@org.jspecify.annotations.NullMarked
module kist.docker {
    requires static org.jspecify;
    requires transitive kist.engine;
    requires transitive kist.http;
    requires io.avaje.jsonb;

    exports kist.docker;
}
