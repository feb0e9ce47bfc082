/** The OCI distribution door: this engine as a registry for others. */
@org.jspecify.annotations.NullMarked
module kist.distribution {
    requires static org.jspecify;
    requires transitive kist.engine;
    requires transitive kist.http;
    requires kist.registry;
    requires io.avaje.jsonb;
    requires bcrypt;

    exports kist.distribution;
}
