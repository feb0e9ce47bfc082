/** Volumes: directories and file systems that outlive containers. */
@org.jspecify.annotations.NullMarked
module kist.volume {
    requires static org.jspecify;
    requires transitive kist.kernel;
    requires io.avaje.jsonb;

    exports kist.volume;

    provides io.avaje.jsonb.spi.JsonbExtension with
            kist.volume.VolumeJsonComponent;
}
