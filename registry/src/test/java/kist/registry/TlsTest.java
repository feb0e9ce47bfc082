package kist.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.interfaces.ECPrivateKey;
import java.util.Arrays;
import java.util.Optional;
import kist.image.Manifest;
import kist.registry.FakeRegistry.Response;
import kist.registry.RegistryException.Kind;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Registries with TLS, configured in each of the ways there are. */
final class TlsTest {
    @TempDir
    static Path made;

    @TempDir
    Path directory;

    private static Certificates certificates;
    private final Client.Shared shared = new Client.Shared(new Wire(Fixtures.FAST, "kist/test"));

    @BeforeAll
    static void make() throws Exception {
        certificates = new Certificates(made);
        certificates.issue("good", "subjectAltName=IP:127.0.0.1,DNS:localhost");
        certificates.issue("elsewhere", "subjectAltName=DNS:registry.example");
        certificates.issue("client");
    }

    @AfterEach
    void close() {
        shared.close();
    }

    private void configure(FakeRegistry registry, String fields) throws Exception {
        Files.writeString(
                directory.resolve("a.json"), "{\"registry\":\"" + registry.authority() + "\"," + fields + "}");
    }

    private String pull(FakeRegistry registry) throws InterruptedException {
        RegistriesConfig configs = RegistriesConfig.load(directory, directory.resolve("certs"));
        Client client = Fixtures.client(shared, registry.authority(), configs, Credentials.NONE);
        return new RemoteRepository(client, "lib/app", "pull").manifest("1").digest();
    }

    private static FakeRegistry tls(String certificate) throws Exception {
        return new FakeRegistry(Optional.of(certificates.server(certificate)), false);
    }

    @Test
    @DisplayName("CVE-2025-6032: certificates are verified unless the registry is configured as insecure")
    void an_unknown_authority_is_refused_with_the_way_out() throws Exception {
        try (FakeRegistry registry = tls("good")) {
            RegistryException e = assertThrows(RegistryException.class, () -> pull(registry));
            assertEquals(Kind.UNAVAILABLE, e.kind());
            assertTrue(e.getMessage().contains("\"ca\""), e.getMessage());
            assertEquals(0, registry.count("GET", "/v2/lib"));
        }
    }

    @Test
    void a_private_authority_is_trusted_where_it_is_configured() throws Exception {
        try (FakeRegistry registry = tls("good")) {
            Manifest.Single image = Fixtures.image(registry, "lib/app", "1", "x");
            configure(registry, "\"ca\":\"" + certificates.path("ca.crt") + "\"");
            assertEquals(image.digest(), pull(registry));
        }
    }

    @Test
    void dockers_directory_of_certificates_counts_too() throws Exception {
        try (FakeRegistry registry = new FakeRegistry(Optional.of(certificates.server("good")), true)) {
            Manifest.Single image = Fixtures.image(registry, "lib/app", "1", "x");
            Path own = Files.createDirectories(directory.resolve("certs/" + registry.authority()));
            Files.copy(certificates.path("ca.crt"), own.resolve("ca.crt"));
            assertEquals(
                    Kind.UNAVAILABLE,
                    assertThrows(RegistryException.class, () -> pull(registry)).kind());
            Files.copy(certificates.path("client.crt"), own.resolve("client.cert"));
            Files.copy(certificates.path("client.key"), own.resolve("client.key"));
            assertEquals(image.digest(), pull(registry));
        }
    }

    @Test
    void a_certificate_for_another_name_is_refused() throws Exception {
        try (FakeRegistry registry = tls("elsewhere")) {
            configure(registry, "\"ca\":\"" + certificates.path("ca.crt") + "\"");
            assertEquals(
                    Kind.UNAVAILABLE,
                    assertThrows(RegistryException.class, () -> pull(registry)).kind());
        }
    }

    @Test
    void an_insecure_registry_may_show_any_certificate_or_none() throws Exception {
        try (FakeRegistry registry = tls("elsewhere");
                FakeRegistry plain = new FakeRegistry()) {
            Manifest.Single image = Fixtures.image(registry, "lib/app", "1", "x");
            Fixtures.image(plain, "lib/app", "1", "x");
            configure(registry, "\"insecure\":true");
            assertEquals(image.digest(), pull(registry));
            configure(plain, "\"insecure\":true");
            assertEquals(image.digest(), pull(plain));
        }
    }

    @Test
    void a_registry_with_an_authority_is_never_spoken_to_without_tls() throws Exception {
        try (FakeRegistry plain = new FakeRegistry()) {
            configure(plain, "\"ca\":\"" + certificates.path("ca.crt") + "\"");
            assertThrows(RegistryException.class, () -> pull(plain));
            assertEquals(0, plain.count("GET", "/v2"));
        }
    }

    @Test
    void a_redirect_from_https_to_http_is_refused() throws Exception {
        try (FakeRegistry registry = tls("good");
                FakeRegistry plain = new FakeRegistry()) {
            configure(registry, "\"ca\":\"" + certificates.path("ca.crt") + "\"");
            registry.handler = r -> r.target().contains("/manifests/")
                    ? Optional.of(Response.empty(307, "Location", plain.url() + "/a"))
                    : Optional.empty();
            RegistryException e = assertThrows(RegistryException.class, () -> pull(registry));
            assertEquals(Kind.INVALID, e.kind());
            assertEquals(0, plain.requests.size());
        }
    }

    @Test
    void a_token_server_without_tls_is_refused_for_a_registry_with_it() throws Exception {
        try (FakeRegistry registry = tls("good");
                FakeRegistry plain = new FakeRegistry()) {
            configure(registry, "\"ca\":\"" + certificates.path("ca.crt") + "\"");
            registry.handler = r -> Optional.of(
                    Response.empty(401, "WWW-Authenticate", "Bearer realm=\"" + plain.url() + "/t\",service=\"x\""));
            RegistryException e = assertThrows(RegistryException.class, () -> pull(registry));
            assertEquals(Kind.INVALID, e.kind());
            assertEquals(0, plain.requests.size());
        }
    }

    @Test
    void our_certificate_is_not_shown_to_the_host_of_a_redirect() throws Exception {
        try (FakeRegistry registry = new FakeRegistry(Optional.of(certificates.server("good")), true);
                FakeRegistry store = new FakeRegistry(Optional.of(certificates.server("good")), true)) {
            configure(
                    registry,
                    "\"ca\":\"" + certificates.path("ca.crt") + "\",\"clientCertificate\":\""
                            + certificates.path("client.crt") + "\",\"clientKey\":\"" + certificates.path("client.key")
                            + "\"");
            registry.handler = r -> r.target().contains("/manifests/")
                    ? Optional.of(Response.empty(307, "Location", store.url() + "/a"))
                    : Optional.empty();
            assertThrows(RegistryException.class, () -> pull(registry));
            assertEquals(0, store.requests.size());
        }
    }

    @Test
    void keys_of_all_forms_are_read() throws Exception {
        certificates.openssl("ec", "-in", "client.key").run("-out", "sec1.key");
        certificates.openssl("genrsa", "-traditional").run("-out", "pkcs1.key", "2048");
        assertTrue(Files.readString(made.resolve("sec1.key")).contains("BEGIN EC PRIVATE KEY"));
        assertTrue(Files.readString(made.resolve("pkcs1.key")).contains("BEGIN RSA PRIVATE KEY"));
        assertEquals(
                ((ECPrivateKey) certificates.key("client")).getS(), ((ECPrivateKey) certificates.key("sec1")).getS());
        assertEquals("RSA", certificates.key("pkcs1").getAlgorithm());
        byte[] pkcs8 = certificates.key("pkcs1").getEncoded();
        byte[] pkcs1 = Arrays.copyOfRange(pkcs8, 26, pkcs8.length);
        assertThrows(GeneralSecurityException.class, () -> Pem.privateKey("nothing"));
        assertThrows(
                GeneralSecurityException.class, () -> Pem.privateKey(Certificates.pem("ENCRYPTED PRIVATE KEY", pkcs8)));
        for (int n = 0; n < 60; n++) {
            byte[] cut = Arrays.copyOf(pkcs1, n);
            assertThrows(GeneralSecurityException.class, () -> Pem.privateKey(Certificates.pem("EC PRIVATE KEY", cut)));
        }
    }

    @Test
    void a_configuration_that_is_wrong_names_its_file() throws Exception {
        for (String wrong : new String[] {
            "{",
            "[]",
            "{\"registry\":\"a/b\"}",
            "{\"registry\":\"x.y\",\"blockd\":true}",
            "{\"registry\":5}",
            "{\"registry\":\"x.y\",\"ca\":\"/nonexistent\"}",
            "{\"registry\":\"x.y\",\"clientKey\":\"k\"}",
            "{\"registry\":\"x.y\",\"mirrors\":[{\"location\":\"http://m\"}]}"
        }) {
            Files.writeString(directory.resolve("a.json"), wrong);
            RegistryException e =
                    assertThrows(RegistryException.class, () -> RegistriesConfig.load(directory, Fixtures.NOWHERE));
            assertEquals(Kind.INVALID, e.kind());
            assertTrue(e.getMessage().contains("a.json") || e.getMessage().contains("/nonexistent"), e.getMessage());
        }
        Files.writeString(directory.resolve("a.json"), "{\"registry\":\"x.y\"}");
        Files.writeString(directory.resolve("b.json"), "{\"registry\":\"x.y\"}");
        assertThrows(RegistryException.class, () -> RegistriesConfig.load(directory, Fixtures.NOWHERE));
    }

    @Test
    void proxies_of_the_environment_are_used_but_not_for_this_machine() {
        Proxies proxies = Proxies.fromEnvironment(
                java.util.Map.of("HTTPS_PROXY", "http://proxy.lan:3128", "no_proxy", "corp.lan,.inner.lan"));
        assertEquals("[proxy.lan", select(proxies, "https://registry.example/"));
        for (String direct : new String[] {
            "https://127.0.0.1:5000/",
            "https://localhost/",
            "https://corp.lan/",
            "https://a.corp.lan/",
            "https://a.inner.lan/",
            "http://registry.example/"
        }) {
            assertEquals("[DIRECT]", select(proxies, direct), direct);
        }
    }

    private static String select(Proxies proxies, String uri) {
        String text = proxies.select(java.net.URI.create(uri)).toString();
        return text.contains("proxy.lan") ? "[proxy.lan" : text;
    }

    @Test
    void the_hub_is_asked_where_it_is_and_mirrors_before_it() throws Exception {
        Files.writeString(
                directory.resolve("hub.json"),
                "{\"registry\":\"docker.io\",\"mirrors\":[{\"location\":\"m.lan:5000/hub\",\"insecure\":true}]}");
        RegistriesConfig configs = RegistriesConfig.load(directory, Fixtures.NOWHERE);
        var sources = Endpoint.sources(configs.of("docker.io"), configs);
        assertEquals("m.lan:5000", sources.getFirst().authority());
        assertEquals("hub/", sources.getFirst().prefix());
        assertTrue(sources.getFirst().mirror() && sources.getFirst().insecure());
        assertEquals("registry-1.docker.io", sources.getLast().authority());
        assertEquals("docker.io", Registries.registry("https://index.docker.io/v1/"));
        assertEquals("docker.io", Registries.registry(""));
        assertEquals("r.lan:5000", Registries.registry("https://r.lan:5000/v2/"));
        assertThrows(RegistryException.class, () -> Registries.registry("a b"));
    }
}
