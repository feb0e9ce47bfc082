package kist.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import kist.image.Manifest;
import kist.registry.FakeRegistry.Request;
import kist.registry.FakeRegistry.Response;
import kist.registry.RegistryException.Kind;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A registry that wants tokens, with the server that gives them. */
final class TokenTest {
    private final FakeRegistry registry = new FakeRegistry();
    private final FakeRegistry server = new FakeRegistry();
    private final Client.Shared shared = new Client.Shared(new Wire(Fixtures.FAST, "kist/test"));
    private final AtomicInteger issued = new AtomicInteger();
    private volatile String good = "";
    private Manifest.Single image;

    @BeforeEach
    void setUp() {
        image = Fixtures.image(registry, "lib/app", "1", "one");
        registry.handler = r -> r.header("Authorization").equals("Bearer " + good) && !good.isEmpty()
                ? Optional.empty()
                : Optional.of(Response.json(
                        401,
                        "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"authentication required\"}]}",
                        "WWW-Authenticate",
                        "Bearer realm=\"" + server.url()
                                + "/token\",service=\"the service\",scope=\"repository:lib/app:pull\""));
        server.handler = r -> Optional.of(give(r));
    }

    private Response give(Request request) {
        boolean user = request.header("Authorization").equals(Tokens.basic(Credentials.of("user", "secret")));
        boolean identity = request.value("refresh_token").equals("identity");
        boolean nobody =
                request.header("Authorization").isEmpty() && request.method().equals("GET");
        if (!user && !identity && !nobody) {
            return Response.json(401, "{\"details\":\"incorrect username or password\"}");
        }
        good = "t" + issued.incrementAndGet();
        return Response.json(200, "{\"token\":\"" + good + "\",\"expires_in\":300,\"refresh_token\":\"identity\"}");
    }

    @AfterEach
    void close() {
        shared.close();
        registry.close();
        server.close();
    }

    private RemoteRepository as(Credentials user) {
        return Fixtures.repository(shared, registry, user);
    }

    @Test
    void nobody_gets_a_token_for_what_is_public() throws Exception {
        assertEquals(image.digest(), as(Credentials.NONE).manifest("1").digest());
        Request asked = server.requests.getFirst();
        assertEquals("the service", asked.value("service"));
        assertEquals("repository:lib/app:pull", asked.value("scope"));
        assertEquals("", asked.header("Authorization"));
    }

    @Test
    void a_pull_of_what_is_there_takes_three_requests() throws Exception {
        as(Credentials.NONE).head("1");
        assertEquals(3, registry.requests.size() + server.requests.size());
    }

    @Test
    void one_connection_serves_all_that_goes_one_after_the_other() throws Exception {
        RemoteRepository repository = as(Credentials.NONE);
        repository.head("1");
        repository.manifest("1");
        repository.blob(image.config(), 1 << 20, "the configuration");
        assertEquals(1, registry.open.size());
    }

    @Test
    void a_token_is_used_until_it_expires() throws Exception {
        RemoteRepository repository = as(Credentials.of("user", "secret"));
        repository.manifest("1");
        repository.manifest("1");
        as(Credentials.of("user", "secret")).blob(image.config(), 1 << 20, "the configuration");
        assertEquals(1, issued.get());
    }

    @Test
    void a_token_of_one_user_is_not_shown_for_another() throws Exception {
        as(Credentials.of("user", "secret")).manifest("1");
        as(Credentials.NONE).manifest("1");
        assertEquals(2, issued.get());
        RegistryException e = assertThrows(
                RegistryException.class,
                () -> as(Credentials.of("user", "guess")).manifest("1"));
        assertEquals(Kind.DENIED, e.kind());
        assertTrue(e.getMessage().contains("incorrect username or password"), e.getMessage());
        assertFalse(e.getMessage().contains("guess"), e.getMessage());
    }

    @Test
    void a_token_that_is_refused_is_renewed_once() throws Exception {
        RemoteRepository repository = as(Credentials.NONE);
        repository.manifest("1");
        good = "revoked";
        repository.manifest("1");
        assertEquals(2, issued.get());
        registry.handler = r -> Optional.of(
                Response.empty(401, "WWW-Authenticate", "Bearer realm=\"" + server.url() + "/token\",service=\"x\""));
        int before = registry.requests.size();
        RegistryException e = assertThrows(RegistryException.class, () -> repository.manifest("1"));
        assertEquals(Kind.DENIED, e.kind());
        assertEquals(2, registry.requests.size() - before);
    }

    @Test
    void an_identity_token_is_posted_and_the_password_is_not() throws Exception {
        as(new Credentials("user", "", "identity", "", "")).manifest("1");
        Request asked = server.requests.getFirst();
        assertEquals("POST", asked.method());
        assertEquals("refresh_token", asked.value("grant_type"));
        assertEquals("repository:lib/app:pull", asked.value("scope"));
    }

    @Test
    void a_registry_token_is_shown_as_it_is() throws Exception {
        good = "mine";
        as(new Credentials("", "", "", "mine", "")).manifest("1");
        assertEquals(0, server.requests.size());
        good = "other";
        assertEquals(
                Kind.DENIED,
                assertThrows(
                                RegistryException.class,
                                () -> as(new Credentials("", "", "", "mine", ""))
                                        .manifest("1"))
                        .kind());
    }

    @Test
    void login_gives_the_identity_token() throws Exception {
        Client client =
                Fixtures.client(shared, registry.authority(), Fixtures.noConfig(), Credentials.of("user", "secret"));
        assertEquals("identity", client.login());
        assertEquals("true", server.requests.getFirst().value("offline_token"));
        Client wrong = Fixtures.client(shared, registry.authority(), Fixtures.noConfig(), Credentials.of("user", "x"));
        assertEquals(
                Kind.DENIED, assertThrows(RegistryException.class, wrong::login).kind());
    }

    @Test
    void a_mirror_gets_no_credentials() throws Exception {
        Endpoint mirror = new Endpoint("docker.io", registry.authority(), "", false, Tls.PLAIN, true);
        Client client = new Client(shared, mirror, Fixtures.noConfig(), Credentials.of("user", "secret"));
        new RemoteRepository(client, "lib/app", "pull").manifest("1");
        server.requests.forEach(r -> assertEquals("", r.header("Authorization")));
        assertEquals(1, issued.get());
    }

    @Test
    void token_servers_that_lie_are_refused() {
        Map<String, Response> lies = Map.of(
                "more than",
                Response.raw(200, Map.of("Content-Type", "application/json"), out -> {
                    while (true) {
                        out.write(new byte[64 << 10]);
                    }
                }),
                "JSON",
                Response.of(200, "text/html", Fixtures.bytes("<html>")),
                "without a token",
                Response.json(200, "{\"token\":\"\"}"),
                "token that can be used",
                Response.json(200, "{\"token\":\"a\\r\\nX-Evil: 1\"}"));
        lies.forEach((part, lie) -> {
            server.handler = r -> Optional.of(lie);
            RegistryException e = assertThrows(
                    RegistryException.class, () -> as(Credentials.NONE).manifest("1"));
            assertEquals(Kind.INVALID, e.kind());
            assertTrue(e.getMessage().contains(part), e.getMessage());
        });
    }

    @Test
    void the_password_does_not_follow_a_redirect_of_the_token_server() throws Exception {
        FakeRegistry thief = new FakeRegistry();
        try (thief) {
            server.handler = r -> Optional.of(Response.empty(302, "Location", thief.url() + "/token"));
            thief.handler = r -> Optional.of(give(r));
            as(Credentials.of("user", "secret")).manifest("1");
            thief.requests.forEach(r -> assertEquals("", r.header("Authorization")));
        }
    }

    @Test
    void challenges_are_read_as_the_standard_writes_them() {
        List<Challenge> read = Challenge.parse(List.of(
                "Basic realm=\"a, b\", Bearer realm=\"https://x/t\",service=s , scope=\"repository:a/b:pull,push\"",
                "Negotiate",
                "bearer realm=\"q\\\"uoted\""));
        assertEquals(4, read.size());
        assertEquals("a, b", read.get(0).parameter("realm"));
        assertEquals("bearer", read.get(1).scheme());
        assertEquals("s", read.get(1).parameter("service"));
        assertEquals("repository:a/b:pull,push", read.get(1).parameter("scope"));
        assertEquals("q\"uoted", read.get(3).parameter("realm"));
        for (String odd : List.of("", ",,,", "=", "Bearer realm=", "Bearer realm=\"", "\"", "Bearer =x", "a b c")) {
            Challenge.parse(List.of(odd));
        }
    }

    @Test
    void secrets_are_not_printed() {
        String text = new Credentials("u", "pass", "ident", "regis", "here").toString();
        assertTrue(text.contains("u") && text.contains("here"));
        assertFalse(text.contains("pass") || text.contains("ident") || text.contains("regis"), text);
    }
}
