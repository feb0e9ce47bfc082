/** The OCI runtime: a spec compiled to a tape, cgroups, seccomp. */
@org.jspecify.annotations.NullMarked
module kist.runtime {
    requires static org.jspecify;
    requires static io.soabase.recordbuilder.core;
    requires static java.compiler; // the annotation on builders that are generated
    requires transitive kist.kernel;
    requires io.avaje.jsonb;

    exports kist.runtime;

    provides io.avaje.jsonb.spi.JsonbExtension with
            kist.runtime.jsonb.GeneratedJsonComponent;
}
