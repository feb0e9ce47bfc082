/** Networks: bridge, addresses, pool of ready namespaces. */
@org.jspecify.annotations.NullMarked
module kist.network {
    requires static org.jspecify;
    requires transitive kist.kernel;

    exports kist.network;
}
