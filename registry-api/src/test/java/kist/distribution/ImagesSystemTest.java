package kist.distribution;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import kist.distribution.Web.Answer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** With images, what the engine has can be pulled by its familiar name, and nothing of it can be changed. */
@Timeout(120)
class ImagesSystemTest {
    private Path directory;
    private Served served;
    private Web web;

    @BeforeEach
    void open() throws Exception {
        directory = Files.createTempDirectory("kist-images");
        Files.createDirectories(directory.resolve("tree/etc"));
        Files.write(directory.resolve("tree/data"), Conformance.random(400_000));
        Files.writeString(directory.resolve("tree/etc/motd"), "hello\n");
        Tool.good(directory, "umoci init --layout layout");
        Tool.good(directory, "umoci new --image layout:t");
        Tool.good(directory, "umoci insert --image layout:t tree /");
        Tool.good(directory, "skopeo copy -q oci:layout:t docker-archive:image.tar:example/image:1");
        served = new Served(
                Files.createDirectories(directory.resolve("state")),
                false,
                new DistributionOptions(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        Optional.empty(),
                        Optional.empty(),
                        Anonymous.DEFAULT,
                        true));
        web = new Web(served.address());
        try (InputStream archive = Files.newInputStream(directory.resolve("image.tar"))) {
            served.store.load(archive);
        }
        served.store.tag("example/image:1", "plain:latest");
    }

    @AfterEach
    void close() throws Exception {
        served.close();
        Tool.good(directory, "rm -rf --one-file-system " + directory);
    }

    @Test
    void anImageIsPulledByItsFamiliarNameAndByThatOfTheLibrary() throws Exception {
        for (String name : List.of("example/image:1", "plain", "library/plain:latest")) {
            Tool.good(directory, "rm -rf back");
            Tool.good(
                    directory,
                    "skopeo copy -q --src-tls-verify=false docker://" + served.address() + "/" + name + " oci:back:t");
            Tool.good(directory, "umoci unpack --image back:t bundle");
            assertArrayEquals(
                    Files.readAllBytes(directory.resolve("tree/data")),
                    Files.readAllBytes(directory.resolve("bundle/rootfs/data")));
            Tool.good(directory, "rm -rf bundle");
        }
        assertEquals("{\"repositories\":[\"example/image\",\"plain\"]}", web.get("/v2/_catalog").text());
        assertEquals("{\"name\":\"plain\",\"tags\":[\"latest\"]}", web.get("/v2/plain/tags/list").text());
        assertEquals(404, web.get("/v2/other/tags/list").status());
        assertEquals(404, web.get("/v2/plain/manifests/none").status());
    }

    @Test
    void whatWasPushedComesBeforeTheImageOfTheSameName() throws Exception {
        String own = web.get("/v2/plain/manifests/latest").header("Docker-Content-Digest");
        Tool.good(directory, "umoci insert --image layout:t tree/etc /other");
        Tool.good(
                directory,
                "skopeo copy -q --dest-tls-verify=false oci:layout:t docker://" + served.address() + "/plain:latest");
        String pushed = web.get("/v2/plain/manifests/latest").header("Docker-Content-Digest");
        assertFalse(own.equals(pushed));
        assertEquals(200, web.get("/v2/plain/manifests/" + own).status(), "by its digest the image is there yet");
        assertEquals("{\"name\":\"plain\",\"tags\":[\"latest\"]}", web.get("/v2/plain/tags/list").text());
        Answer deleted = web.send("DELETE", "/v2/plain/manifests/latest", new byte[0]);
        assertEquals(202, deleted.status(), deleted.text());
        assertEquals(
                own, web.get("/v2/plain/manifests/latest").header("Docker-Content-Digest"), "and comes to light again");
    }

    @Test
    void nothingOfTheEnginesImagesCanBeDeleted() throws Exception {
        Answer manifest = web.get("/v2/example/image/manifests/1");
        String digest = manifest.header("Docker-Content-Digest");
        for (String path : List.of("manifests/1", "manifests/" + digest)) {
            assertEquals(
                    404,
                    web.send("DELETE", "/v2/example/image/" + path, new byte[0]).status());
        }
        String text = manifest.text();
        String config = text.substring(text.indexOf("sha256:"), text.indexOf("sha256:") + 71);
        assertEquals(200, web.get("/v2/example/image/blobs/" + config).status());
        assertEquals(
                404,
                web.send("DELETE", "/v2/example/image/blobs/" + config, new byte[0])
                        .status());
        assertEquals(404, web.get("/v2/other/blobs/" + config).status());
        assertTrue(served.store.find("example/image:1").isPresent());
    }

    @Test
    void withoutTheOptionNothingOfThemIsSeen() throws IOException, InterruptedException {
        Path state = directory.resolve("state");
        served.close();
        served = new Served(state, false, DistributionOptions.LOCAL);
        web = new Web(served.address());
        assertEquals("{\"repositories\":[]}", web.get("/v2/_catalog").text());
        assertEquals(404, web.get("/v2/example/image/manifests/1").status());
        assertEquals(404, web.get("/v2/example/image/tags/list").status());
    }
}
