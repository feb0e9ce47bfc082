package kist.dns;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import org.xbill.DNS.AAAARecord;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Opcode;
import org.xbill.DNS.PTRRecord;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.ReverseMap;
import org.xbill.DNS.Section;
import org.xbill.DNS.TextParseException;
import org.xbill.DNS.Type;

/** Makes the answer to a message, from what is known or by asking others (RFC 1035, RFC 6891). Thread-safe. */
final class Responder {
    /** Short: a container that is started anew has another address. */
    private static final int TTL = 5;

    private static final int PLAIN_SIZE = 512;
    /** What passes every link without fragments. */
    private static final int EXTENDED_SIZE = 1232;

    private static final int STREAM_SIZE = 65535;
    private static final int HEADER = 12;

    private final Names names;
    private final Forwarder forwarder;

    Responder(Names names, Forwarder forwarder) {
        this.names = names;
        this.forwarder = forwarder;
    }

    /** What to do with a message. */
    sealed interface Reply {
        /** Send this. */
        record Send(byte[] message) implements Reply {}

        /** Ask others, which takes time. */
        record Ask(byte[] question, List<InetSocketAddress> servers) implements Reply {}

        /** It is not worth an answer. */
        record Silence() implements Reply {}
    }

    /**
     * Answers from what is known, without waiting.
     *
     * @param stream by TCP, where an answer can have any length
     */
    Reply reply(InetAddress client, byte[] question, boolean stream) {
        if (question.length < HEADER || question[2] < 0) {
            return new Reply.Silence(); // an answer to an answer could go on for ever
        }
        Message query;
        try {
            query = new Message(question);
        } catch (IOException | RuntimeException e) {
            return new Reply.Send(failure(question, Rcode.FORMERR));
        }
        Record asked = query.getQuestion();
        if (query.getHeader().getOpcode() != Opcode.QUERY) {
            return new Reply.Send(failure(question, Rcode.NOTIMP));
        }
        if (asked == null || query.getHeader().getCount(Section.QUESTION) != 1) {
            return new Reply.Send(failure(question, Rcode.FORMERR));
        }
        return switch (find(client, asked)) {
            case Names.Answer.Elsewhere e -> {
                List<InetSocketAddress> servers = names.upstreams(client);
                yield servers.isEmpty()
                        ? new Reply.Send(wire(answer(query, Rcode.NXDOMAIN), query, stream))
                        : new Reply.Ask(question, servers);
            }
            case Names.Answer.Nothing n -> new Reply.Send(wire(answer(query, Rcode.NXDOMAIN), query, stream));
            case Names.Answer.Refused r -> new Reply.Send(wire(answer(query, Rcode.REFUSED), query, stream));
            case Names.Answer.Addresses(List<InetAddress> addresses) -> {
                Message answer = answer(query, Rcode.NOERROR);
                for (InetAddress a : rotated(addresses)) {
                    record(asked, a).ifPresent(r -> answer.addRecord(r, Section.ANSWER));
                }
                yield new Reply.Send(wire(answer, query, stream));
            }
            case Names.Answer.Pointers(List<String> pointers) -> {
                Message answer = answer(query, Rcode.NOERROR);
                for (String p : pointers) {
                    pointer(asked, p).ifPresent(r -> answer.addRecord(r, Section.ANSWER));
                }
                yield new Reply.Send(wire(answer, query, stream));
            }
        };
    }

    /** Asks others and answers what they say, or that nobody does. */
    byte[] forward(Reply.Ask ask, boolean stream) {
        return forwarder.ask(ask.question(), ask.servers(), stream).orElseGet(() -> nobody(ask.question()));
    }

    private static byte[] nobody(byte[] question) {
        try {
            return answer(new Message(question), Rcode.SERVFAIL).toWire();
        } catch (IOException e) {
            return failure(question, Rcode.SERVFAIL);
        }
    }

    private Names.Answer find(InetAddress client, Record asked) {
        if (asked.getDClass() != DClass.IN) {
            return new Names.Answer.Nothing();
        }
        if (asked.getType() == Type.PTR) {
            try {
                return names.reverse(client, ReverseMap.fromName(asked.getName()));
            } catch (IOException | RuntimeException e) {
                return new Names.Answer.Elsewhere(); // a name of another kind, such as a service's
            }
        }
        return names.find(client, asked.getName().toString(true).toLowerCase(Locale.ROOT));
    }

    private static List<InetAddress> rotated(List<InetAddress> addresses) {
        if (addresses.size() < 2) {
            return addresses;
        }
        List<InetAddress> rotated = new ArrayList<>(addresses);
        Collections.rotate(rotated, ThreadLocalRandom.current().nextInt(addresses.size()));
        return rotated;
    }

    private static Optional<Record> record(Record asked, InetAddress address) {
        boolean v4 = address instanceof Inet4Address;
        int type = asked.getType();
        if (type != Type.ANY && type != (v4 ? Type.A : Type.AAAA)) {
            return Optional.empty();
        }
        return Optional.of(
                v4
                        ? new ARecord(asked.getName(), DClass.IN, TTL, address)
                        : new AAAARecord(asked.getName(), DClass.IN, TTL, address));
    }

    private static Optional<Record> pointer(Record asked, String name) {
        try {
            return Optional.of(new PTRRecord(asked.getName(), DClass.IN, TTL, Name.fromString(name, Name.root)));
        } catch (TextParseException e) {
            return Optional.empty(); // a container's name that is no name to DNS
        }
    }

    private static Message answer(Message query, int code) {
        Message answer = new Message(query.getHeader().getID());
        answer.getHeader().setFlag(Flags.QR);
        answer.getHeader().setFlag(Flags.RA);
        if (query.getHeader().getFlag(Flags.RD)) {
            answer.getHeader().setFlag(Flags.RD);
        }
        answer.getHeader().setRcode(code);
        Record asked = query.getQuestion();
        if (asked != null) {
            answer.addRecord(asked, Section.QUESTION);
        }
        return answer;
    }

    private static byte[] wire(Message answer, Message query, boolean stream) {
        OPTRecord extension = query.getOPT();
        int size = PLAIN_SIZE;
        if (extension != null) {
            answer.addRecord(new OPTRecord(EXTENDED_SIZE, 0, 0), Section.ADDITIONAL);
            size = Math.max(PLAIN_SIZE, Math.min(EXTENDED_SIZE, extension.getPayloadSize()));
        }
        return answer.toWire(stream ? STREAM_SIZE : size);
    }

    /** An answer of the header alone. */
    private static byte[] failure(byte[] question, int code) {
        byte[] header = new byte[HEADER];
        header[0] = question[0];
        header[1] = question[1];
        header[2] = (byte) (0x80 | question[2] & 0x79);
        header[3] = (byte) (0x80 | code);
        return header;
    }
}
