package kist.docker;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import kist.engine.EngineException;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** Whatever a client sends as JSON: a typed request, or a refusal that says so; nothing else, and never a hang. */
class JsonPropertyTest {
    private static final String BODY = "{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"x\"],\"Env\":null,\"Tty\":true,"
            + "\"StopTimeout\":-1,\"Labels\":{\"a\":\"\\u00e9\\n\"},\"HostConfig\":{\"Binds\":[\"/a:/b:ro\"],"
            + "\"Memory\":1048576,\"NanoCpus\":5e8,\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":1,\"Hard\":2}],"
            + "\"ConsoleSize\":[40,120],\"Tmpfs\":{\"/t\":\"size=1m\"}},\"NetworkingConfig\":{\"EndpointsConfig\":{}}}";

    private static void read(byte[] bytes) {
        try {
            CreateBody.parse(new Fields("", Json.parse(bytes)));
        } catch (EngineException e) {
            assertEquals(true, Errors.status(e.kind()) == 400 || Errors.status(e.kind()) == 501, e.toString());
        }
    }

    @Property
    void anyBytesAreReadOrRefused(@ForAll byte[] bytes) {
        read(bytes);
    }

    @Property(tries = 3000)
    void bodiesWithBytesChangedAreReadOrRefused(
            @ForAll @Size(max = 4) List<@IntRange(max = 499) Integer> places, @ForAll("bytes") List<Byte> values) {
        byte[] bytes = BODY.getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < Math.min(places.size(), values.size()); i++) {
            bytes[places.get(i) % bytes.length] = values.get(i);
        }
        read(bytes);
    }

    @Provide
    Arbitrary<List<Byte>> bytes() {
        return Arbitraries.of(
                        (byte) '{',
                        (byte) '}',
                        (byte) '[',
                        (byte) ']',
                        (byte) '"',
                        (byte) '\\',
                        (byte) ',',
                        (byte) ':',
                        (byte) '0',
                        (byte) '9',
                        (byte) 'e',
                        (byte) '-',
                        (byte) '.',
                        (byte) 'n',
                        (byte) 0,
                        (byte) 0xff)
                .list()
                .ofSize(4);
    }

    @Property
    void bodiesCutShortAreRefused(@ForAll @IntRange(max = 450) int length) {
        byte[] whole = BODY.getBytes(StandardCharsets.UTF_8);
        read(java.util.Arrays.copyOf(whole, Math.min(length, whole.length - 1)));
    }

    @Property
    void whatIsWrittenIsReadBack(@ForAll Map<String, String> map) {
        assertEquals(map, Json.parse(Json.bytes(map)));
    }
}
