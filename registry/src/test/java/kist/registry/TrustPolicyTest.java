package kist.registry;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kist.image.Descriptor;
import kist.image.Manifest;
import kist.image.MediaTypes;
import kist.image.Reference;
import kist.registry.RegistryException.Kind;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which images a policy accepts. */
final class TrustPolicyTest {
    @TempDir
    Path directory;

    private final FakeRegistry registry = new FakeRegistry();
    private final Client.Shared shared = new Client.Shared(new Wire(Fixtures.FAST, "kist/test"));
    private final RemoteRepository repository = Fixtures.repository(shared, registry, Credentials.NONE);
    private Manifest.Single image;

    @BeforeEach
    void makeImage() {
        image = Fixtures.image(registry, "lib/app", "1", "one");
    }

    @AfterEach
    void close() {
        shared.close();
        registry.close();
    }

    private TrustPolicy policy(String json) throws Exception {
        return TrustPolicy.load(Files.writeString(directory.resolve("policy.json"), json));
    }

    private static boolean accepts(TrustPolicy policy, String image) {
        try {
            policy.admit(Reference.parseAny(image));
            return true;
        } catch (RegistryException e) {
            assertEquals(Kind.REFUSED_BY_POLICY, e.kind());
            return false;
        }
    }

    @Test
    void no_file_accepts_anything_and_a_wrong_one_nothing() throws Exception {
        assertTrue(accepts(TrustPolicy.load(directory.resolve("none.json")), "busybox"));
        for (String wrong : new String[] {
            "",
            "{}",
            "{\"default\":[]}",
            "{\"default\":{}}",
            "{\"default\":[{\"type\":\"acceptAll\"}]}",
            "{\"default\":[{\"type\":\"reject\",\"x\":1}]}",
            "{\"default\":[{\"type\":\"reject\"}],\"transport\":{}}",
            "{\"default\":[{\"type\":\"sigstoreSigned\"}]}",
            "{\"default\":[{\"type\":\"sigstoreSigned\",\"keyPath\":\"/nonexistent\"}]}",
            "{\"default\":[{\"type\":\"sigstoreSigned\",\"keyData\":\"!\"}]}",
            "{\"default\":[{\"type\":\"sigstoreSigned\",\"fulcio\":{}}]}",
            "{\"default\":[{\"type\":\"reject\"}],\"transports\":{\"docker\":[]}}"
        }) {
            RegistryException e = assertThrows(RegistryException.class, () -> policy(wrong), wrong);
            assertEquals(Kind.REFUSED_BY_POLICY, e.kind(), wrong);
            assertTrue(e.getMessage().contains("policy.json"), e.getMessage());
        }
        RegistryException e = assertThrows(RegistryException.class, () -> TrustPolicy.load(directory));
        assertEquals(Kind.REFUSED_BY_POLICY, e.kind());
    }

    @Test
    void the_most_exact_scope_counts() throws Exception {
        String yes = "[{\"type\":\"insecureAcceptAnything\"}]";
        String no = "[{\"type\":\"reject\"}]";
        TrustPolicy policy = policy("{\"default\":" + no + ",\"transports\":{\"docker\":{" + "\"docker.io/library\":"
                + yes + ",\"docker.io/library/nginx\":" + no + ",\"docker.io/library/nginx:1\":" + yes
                + ",\"good.lan:5000\":" + yes + ",\"good.lan:5000/bad\":" + no + ",\"*.corp.lan\":" + yes
                + ",\"evil.corp.lan\":" + no + "},\"docker-archive\":{\"\":" + yes + "}}}");
        Map<String, Boolean> expected = Map.ofEntries(
                Map.entry("busybox", true),
                Map.entry("nginx", false),
                Map.entry("nginx:1", true),
                Map.entry("nginx:2", false),
                Map.entry("someone/nginx", false),
                Map.entry("good.lan:5000/a/b", true),
                Map.entry("good.lan:5000/bad", false),
                Map.entry("good.lan:5000/bad/x", false),
                Map.entry("good.lan:5000/badger", true),
                Map.entry("good.lan/a", false),
                Map.entry("a.corp.lan/x", true),
                Map.entry("b.a.corp.lan/x", true),
                Map.entry("corp.lan/x", false),
                Map.entry("evil.corp.lan/x", false),
                Map.entry("xcorp.lan/x", false));
        expected.forEach((name, accepted) -> assertEquals(accepted, accepts(policy, name), name));
        assertDoesNotThrow(() -> policy.admitArchive("docker-archive"));
        assertThrows(RegistryException.class, () -> policy.admitArchive("oci-archive"));
    }

    @Test
    void the_default_of_the_transport_goes_before_the_default_of_all() throws Exception {
        TrustPolicy policy = policy("{\"default\":[{\"type\":\"reject\"}],\"transports\":{\"docker\":{\"\":"
                + "[{\"type\":\"insecureAcceptAnything\"}]}}}");
        assertTrue(accepts(policy, "busybox"));
    }

    @Test
    void gpg_signatures_are_refused_with_the_reason() throws Exception {
        TrustPolicy policy =
                policy("{\"default\":[{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"/etc/key.gpg\"}]}");
        RegistryException e = assertThrows(RegistryException.class, () -> policy.admit(Reference.parse("busybox")));
        assertTrue(e.getMessage().contains("sigstoreSigned"), e.getMessage());
    }

    private static KeyPair key(String algorithm) throws Exception {
        return KeyPairGenerator.getInstance(algorithm).generateKeyPair();
    }

    private static String signatureAlgorithm(String algorithm) {
        return algorithm.equals("Ed25519") ? algorithm : "SHA256with" + (algorithm.equals("EC") ? "ECDSA" : algorithm);
    }

    private static byte[] payload(String name, String digest, String type) {
        return Fixtures.bytes("{\"critical\":{\"identity\":{\"docker-reference\":\"" + name
                + "\"},\"image\":{\"docker-manifest-digest\":\"" + digest + "\"},\"type\":\"" + type
                + "\"},\"optional\":null}");
    }

    /** Signs as cosign does. */
    private void sign(KeyPair key, String algorithm, String name, String digest, String at) throws Exception {
        sign(key, algorithm, payload(name, digest, "cosign container image signature"), at);
    }

    private void sign(KeyPair key, String algorithm, byte[] payload, String at) throws Exception {
        Signature signer = Signature.getInstance(signatureAlgorithm(algorithm));
        signer.initSign(key.getPrivate());
        signer.update(payload);
        Descriptor layer = new Descriptor(
                "application/vnd.dev.cosign.simplesigning.v1+json",
                registry.addBlob(payload),
                payload.length,
                Optional.empty(),
                Map.of("dev.cosignproject.cosign/signature", Base64.getEncoder().encodeToString(signer.sign())),
                "");
        byte[] config = Fixtures.bytes("{}");
        Manifest.Single manifest =
                Manifest.image(MediaTypes.OCI_MANIFEST, Descriptor.of(MediaTypes.OCI_CONFIG, config), List.of(layer));
        registry.addManifest("lib/app", at.replace(':', '-') + ".sig", MediaTypes.OCI_MANIFEST, manifest.content());
    }

    private TrustPolicy signed(KeyPair key, String identity) throws Exception {
        String pem = Certificates.pem("PUBLIC KEY", key.getPublic().getEncoded());
        String data = Base64.getEncoder().encodeToString(Fixtures.bytes(pem));
        return policy("{\"default\":[{\"type\":\"sigstoreSigned\",\"keyData\":\"" + data + "\""
                + (identity.isEmpty() ? "" : ",\"signedIdentity\":" + identity) + "}]}");
    }

    private static final String REPOSITORY = "{\"type\":\"matchRepository\"}";

    private Reference name(String suffix) {
        return Reference.parseAny(registry.authority() + "/lib/app" + suffix);
    }

    private String check(TrustPolicy policy, Reference name, String... digests) throws InterruptedException {
        try {
            Signatures.check(policy, name, List.of(digests), repository);
            return "accepted";
        } catch (RegistryException e) {
            assertEquals(Kind.REFUSED_BY_POLICY, e.kind(), e.getMessage());
            return e.getMessage();
        }
    }

    @Test
    void signatures_of_all_three_kinds_of_keys_are_verified() throws Exception {
        for (String algorithm : List.of("EC", "RSA", "Ed25519")) {
            KeyPair key = key(algorithm);
            sign(key, algorithm, registry.authority() + "/lib/app", image.digest(), image.digest());
            assertEquals("accepted", check(signed(key, REPOSITORY), name(":1"), image.digest()), algorithm);
            KeyPair wrong = key(algorithm);
            assertTrue(
                    check(signed(wrong, REPOSITORY), name(":1"), image.digest()).contains("none of the keys"));
        }
    }

    @Test
    void an_image_without_a_signature_is_refused() throws Exception {
        assertTrue(
                check(signed(key("EC"), REPOSITORY), name(":1"), image.digest()).contains("not signed"));
    }

    @Test
    void a_signature_of_another_image_or_kind_is_refused() throws Exception {
        KeyPair key = key("EC");
        String name = registry.authority() + "/lib/app";
        String other = kist.image.Digest.of(new byte[1]);
        sign(key, "EC", name, other, image.digest());
        assertTrue(check(signed(key, REPOSITORY), name(":1"), image.digest()).contains("another image"));
        sign(key, "EC", payload(name, image.digest(), "atomic container signature"), image.digest());
        assertTrue(check(signed(key, REPOSITORY), name(":1"), image.digest()).contains("another type"));
        sign(key, "EC", Fixtures.bytes("[1,2]"), image.digest());
        assertTrue(check(signed(key, REPOSITORY), name(":1"), image.digest()).contains("must be an object"));
    }

    @Test
    void a_signature_of_the_index_is_good_for_its_manifests() throws Exception {
        KeyPair key = key("EC");
        String index = kist.image.Digest.of(new byte[2]);
        sign(key, "EC", registry.authority() + "/lib/app", index, index);
        assertEquals("accepted", check(signed(key, REPOSITORY), name(":1"), index, image.digest()));
    }

    @Test
    void names_match_as_the_policy_says() throws Exception {
        KeyPair key = key("EC");
        String here = registry.authority();
        String digest = image.digest();
        record Case(String identity, String signed, String asked, boolean accepted) {}
        for (Case c : List.of(
                new Case("", here + "/lib/app:1", ":1", true),
                new Case("", here + "/lib/app:2", ":1", false),
                new Case("", here + "/lib/app", ":1", false),
                new Case("", here + "/lib/app", ":latest", false),
                new Case("", here + "/lib/app:2", "@" + digest, true),
                new Case("", here + "/lib/other:1", "@" + digest, false),
                new Case("{\"type\":\"matchExact\"}", here + "/lib/app:1", ":1", true),
                new Case("{\"type\":\"matchExact\"}", here + "/lib/app:1", "@" + digest, false),
                new Case(REPOSITORY, here + "/lib/app:7", ":1", true),
                new Case(REPOSITORY, here + "/lib/application:1", ":1", false),
                new Case("{\"type\":\"exactReference\",\"dockerReference\":\"a.lan/x:3\"}", "a.lan/x:3", ":1", true),
                new Case("{\"type\":\"exactReference\",\"dockerReference\":\"a.lan/x:3\"}", "a.lan/x:4", ":1", false),
                new Case("{\"type\":\"exactRepository\",\"dockerRepository\":\"a.lan/x\"}", "a.lan/x:9", ":1", true),
                new Case("{\"type\":\"exactRepository\",\"dockerRepository\":\"a.lan/x\"}", "a.lan/y:9", ":1", false),
                new Case(
                        "{\"type\":\"remapIdentity\",\"prefix\":\"" + here + "/lib\",\"signedPrefix\":\"a.lan/z\"}",
                        "a.lan/z/app:1",
                        ":1",
                        true),
                new Case(
                        "{\"type\":\"remapIdentity\",\"prefix\":\"" + here + "/li\",\"signedPrefix\":\"a.lan/z\"}",
                        "a.lan/zb/app:1",
                        ":1",
                        false))) {
            sign(key, "EC", c.signed, digest, digest);
            String result = check(signed(key, c.identity), name(c.asked), digest);
            assertEquals(c.accepted, result.equals("accepted"), c + ": " + result);
        }
    }
}
