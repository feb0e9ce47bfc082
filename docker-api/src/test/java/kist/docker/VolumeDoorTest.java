package kist.docker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Volumes and files of containers over a real Unix socket. */
@Timeout(30)
class VolumeDoorTest extends OpenDoor {
    private String ask(String method, String path, String body) throws IOException {
        try (RawClient client = new RawClient(socket)) {
            byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
            client.say(method + " " + path + " HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Length: "
                    + bytes.length + "\r\n\r\n");
            client.say(bytes);
            return client.rest();
        }
    }

    private static String filters(String json) {
        return "filters=" + URLEncoder.encode(json, StandardCharsets.UTF_8);
    }

    private static void has(String answer, String... parts) {
        for (String part : parts) {
            assertTrue(answer.contains(part), part + " is not in " + answer);
        }
    }

    @Test
    void volumes_are_made_shown_and_removed() throws Exception {
        String made = ask(
                "POST",
                "/v1.41/volumes/create",
                "{\"Name\":\"v1\",\"Labels\":{\"a\":\"b\"},\"DriverOpts\":{\"type\":\"tmpfs\",\"device\":\"t\"}}");
        has(made, " 201 ", "\"Name\":\"v1\"", "\"CreatedAt\":\"2023-11-14T22:13:20Z\"", "\"Scope\":\"local\"");
        has(made, "\"Mountpoint\":\"/v/v1\"", "\"Labels\":{\"a\":\"b\"}", "\"Driver\":\"local\"");
        has(ask("POST", "/volumes/create", "{}"), " 201 ", "\"Options\":null", "\"Labels\":null");
        has(ask("GET", "/v1.41/volumes", ""), "\"Name\":\"v1\"", "\"Name\":\"made-up\"", "\"Warnings\":null");
        has(ask("GET", "/volumes/v1", ""), " 200 ");
        has(ask("GET", "/volumes/nope", ""), " 404 ", "get nope: no such volume");
        has(ask("DELETE", "/volumes/nope", ""), " 404 ");
        has(ask("DELETE", "/volumes/nope?force=1", ""), " 204 ");
        has(ask("DELETE", "/volumes/v1", ""), " 204 ");
        has(ask("PUT", "/volumes/v1", "{}"), " 501 ");
        has(ask("POST", "/volumes/create", "{\"Name\":3}"), " 400 ");
        has(ask("POST", "/volumes/create", "{\"Nonsense\":3}"), " 400 ", "Nonsense");
        has(ask("POST", "/volumes/create", "{\"ClusterVolumeSpec\":{\"Group\":\"g\"}}"), "ClusterVolumeSpec");
    }

    @Test
    void lists_are_filtered() throws Exception {
        ask("POST", "/volumes/create", "{\"Name\":\"used1\",\"Labels\":{\"k\":\"v\"}}");
        ask("POST", "/volumes/create", "{\"Name\":\"free1\"}");
        String free = ask("GET", "/volumes?" + filters("{\"dangling\":[\"true\"]}"), "");
        has(free, "free1");
        assertFalse(free.contains("used1"));
        String labelled = ask("GET", "/volumes?" + filters("{\"label\":[\"k=v\"],\"driver\":[\"local\"]}"), "");
        has(labelled, "used1");
        assertFalse(labelled.contains("free1"));
        assertFalse(ask("GET", "/volumes?" + filters("{\"driver\":[\"other\"]}"), "")
                .contains("used1"));
        has(ask("GET", "/volumes?" + filters("{\"name\":[\"^us\"]}"), ""), "used1");
        has(ask("GET", "/volumes?" + filters("{\"nonsense\":[\"x\"]}"), ""), " 400 ", "nonsense");
        has(ask("GET", "/volumes?" + filters("{\"dangling\":[\"maybe\"]}"), ""), " 400 ");
    }

    @Test
    void pruning_spares_names_from_version_1_42_on() throws Exception {
        ask("POST", "/volumes/create", "{\"Name\":\"named\"}");
        has(ask("POST", "/v1.42/volumes/prune", ""), "\"VolumesDeleted\":[]", "\"SpaceReclaimed\":7");
        has(ask("POST", "/v1.41/volumes/prune?" + filters("{\"all\":[\"true\"]}"), ""), " 400 ");
        has(ask("POST", "/v1.42/volumes/prune?" + filters("{\"all\":[\"false\"]}"), ""), "\"VolumesDeleted\":[]");
        has(ask("POST", "/v1.42/volumes/prune?" + filters("{\"all\":[\"true\"]}"), ""), "named");
        ask("POST", "/volumes/create", "{\"Name\":\"named\"}");
        has(ask("POST", "/v1.41/volumes/prune", ""), "named");
    }

    @Test
    void the_use_of_the_disk_counts_volumes() throws Exception {
        ask("POST", "/volumes/create", "{\"Name\":\"used1\"}");
        ask("POST", "/volumes/create", "{\"Name\":\"m\",\"DriverOpts\":{\"type\":\"tmpfs\",\"device\":\"t\"}}");
        String old = ask("GET", "/v1.41/system/df?type=volume", "");
        has(old, "\"RefCount\":1", "\"Size\":100", "\"Size\":-1");
        has(ask("GET", "/v1.52/system/df?type=volume", ""), "\"ActiveCount\":1", "\"TotalSize\":100");
    }

    @Test
    void the_head_says_what_a_path_is() throws Exception {
        String head = ask("HEAD", "/containers/c/archive?path=/dir", "");
        has(head, " 200 ", "X-Docker-Container-Path-Stat: ");
        String field = head.lines()
                .filter(l -> l.startsWith("X-Docker-Container-Path-Stat"))
                .findFirst()
                .orElseThrow()
                .split(" ")[1];
        assertEquals(
                "{\"name\":\"dir\",\"size\":4096,\"mode\":2148532717,\"mtime\":\"2023-11-14T22:13:20.000000005Z\","
                        + "\"linkTarget\":\"\"}",
                new String(Base64.getDecoder().decode(field), StandardCharsets.UTF_8));
        has(ask("HEAD", "/containers/c/archive?path=/nope", ""), " 404 ");
        has(ask("HEAD", "/containers/c/archive", ""), " 400 ");
        assertEquals(1L << 31 | 1L << 20 | 0755, PathRoutes.mode(0041755));
        assertEquals(1L << 27 | 0777, PathRoutes.mode(0120777));
        assertEquals(1L << 26 | 1L << 21 | 0620, PathRoutes.mode(0020620));
        assertEquals(1L << 23 | 0755, PathRoutes.mode(0104755));
    }

    @Test
    void files_go_out_and_in() throws Exception {
        String out = ask("GET", "/containers/c/archive?path=/dir", "");
        has(out, " 200 ", "application/x-tar", "X-Docker-Container-Path-Stat: ", "tar of /dir");
        has(ask("GET", "/containers/c/archive?path=/nope", ""), " 404 ", "Could not find the file /nope");
        String broken = ask("GET", "/containers/c/archive?path=/broken", "");
        assertFalse(broken.endsWith("0\r\n\r\n"), "a cut archive must not look whole");
        has(ask("PUT", "/containers/c/archive?path=/d&noOverwriteDirNonDir=1&copyUIDGID=true", "the tar"), " 200 ");
        assertEquals("/d true true the tar", engine.volumes.written);
        has(ask("PUT", "/containers/c/archive?path=/d&noOverwriteDirNonDir=false", "x"), " 200 ");
        assertEquals("/d false false x", engine.volumes.written);
        has(ask("PUT", "/containers/c/archive?path=/ro", "x"), " 403 ", "read-only");
        has(ask("PUT", "/containers/c/archive", "x"), " 400 ", "path cannot be empty");
        has(ask("POST", "/containers/c/archive?path=/d", "x"), " 404 ");
    }
}
