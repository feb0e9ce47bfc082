package kist.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;

/** Whatever bytes come: a valid request, a 4xx or 5xx refusal, or the end of the input; nothing else, and never a hang. */
class ParserPropertyTest {
    /** A wire that gives bytes a few at a time. */
    private record Bytes(byte[] bytes, int step, int[] at, ByteArrayOutputStream out) implements Wire {
        Bytes(byte[] bytes, int step) {
            this(bytes, step, new int[1], new ByteArrayOutputStream());
        }

        @Override
        public int read(byte[] into, int offset, int length) {
            int count = Math.min(Math.min(step, length), bytes.length - at[0]);
            if (count == 0) {
                return -1;
            }
            System.arraycopy(bytes, at[0], into, offset, count);
            at[0] += count;
            return count;
        }

        @Override
        public void write(byte[] from, int offset, int length) {
            out.write(from, offset, length);
        }

        @Override
        public void shutdownOutput() {}

        @Override
        public void close() {}

        @Override
        public Peer peer() {
            return Peer.UNKNOWN;
        }
    }

    /** Parses request after request until the input ends or is refused; returns how many were understood. */
    private static int serve(byte[] bytes, int step) throws IOException {
        Bytes wire = new Bytes(bytes, step);
        Input input = new Input(wire);
        Deadlines deadlines = new Deadlines();
        int requests = 0;
        try {
            while (true) {
                int end = input.awaitHead(deadlines, 1000, 0);
                if (end < 0) {
                    return requests;
                }
                HttpRequest request = HeadParser.parse(input.buffer(), input.position(), end);
                input.skipTo(end);
                RequestBody body = RequestBody.of(request, input, wire);
                body.drain();
                assertTrue(body.isEnded());
                for (String segment : request.segments()) {
                    assertFalse(segment.equals("..") || segment.equals(".") || segment.indexOf(0) >= 0);
                }
                requests++;
            }
        } catch (HttpException e) {
            assertTrue(e.status() >= 400 && e.status() < 600);
            return requests;
        } catch (EOFException e) {
            return requests;
        }
    }

    @Property
    void anyBytesAreUnderstoodOrRefused(@ForAll byte[] bytes, @ForAll @IntRange(min = 1, max = 9) int step)
            throws IOException {
        serve(bytes, step);
    }

    @Property(tries = 3000)
    void almostRequestsAreUnderstoodOrRefused(
            @ForAll("almostRequests") String text, @ForAll @IntRange(min = 1, max = 40) int step) throws IOException {
        serve(text.getBytes(StandardCharsets.ISO_8859_1), step);
    }

    @Provide
    Arbitrary<String> almostRequests() {
        Arbitrary<String> pieces = Arbitraries.of(
                "GET",
                "POST",
                " ",
                "/",
                "/v1.41/containers/json",
                "?a=b&c",
                "%2e%2e",
                "%",
                "HTTP/1.1",
                "HTTP/1.0",
                "\r\n",
                "\r\n\r\n",
                "\r",
                "\n",
                "\t",
                "\0",
                "Host: d\r\n",
                "Content-Length: ",
                "5",
                "-1",
                "99999999999999999999",
                "Transfer-Encoding: chunked\r\n",
                "Expect: 100-continue\r\n",
                "GET / HTTP/1.1\r\nHost: d\r\n",
                "POST /x HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n",
                "5\r\nhello\r\n",
                "0\r\n",
                "0\r\n\r\n",
                "ffffffffffffffff\r\n",
                ";ext=1",
                ":",
                "\u00ff");
        return pieces.list().ofMaxSize(14).map(list -> String.join("", list));
    }

    @Property(tries = 500)
    void aBodyComesOutAsItWasCut(
            @ForAll byte[] body,
            @ForAll @IntRange(min = 1, max = 50) int chunk,
            @ForAll @IntRange(min = 1, max = 50) int step)
            throws IOException {
        ByteArrayOutputStream sent = new ByteArrayOutputStream();
        sent.writeBytes("POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n".getBytes());
        for (int i = 0; i < body.length; i += chunk) {
            int length = Math.min(chunk, body.length - i);
            sent.writeBytes((Integer.toHexString(length) + ";x=y\r\n").getBytes());
            sent.write(body, i, length);
            sent.writeBytes("\r\n".getBytes());
        }
        sent.writeBytes("0\r\nTrailer: x\r\n\r\nGET /next HTTP/1.1\r\nHost: d\r\n\r\n".getBytes());
        Bytes wire = new Bytes(sent.toByteArray(), step);
        Input input = new Input(wire);
        int end = input.awaitHead(new Deadlines(), 1000, 0);
        HttpRequest request = HeadParser.parse(input.buffer(), input.position(), end);
        input.skipTo(end);
        assertEquals(
                new String(body, StandardCharsets.ISO_8859_1),
                new String(RequestBody.of(request, input, wire).readAllBytes(), StandardCharsets.ISO_8859_1));
        end = input.awaitHead(new Deadlines(), 1000, 0);
        assertEquals(
                "/next", HeadParser.parse(input.buffer(), input.position(), end).target());
    }

    @Property
    void datesAreThoseOfTheLibrary(@ForAll @LongRange(min = 0, max = 7_000_000_000L) long second) {
        DateTimeFormatter format = DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.ROOT);
        assertEquals(format.format(Instant.ofEpochSecond(second).atOffset(ZoneOffset.UTC)), HttpDate.format(second));
    }
}
