/** Kist-oci: the OCI runtime command. */
@org.jspecify.annotations.NullMarked
module kist.oci {
    requires static org.jspecify;
    requires transitive kist.runtime;
    requires io.avaje.jsonb;
    requires org.apache.commons.cli;

    exports kist.oci;

    provides io.avaje.jsonb.spi.JsonbExtension with
            kist.oci.OciJsonComponent;
}
