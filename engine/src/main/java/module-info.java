/** Containers and their life; the one policy gate. */
@org.jspecify.annotations.NullMarked
module kist.engine {
    requires static org.jspecify;
    requires static io.soabase.recordbuilder.core;
    requires static java.compiler; // the annotation on builders that are generated
    requires transitive kist.kernel;
    requires transitive kist.runtime;
    requires transitive kist.image;
    requires transitive kist.registry;
    requires transitive kist.network;
    requires kist.dns;
    requires transitive kist.volume;
    requires io.avaje.jsonb;

    exports kist.engine;

    provides io.avaje.jsonb.spi.JsonbExtension with
            kist.engine.EngineJsonComponent,
            kist.engine.jsonb.GeneratedJsonComponent;
}
