package kist.dns;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;

/** What a {@link DnsServer} knows of names, which depends on who asks. Implementations are thread-safe and do not wait. */
public interface Names {
    /**
     * What a name stands for.
     *
     * @param client address of the one who asks
     * @param name in lower case, without the dot at its end
     */
    Answer find(InetAddress client, String name);

    /** The name of an address, for the one who asks. */
    Answer reverse(InetAddress client, InetAddress address);

    /** Whom to ask what is unknown here, in their order; nobody if the client shall get no answers from outside. */
    List<InetSocketAddress> upstreams(InetAddress client);

    /** What is known of a name. */
    sealed interface Answer {
        /** The name is known and has these addresses. */
        record Addresses(List<InetAddress> addresses) implements Answer {}

        /** The address has these names. */
        record Pointers(List<String> names) implements Answer {}

        /** Others may know. */
        record Elsewhere() implements Answer {}

        /** There is no such name, and nobody is to be asked. */
        record Nothing() implements Answer {}

        /** The client is none of ours. */
        record Refused() implements Answer {}
    }
}
