package kist.docker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import kist.engine.EngineException;
import org.junit.jupiter.api.Test;

/** Every field of a creation with what it cannot be: of another type, out of range, cut by a NUL. */
class CreateBadInputTest {
    private static final String BODY = """
            {"Image":"x","Cmd":["a"],"Entrypoint":["b"],"Env":["A=b"],"WorkingDir":"/w","User":"u","Hostname":"h",
             "Domainname":"d","Labels":{"k":"v"},"Tty":true,"OpenStdin":true,"StdinOnce":true,"AttachStdin":true,
             "AttachStdout":true,"AttachStderr":true,"StopSignal":"INT","StopTimeout":3,"Volumes":{"/data":{}},
             "ExposedPorts":{"80/tcp":{}},"NetworkDisabled":true,"MacAddress":"02:42:ac:11:00:09","Shell":["/bin/ash"],
             "OnBuild":["RUN x"],"Healthcheck":{"Test":["CMD","true"],"Interval":1000000,"Timeout":2000000,
             "StartPeriod":3000000,"StartInterval":4000000,"Retries":5},
             "NetworkingConfig":{"EndpointsConfig":{"mine":{"IPAMConfig":{"IPv4Address":"10.0.0.5","IPv6Address":"fd00::5",
             "LinkLocalIPs":["169.254.1.1"]},"Links":["db:d"],"Aliases":["web"],"MacAddress":"02:42:ac:11:00:0a",
             "DriverOpts":{"o":"p"},"GwPriority":3}}},
             "HostConfig":%s}
            """.formatted(CreateBodyTest.EVERYTHING);

    /** One string stands for a list of one here. */
    private static final Set<String> LIST_OR_STRING =
            Set.of("Cmd", "Entrypoint", "MaskedPaths", "ReadonlyPaths", "CapAdd", "CapDrop");

    private static Map<String, Object> body() {
        return Json.parse(BODY.getBytes(StandardCharsets.UTF_8));
    }

    private interface Change {
        void set(Object value);
    }

    private record Place(String path, Object value, Change change) {}

    /** Every value in the tree and how to replace it. */
    @SuppressWarnings("unchecked")
    private static void places(String path, Object value, List<Place> found) {
        if (value instanceof Map<?, ?> map) {
            Map<String, Object> members = (Map<String, Object>) map;
            members.forEach((name, member) -> {
                String at = path.isEmpty() ? name : path + "." + name;
                found.add(new Place(at, member, v -> members.put(name, v)));
                places(at, member, found);
            });
        } else if (value instanceof List<?> list) {
            List<Object> elements = (List<Object>) list;
            for (int i = 0; i < elements.size(); i++) {
                int index = i;
                found.add(new Place(path + "[" + i + "]", elements.get(i), v -> elements.set(index, v)));
                places(path + "[" + i + "]", elements.get(i), found);
            }
        }
    }

    private static List<Place> places(Map<String, Object> body) {
        List<Place> found = new ArrayList<>();
        places("", body, found);
        return found;
    }

    private static EngineException refused(String what, Map<String, Object> body) {
        EngineException e =
                assertThrows(EngineException.class, () -> CreateBody.parse(new Fields("", body)), () -> what);
        assertEquals(EngineException.Kind.INVALID_ARGUMENT, e.kind(), what + ": " + e.getMessage());
        return e;
    }

    private static String field(String path) {
        String plain = path.replaceAll("\\[[0-9]+]", "");
        return plain.substring(plain.lastIndexOf('.') + 1);
    }

    @Test
    void aValueOfAnotherTypeIsRefusedByTheFieldsName() {
        List<Object> others = List.of(7L, 1.5, "text", true, List.of(Map.of("x", 1L)), Map.of("x", Map.of("y", 1L)));
        int tried = 0;
        for (int i = 0; i < places(body()).size(); i++) {
            for (Object other : others) {
                Map<String, Object> body = body();
                Place place = places(body).get(i);
                boolean fits = place.value().getClass() == other.getClass()
                        || place.value() instanceof Map && other instanceof Map
                        || place.value() instanceof List && other instanceof List
                        || other instanceof String
                                && LIST_OR_STRING.contains(place.path().replace("HostConfig.", ""));
                if (!fits) {
                    place.change().set(other);
                    String what = place.path() + " = " + other;
                    EngineException e = refused(what, body);
                    assertTrue(String.valueOf(e.getMessage()).length() > 10, what);
                    tried++;
                }
            }
        }
        assertTrue(tried > 800, "tried " + tried);
    }

    @Test
    void aTextWithANulInsideIsRefusedByTheFieldsName() {
        int tried = 0;
        for (int i = 0; i < places(body()).size(); i++) {
            Map<String, Object> body = body();
            Place place = places(body).get(i);
            if (place.value() instanceof String text) {
                place.change().set(text + "\0more");
                EngineException e = refused(place.path(), body);
                assertTrue(
                        String.valueOf(e.getMessage()).contains(field(place.path())),
                        place.path() + ": " + e.getMessage());
                tried++;
            }
        }
        assertTrue(tried > 60, "tried " + tried);
    }

    @Test
    void namesWithANulInsideAreRefused() {
        for (String member : List.of("Labels", "Volumes", "ExposedPorts")) {
            Map<String, Object> body = body();
            body.put(member, Map.of("a\0b", member.equals("Labels") ? "x" : Map.of()));
            refused(member, body);
        }
    }

    @Test
    void aNumberThatIsNoneOf64BitsIsRefused() {
        int tried = 0;
        for (String huge :
                List.of("9223372036854775808", "-9223372036854775809", "1e30", "0.5", "1e999999999", "-1e-400")) {
            for (int i = 0; i < places(body()).size(); i++) {
                Map<String, Object> body = body();
                Place place = places(body).get(i);
                if (place.value() instanceof Long) {
                    Object number = Json.parse(("{\"n\":" + huge + "}").getBytes(StandardCharsets.UTF_8))
                            .get("n");
                    place.change().set(number);
                    refused(place.path() + " = " + huge, body);
                    tried++;
                }
            }
        }
        assertTrue(tried > 100, "tried " + tried);
    }

    @Test
    void numbersOf32BitsAreNotCut() {
        for (String field : List.of(
                "StopTimeout", "HostConfig.OomScoreAdj", "HostConfig.BlkioWeight", "HostConfig.MemorySwappiness")) {
            Map<String, Object> body = body();
            for (Place place : places(body)) {
                if (place.path().equals(field)) {
                    place.change().set(4294967296L + 5);
                }
            }
            assertTrue(String.valueOf(refused(field, body).getMessage()).contains("out of range"));
        }
    }

    @Test
    void unicodeAndNewLinesArriveAsTheyAre() {
        String odd = "ä\u65e5\ud83d\ude00\nline=two\ttab";
        Map<String, Object> body = new LinkedHashMap<>(
                Map.of("Image", "x", "Env", List.of("A=" + odd), "Labels", Map.of(odd, odd), "Cmd", List.of(odd)));
        var config = CreateBody.parse(new Fields("", Json.parse(Json.bytes(body))));
        assertEquals(List.of("A=" + odd), config.environment());
        assertEquals(Map.of(odd, odd), config.labels());
        assertEquals(List.of(odd), config.command().orElseThrow());
    }
}
