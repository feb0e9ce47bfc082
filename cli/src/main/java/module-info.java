/** The kist command: a client of the engine's Docker door. */
@org.jspecify.annotations.NullMarked
module kist.cli {
    requires static org.jspecify;
    requires kist.config;
    requires io.avaje.json;
    // sun.misc.Signal: forwarding signals to a container has no other way in Java
    requires jdk.unsupported;
}
