/** Where an engine keeps its state and its sockets; read alike by the engine and by the kist command. */
@org.jspecify.annotations.NullMarked
module kist.config {
    requires static org.jspecify;
    requires io.avaje.json;

    exports kist.config;
}
