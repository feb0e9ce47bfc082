package kist.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import kist.config.Settings;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageCommandsTest {
    private static final String PULL = """
            {"status":"Pulling from library/x","id":"1"}
            {"status":"Pulling fs layer","progressDetail":{},"id":"aaa"}
            {"status":"Downloading","progressDetail":{"current":500000,"total":1000000},"progress":"[==>  ]","id":"aaa"}
            {"status":"Downloading","progressDetail":{"current":700000,"total":1000000},"progress":"[==>  ]","id":"aaa"}
            {"status":"Download complete","progressDetail":{},"id":"aaa"}
            {"status":"Pull complete","progressDetail":{},"id":"aaa"}
            {"status":"Digest: sha256:dd"}
            {"status":"Status: Downloaded newer image for x:1"}
            """;

    @TempDir
    Path directory;

    private FakeEngine engine;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private String input = "";
    private String terminals = "";

    @BeforeEach
    void open() throws IOException {
        engine = new FakeEngine(directory.resolve("s"));
    }

    @AfterEach
    void close() throws IOException {
        engine.close();
    }

    private int kist(String... command) throws IOException {
        var context = new Context(
                Settings.of(directory, directory, "unix://" + directory.resolve("s")),
                new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
                out,
                err,
                Map.of("DOCKER_CONFIG", directory.resolve("d").toString()),
                "",
                terminals);
        return Main.guarded(context, List.of(command));
    }

    private String out() {
        return out.toString(StandardCharsets.UTF_8);
    }

    private String err() {
        return err.toString(StandardCharsets.UTF_8);
    }

    private void config(String json) throws IOException {
        Files.createDirectories(directory.resolve("d"));
        Files.writeString(directory.resolve("d/config.json"), json);
    }

    private static String base64(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void pull_prints_each_change_of_state_once_where_there_is_no_terminal() throws IOException {
        engine.on("POST /images/create", 200, PULL);
        assertEquals(0, kist("pull", "x:1"));
        assertEquals("""
                1: Pulling from library/x
                aaa: Pulling fs layer
                aaa: Download complete
                aaa: Pull complete
                Digest: sha256:dd
                Status: Downloaded newer image for x:1
                docker.io/library/x:1
                """, out());
        assertEquals("POST /images/create?fromImage=x&tag=1", engine.requests.getFirst());
        assertEquals("{}", engine.credentials.getFirst());
    }

    @Test
    void pull_on_a_terminal_redraws_lines_in_place() throws IOException {
        terminals = "1";
        engine.on("POST /images/create", 200, PULL);
        assertEquals(0, kist("pull", "--platform=linux/arm64", "x:1"));
        assertTrue(out().contains("aaa: Downloading    500kB/1MB\033[K\n"), out());
        assertTrue(out().contains("\033[1A\raaa: Pull complete\033[K\n\033[JDigest: sha256:dd\n"), out());
        assertEquals("POST /images/create?fromImage=x&tag=1&platform=linux%2Farm64", engine.requests.getFirst());
    }

    @Test
    void quiet_pull_prints_only_the_name_and_all_tags_wants_none() throws IOException {
        engine.on("POST /images/create", 200, PULL);
        assertEquals(0, kist("pull", "-q", "r.example:5000/a/b@sha256:ff"));
        assertEquals("r.example:5000/a/b@sha256:ff\n", out());
        assertEquals(
                "POST /images/create?fromImage=r.example%3A5000%2Fa%2Fb&tag=sha256%3Aff", engine.requests.getFirst());
        assertEquals(1, kist("pull", "-a", "x:1"));
        assertEquals("kist: tag can't be used with --all-tags/-a\n", err());
        assertEquals(0, kist("image", "pull", "-a", "x"));
        assertEquals("POST /images/create?fromImage=x", engine.requests.getLast());
    }

    @Test
    void an_error_within_a_pull_is_the_commands() throws IOException {
        engine.on(
                "POST /images/create",
                200,
                "{\"status\":\"Pulling from x\",\"id\":\"1\"}\r\n{\"errorDetail\":{\"message\":\"no space\"},\"error\":\"no space\"}\r\n");
        assertEquals(1, kist("pull", "x:1"));
        assertEquals("kist: no space\n", err());
    }

    @Test
    void run_pulls_what_is_missing_and_asks_again() throws IOException {
        var asked = new int[1];
        engine.on("POST /containers/create", exchange -> {
                    if (asked[0]++ == 0) {
                        exchange.answer(404, "{\"message\":\"No such image: x:latest\"}");
                    } else {
                        exchange.answer(201, "{\"Id\":\"c1\"}");
                    }
                })
                .on("POST /images/create", 200, PULL)
                .on("POST /containers/c1/start", 204, "");
        assertEquals(0, kist("run", "-d", "--platform=linux/amd64", "x"));
        assertEquals("c1\n", out());
        assertTrue(err().startsWith("Unable to find image 'x:latest' locally\n1: Pulling from library/x\n"), err());
        assertEquals(
                List.of(
                        "POST /containers/create?platform=linux%2Famd64",
                        "POST /images/create?fromImage=x&tag=latest&platform=linux%2Famd64",
                        "POST /containers/create?platform=linux%2Famd64",
                        "POST /containers/c1/start"),
                engine.requests);
    }

    @Test
    void push_sends_the_credentials_of_the_registry() throws IOException {
        config("{\"auths\":{\"https://r.example/v2/\":{\"auth\":\"" + base64("me:se:cret") + "\"}}}");
        engine.on("POST /images/", 200, """
                {"status":"The push refers to repository [r.example/a]"}
                {"status":"Pushed","progressDetail":{},"id":"abc"}
                {"status":"1: digest: sha256:ff size: 5"}
                {"progressDetail":{},"aux":{"Tag":"1","Digest":"sha256:ff","Size":5}}
                """);
        assertEquals(0, kist("push", "r.example/a:1"));
        assertEquals("The push refers to repository [r.example/a]\nabc: Pushed\n1: digest: sha256:ff size: 5\n", out());
        assertEquals("POST /images/r.example%2Fa/push?tag=1", engine.requests.getFirst());
        var login = Doc.parse(engine.credentials.getFirst());
        assertEquals("me", login.text("username"));
        assertEquals("se:cret", login.text("password"));
        assertEquals("r.example", login.text("serveraddress"));
    }

    @Test
    void login_keeps_what_the_registry_accepted_and_logout_forgets_it() throws IOException {
        config("{\"psFormat\":\"x\",\"auths\":{\"other\":{\"auth\":\"b3RoZXI6eA==\"}}}");
        engine.on("POST /auth", 200, "{\"Status\":\"Login Succeeded\",\"IdentityToken\":\"\"}");
        input = "secret\n";
        assertEquals(0, kist("login", "-u", "me", "--password-stdin", "r.example:5000"));
        assertEquals("Login Succeeded\n", out());
        assertTrue(err().contains("stored unencrypted"), err());
        assertEquals("secret", Doc.parse(engine.bodies.getFirst()).text("password"));
        var file = directory.resolve("d/config.json");
        var stored = Doc.parse(Files.readString(file));
        assertEquals(
                base64("me:secret"), stored.at("auths").at("r.example:5000").text("auth"));
        assertEquals("b3RoZXI6eA==", stored.text("auths", "other", "auth"));
        assertEquals("x", stored.text("psFormat"));
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
        assertEquals(0, kist("logout", "r.example:5000"));
        assertFalse(Doc.parse(Files.readString(file))
                .at("auths")
                .at("r.example:5000")
                .present());
        assertTrue(Doc.parse(Files.readString(file)).at("auths", "other").present());
        assertEquals(0, kist("logout"));
        assertTrue(out().endsWith("Not logged in to https://index.docker.io/v1/\n"), out());
    }

    @Test
    void a_refused_login_is_not_kept() throws IOException {
        engine.on("POST /auth", 401, "{\"message\":\"unauthorized: incorrect username or password\"}");
        input = "wrong";
        assertEquals(1, kist("login", "-u", "me", "--password-stdin"));
        assertFalse(Files.exists(directory.resolve("d/config.json")));
        assertEquals("Error response from engine: unauthorized: incorrect username or password\n", err());
        assertEquals(1, kist("login"));
        assertTrue(err().contains("Cannot perform an interactive login from a non TTY device"), err());
        assertFalse((out() + err()).contains("wrong"), "the password shows");
    }

    @Test
    void save_writes_the_file_when_it_is_whole() throws IOException {
        engine.on("GET /images/get", 200, "tar").on("GET /containers/c/export", exchange -> {
            exchange.raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
            exchange.channel().close();
        });
        var file = directory.resolve("f.tar");
        assertEquals(0, kist("save", "-o", file.toString(), "a/b:1", "c"));
        assertEquals("tar", Files.readString(file));
        assertEquals("GET /images/get?names=a%2Fb%3A1&names=c", engine.requests.getFirst());
        assertEquals(1, kist("export", "-o", directory.resolve("g.tar").toString(), "c"));
        assertFalse(Files.exists(directory.resolve("g.tar")));
        try (var left = Files.list(directory)) {
            assertTrue(left.noneMatch(p -> p.getFileName().toString().endsWith(".tmp")));
        }
        assertEquals(1, kist("save", "-o", "/nonexistent/f.tar", "c"));
        terminals = "1";
        assertEquals(1, kist("save", "c"));
        assertTrue(err().contains("cowardly refusing"), err());
    }

    @Test
    void commit_says_author_changes_and_whether_to_pause() throws IOException {
        engine.on("POST /commit", 201, "{\"Id\":\"sha256:1\"}");
        assertEquals(0, kist("commit", "-a", "me", "-m", "why", "-c", "CMD a", "-p=false", "c", "h:5000/x:1"));
        assertEquals("sha256:1\n", out());
        assertEquals(
                "POST /commit?container=c&repo=h%3A5000%2Fx&tag=1&author=me&comment=why&pause=0&changes=CMD%20a",
                engine.requests.getFirst());
    }

    @Test
    void images_with_digests_has_a_row_for_each_name_and_digest() throws IOException {
        engine.on("GET /images/json", 200, """
                [{"Id":"sha256:0123456789abcdef","RepoTags":["a:1","a:2"],"RepoDigests":["a@sha256:d1","b@sha256:d2"],"Created":1,"Size":5},
                 {"Id":"sha256:1123456789abcdef","RepoTags":[],"RepoDigests":[],"Created":1,"Size":5}]""");
        assertEquals(0, kist("images", "--digests", "--format", "{{.Repository}} {{.Tag}} {{.Digest}}"));
        assertEquals("a 1 sha256:d1\na 2 sha256:d1\nb <none> sha256:d2\n<none> <none> <none>\n", out());
        out.reset();
        assertEquals(0, kist("images", "--format", "{{.Repository}} {{.Tag}}"));
        assertEquals("a 1\na 2\nb <none>\n<none> <none>\n", out());
    }

    @Test
    void prune_asks_first() throws IOException {
        engine.on(
                "POST /images/prune",
                200,
                "{\"ImagesDeleted\":[{\"Untagged\":\"a:1\"},{\"Deleted\":\"sha256:1\"}],\"SpaceReclaimed\":2000}");
        input = "n\n";
        assertEquals(1, kist("image", "prune"));
        assertTrue(engine.requests.isEmpty());
        input = "y\n";
        assertEquals(0, kist("image", "prune", "-a"));
        assertTrue(
                out().endsWith("Deleted Images:\nuntagged: a:1\ndeleted: sha256:1\n\nTotal reclaimed space: 2kB\n"),
                out());
        assertEquals("POST /images/prune?filters=%7B%22dangling%22%3A%5B%22false%22%5D%7D", engine.requests.getFirst());
    }

    @Test
    void differences_are_one_a_line() throws IOException {
        engine.on(
                        "GET /containers/c/changes",
                        200,
                        "[{\"Path\":\"/a\",\"Kind\":0},{\"Path\":\"/b\",\"Kind\":1},{\"Path\":\"/c\",\"Kind\":2}]")
                .on(
                        "GET /kist/images/diff",
                        200,
                        "{\"Kind\":0,\"Path\":\"/a\",\"Details\":{\"mode\":{\"From\":\"0644\",\"To\":\"0755\"}}}\n");
        assertEquals(0, kist("diff", "c"));
        assertEquals("C /a\nA /b\nD /c\n", out());
        out.reset();
        assertEquals(0, kist("image", "diff", "x", "y"));
        assertEquals("C /a  (mode 0644 -> 0755)\n", out());
        assertEquals("GET /kist/images/diff?from=x&to=y", engine.requests.getLast());
    }

    @Test
    void manifest_inspect_shows_what_the_registry_has() throws IOException {
        engine.on(
                "GET /kist/images/manifest",
                exchange -> exchange.raw(
                        "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.oci.image.manifest.v1+json\r\n"
                                + "Docker-Content-Digest: sha256:ff\r\nContent-Length: 19\r\n\r\n{\"schemaVersion\":2}"));
        assertEquals(0, kist("manifest", "inspect", "x"));
        assertEquals("{\n    \"schemaVersion\": 2\n}\n", out());
        assertEquals("GET /kist/images/manifest?name=docker.io%2Flibrary%2Fx%3Alatest", engine.requests.getFirst());
        out.reset();
        assertEquals(0, kist("manifest", "inspect", "-v", "x"));
        assertEquals("sha256:ff", Doc.parse(out()).text("Descriptor", "digest"));
        assertEquals(1, kist("manifest", "push", "x"));
    }

    @Test
    void a_registry_is_served_until_the_engine_closes_it() throws IOException {
        engine.on("POST /kist/registry/serve", 200, "{\"Address\":\"http://127.0.0.1:5000\"}\n");
        assertEquals(1, kist("registry", "serve", "--images", "--htpasswd", "/h"));
        assertEquals("The registry is at http://127.0.0.1:5000; it closes with this command\n", out());
        var body = Doc.parse(engine.bodies.getFirst());
        assertEquals("127.0.0.1:5000", body.text("Listen"));
        assertEquals("/h", body.text("Htpasswd"));
        assertTrue(body.flag("Images"));
        assertEquals(125, kist("registry", "serve", "--tls-cert", "x"));
    }

    @Test
    void system_df_adds_up() throws IOException {
        engine.on("GET /system/df", 200, """
                {"LayersSize":1000,"Images":[{"Id":"sha256:1","RepoTags":["a:1"],"Size":800,"SharedSize":200,"Containers":1},
                {"Id":"sha256:2","RepoTags":[],"Size":400,"SharedSize":200,"Containers":0}],
                "Containers":[{"Id":"c","State":"running","SizeRw":10},{"Id":"d","State":"exited","SizeRw":30}],
                "Volumes":[],"BuildCache":[]}""");
        assertEquals(
                0,
                kist("system", "df", "--format", "{{.Type}}|{{.TotalCount}}|{{.Active}}|{{.Size}}|{{.Reclaimable}}"));
        assertEquals("""
                Images|2|1|1kB|400B (40%)
                Containers|2|1|40B|30B (75%)
                Local Volumes|0|0|0B|0B
                Build Cache|0|0|0B|0B
                """, out());
        assertEquals(0, kist("system", "df", "-v"));
        assertTrue(out().contains("Images space usage:"), out());
    }

    @Test
    void search_prints_dockers_columns() throws IOException {
        engine.on(
                "GET /images/search",
                200,
                "[{\"name\":\"a\",\"description\":\"d\",\"star_count\":3,\"is_official\":true}]");
        assertEquals(0, kist("search", "--limit", "5", "-f", "stars=2", "a"));
        assertEquals("NAME      DESCRIPTION   STARS     OFFICIAL\na         d             3         [OK]\n", out());
    }
}
