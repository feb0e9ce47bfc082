/** Registries: images fetched, pushed, searched and trusted, and the state of the hosted registry. */
@org.jspecify.annotations.NullMarked
module kist.registry {
    requires static org.jspecify;
    requires transitive kist.image;
    requires java.net.http;

    exports kist.registry;
}
