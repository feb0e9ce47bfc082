/** Names of containers: a DNS server. */
@org.jspecify.annotations.NullMarked
module kist.dns {
    requires static org.jspecify;
    requires org.dnsjava;

    exports kist.dns;
}
