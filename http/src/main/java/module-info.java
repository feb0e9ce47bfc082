/** A small strict HTTP/1.1 server on virtual threads with connection hijack. */
@org.jspecify.annotations.NullMarked
module kist.http {
    requires static org.jspecify;
    requires transitive kist.kernel;

    exports kist.http;
}
