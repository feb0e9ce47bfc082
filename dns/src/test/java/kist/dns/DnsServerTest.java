package kist.dns;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;
import org.xbill.DNS.SimpleResolver;
import org.xbill.DNS.Type;

class DnsServerTest {
    private static final InetAddress LOOPBACK = InetAddress.ofLiteral("127.0.0.1");

    private final List<AutoCloseable> open = new ArrayList<>();

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable c : open) {
            c.close();
        }
    }

    /** Knows web (two addresses), many (a hundred), v6; nothing below internal; forwards the rest to these. */
    private static Names names(List<InetSocketAddress> upstreams) {
        return new Names() {
            @Override
            public Answer find(InetAddress client, String name) {
                return switch (name) {
                    case "web" ->
                        new Answer.Addresses(
                                List.of(InetAddress.ofLiteral("10.0.0.2"), InetAddress.ofLiteral("10.0.0.3")));
                    case "v6" -> new Answer.Addresses(List.of(InetAddress.ofLiteral("fd00::2")));
                    case "many" -> {
                        List<InetAddress> all = new ArrayList<>();
                        for (int i = 1; i <= 100; i++) {
                            all.add(InetAddress.ofLiteral("10.0.1." + i));
                        }
                        yield new Answer.Addresses(all);
                    }
                    case "refused" -> new Answer.Refused();
                    default -> name.endsWith("internal") ? new Answer.Nothing() : new Answer.Elsewhere();
                };
            }

            @Override
            public Answer reverse(InetAddress client, InetAddress address) {
                return address.getHostAddress().equals("10.0.0.2")
                        ? new Answer.Pointers(List.of("web.net"))
                        : new Answer.Elsewhere();
            }

            @Override
            public List<InetSocketAddress> upstreams(InetAddress client) {
                return upstreams;
            }
        };
    }

    private InetSocketAddress serve(Names names) {
        DnsServer.Listener l = new DnsServer().listen(names, LOOPBACK, 0);
        open.add(l);
        return l.address();
    }

    private static Message ask(InetSocketAddress server, String name, int type, boolean tcp) throws IOException {
        SimpleResolver resolver = new SimpleResolver(server);
        resolver.setTCP(tcp);
        resolver.setIgnoreTruncation(true);
        resolver.setTimeout(Duration.ofSeconds(8));
        return resolver.send(Message.newQuery(Record.newRecord(Name.fromString(name, Name.root), type, DClass.IN)));
    }

    private static List<String> answers(Message m) {
        return m.getSection(Section.ANSWER).stream().map(Record::rdataToString).toList();
    }

    @Test
    void knownNamesHaveTheirAddressesInEveryCaseOfLettersAndByBothWays() throws Exception {
        InetSocketAddress server = serve(names(List.of()));
        for (boolean tcp : List.of(false, true)) {
            for (String name : List.of("web", "WEB", "web.")) {
                Message m = ask(server, name, Type.A, tcp);
                assertEquals(Set.of("10.0.0.2", "10.0.0.3"), new HashSet<>(answers(m)));
                assertTrue(m.getHeader().getFlag(Flags.RA));
            }
        }
        assertEquals(List.of("fd00:0:0:0:0:0:0:2"), answers(ask(server, "v6", Type.AAAA, false)));
    }

    @Test
    void aKnownNameWithoutAnAddressOfThatKindIsNoErrorAndAnUnknownOneDoesNotExist() throws Exception {
        InetSocketAddress server = serve(names(List.of()));
        Message none = ask(server, "web", Type.AAAA, false);
        assertEquals(Rcode.NOERROR, none.getRcode());
        assertEquals(List.of(), answers(none));
        assertEquals(Rcode.NXDOMAIN, ask(server, "x.internal", Type.A, false).getRcode());
        assertEquals(Rcode.NXDOMAIN, ask(server, "nobody", Type.A, false).getRcode());
        assertEquals(Rcode.REFUSED, ask(server, "refused", Type.A, false).getRcode());
    }

    @Test
    void severalAddressesComeInChangingOrder() throws Exception {
        InetSocketAddress server = serve(names(List.of()));
        Set<String> first = new HashSet<>();
        for (int i = 0; i < 60; i++) {
            first.add(answers(ask(server, "web", Type.A, false)).getFirst());
        }
        assertEquals(2, first.size());
    }

    @Test
    void anAddressHasTheNameOfItsContainer() throws Exception {
        InetSocketAddress server = serve(names(List.of()));
        assertEquals(List.of("web.net."), answers(ask(server, "2.0.0.10.in-addr.arpa", Type.PTR, false)));
    }

    @Test
    void anAnswerThatIsTooLongIsCutAndWholeByTcp() throws Exception {
        InetSocketAddress server = serve(names(List.of()));
        Message cut = ask(server, "many", Type.A, false);
        assertTrue(cut.getHeader().getFlag(Flags.TC));
        Message whole = ask(server, "many", Type.A, true);
        assertFalse(whole.getHeader().getFlag(Flags.TC));
        assertEquals(100, answers(whole).size());
    }

    @Test
    void whatIsUnknownIsAskedElsewhereAndTheNextServerIsTriedWhereOneIsSilent() throws Exception {
        InetSocketAddress upstream = serve(names(List.of()));
        try (DatagramSocket silent = new DatagramSocket(0, LOOPBACK)) {
            Names knowsNothing = new Names() {
                @Override
                public Answer find(InetAddress client, String name) {
                    return new Answer.Elsewhere();
                }

                @Override
                public Answer reverse(InetAddress client, InetAddress address) {
                    return new Answer.Elsewhere();
                }

                @Override
                public List<InetSocketAddress> upstreams(InetAddress client) {
                    return List.of(new InetSocketAddress(LOOPBACK, silent.getLocalPort()), upstream);
                }
            };
            InetSocketAddress server = serve(knowsNothing);
            assertEquals(2, answers(ask(server, "web", Type.A, false)).size());
            assertEquals(100, answers(ask(server, "many", Type.A, true)).size());
            assertEquals(List.of("web.net."), answers(ask(server, "2.0.0.10.in-addr.arpa", Type.PTR, false)));
        }
    }

    @Test
    void whereNobodyAnswersThatIsSaid() throws Exception {
        try (DatagramSocket silent = new DatagramSocket(0, LOOPBACK)) {
            InetSocketAddress server = serve(names(List.of(new InetSocketAddress(LOOPBACK, silent.getLocalPort()))));
            assertEquals(
                    Rcode.SERVFAIL,
                    ask(server, "elsewhere.example", Type.A, false).getRcode());
        }
    }

    @Test
    void anAnswerToAnotherQuestionIsNotTaken() throws IOException {
        byte[] question = Message.newQuery(Record.newRecord(Name.fromString("a.example."), Type.A, DClass.IN))
                .toWire();
        byte[] answer = question.clone();
        answer[2] |= (byte) 0x80;
        assertTrue(Forwarder.answers(answer, question));
        answer[13] = 'A';
        assertTrue(Forwarder.answers(answer, question), "case does not matter");
        answer[13] = 'b';
        assertFalse(Forwarder.answers(answer, question));
        assertFalse(Forwarder.answers(question, question), "no answer at all");
        answer[13] = 'a';
        answer[0]++;
        assertFalse(Forwarder.answers(answer, question));
    }

    @Test
    void nonsenseNeitherStopsTheServerNorIsAnsweredForEver() throws Exception {
        InetSocketAddress server = serve(names(List.of()));
        Random random = new Random(1);
        byte[] good = Message.newQuery(Record.newRecord(Name.fromString("web."), Type.A, DClass.IN))
                .toWire();
        try (DatagramSocket socket = new DatagramSocket()) {
            for (int i = 0; i < 5000; i++) {
                byte[] bad = random.nextBoolean() ? good.clone() : new byte[random.nextInt(600)];
                for (int j = 0; j < 1 + random.nextInt(6) && bad.length > 0; j++) {
                    bad[random.nextInt(bad.length)] = (byte) random.nextInt();
                }
                socket.send(new DatagramPacket(bad, bad.length, server));
            }
            byte[] answer = good.clone();
            answer[2] |= (byte) 0x80;
            try (DatagramSocket other = new DatagramSocket()) {
                other.send(new DatagramPacket(answer, answer.length, server));
                other.setSoTimeout(200);
                DatagramPacket p = new DatagramPacket(new byte[600], 600);
                boolean silent = false;
                try {
                    other.receive(p);
                } catch (SocketTimeoutException e) {
                    silent = true;
                }
                assertTrue(silent, "an answer gets no answer");
            }
        }
        assertEquals(2, answers(ask(server, "web", Type.A, false)).size());
    }

    @Test
    void manyQuestionsAreAnsweredInASecond() throws Exception {
        InetSocketAddress server = serve(names(List.of()));
        byte[] question = Message.newQuery(Record.newRecord(Name.fromString("web."), Type.A, DClass.IN))
                .toWire();
        AtomicInteger answered = new AtomicInteger();
        long end = System.nanoTime() + 2_000_000_000L;
        List<Thread> clients = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            clients.add(Thread.ofPlatform().start(() -> {
                try (DatagramSocket socket = new DatagramSocket()) {
                    socket.connect(server);
                    socket.setSoTimeout(1000);
                    DatagramPacket p = new DatagramPacket(new byte[600], 600);
                    while (System.nanoTime() < end) {
                        for (int j = 0; j < 16; j++) {
                            socket.send(new DatagramPacket(question, question.length));
                        }
                        for (int j = 0; j < 16; j++) {
                            socket.receive(p);
                            answered.incrementAndGet();
                        }
                    }
                } catch (IOException e) {
                    answered.addAndGet(-1_000_000);
                }
            }));
        }
        for (Thread t : clients) {
            t.join();
        }
        System.out.println("DNS: " + answered.get() / 2 + " answers a second, with its clients on the same processors");
        assertTrue(answered.get() > 4000, "answered " + answered.get());
    }

    @Test
    void theHostsServersAreReadAnewWhenTheyChange(@TempDir Path directory) throws Exception {
        Path file = directory.resolve("resolv.conf");
        Files.writeString(file, "# comment\nnameserver 10.0.0.1\nnameserver bad\noptions x\nnameserver ::1\n");
        HostResolvers resolvers = new HostResolvers(file);
        assertEquals(
                List.of("10.0.0.1", "0:0:0:0:0:0:0:1"),
                resolvers.servers().stream()
                        .map(s -> s.getAddress().getHostAddress())
                        .toList());
        Thread.sleep(1100);
        Files.writeString(file, "nameserver 10.0.0.9\n");
        assertEquals(
                Arrays.asList("10.0.0.9"),
                resolvers.servers().stream()
                        .map(s -> s.getAddress().getHostAddress())
                        .toList());
        Files.delete(file);
        Thread.sleep(1100);
        assertEquals(List.of(), resolvers.servers());
    }
}
