package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A policy file says whose images may come in: what it does not allow is refused before a byte of a layer is fetched. */
class TrustTest {
    @RegisterExtension
    static final KistEngine engine = new KistEngine(Map.of("KIST_POLICY_FILE", "HOME/policy.json"));

    private static final String OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";

    private final ScriptedRegistry registry = new ScriptedRegistry();
    private final byte[] layer = Images.tar(Images::busybox);
    private final KeyPair key = key();
    private String digest = "";

    private static KeyPair key() {
        try {
            var generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec("secp256r1"));
            return generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    @BeforeEach
    void offer() throws IOException {
        digest = ScriptedRegistry.digest(registry.offer("team/app", "v1", List.of(layer)));
        Files.writeString(
                engine.home().resolve("key.pub"),
                "-----BEGIN PUBLIC KEY-----\n"
                        + Base64.getMimeEncoder().encodeToString(key.getPublic().getEncoded())
                        + "\n-----END PUBLIC KEY-----\n");
        policy(Map.of(
                "default",
                List.of(Map.of("type", "reject")),
                "transports",
                Map.of(
                        "docker",
                        Map.of(
                                registry.name("team"),
                                List.of(Map.of(
                                        "type",
                                        "sigstoreSigned",
                                        "keyPath",
                                        engine.home() + "/key.pub",
                                        "signedIdentity",
                                        Map.of("type", "matchRepository"))),
                                registry.name("open/app"),
                                List.of(Map.of("type", "insecureAcceptAnything"))))));
    }

    @AfterEach
    void close() throws IOException {
        engine.removeContainers();
        for (var name : List.of("team/app:v1", "open/app:v1", "other/app:v1")) {
            engine.api().delete("/images/" + registry.name(name) + "?force=1");
        }
        registry.close();
        Files.deleteIfExists(engine.home().resolve("policy.json"));
    }

    private static Path policy(Map<String, Object> policy) throws IOException {
        return Files.writeString(engine.home().resolve("policy.json"), Json.write(policy));
    }

    /** Puts a signature as cosign does, beside the image that it is for. */
    private void sign(KeyPair by, String identity, String signed) {
        sign(by, identity, signed, digest.replace(':', '-') + ".sig");
    }

    private byte[] sign(KeyPair by, String identity, String signed, String tag) {
        var payload = Json.write(Map.of(
                        "critical",
                        Map.of(
                                "identity",
                                Map.of("docker-reference", identity),
                                "image",
                                Map.of("docker-manifest-digest", signed),
                                "type",
                                "cosign container image signature"),
                        "optional",
                        Map.of()))
                .getBytes(StandardCharsets.UTF_8);
        byte[] signature;
        try {
            var signer = Signature.getInstance("SHA256withECDSA");
            signer.initSign(by.getPrivate());
            signer.update(payload);
            signature = signer.sign();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
        var config = "{}".getBytes(StandardCharsets.UTF_8);
        var manifest = Json.write(Map.of(
                        "schemaVersion",
                        2,
                        "mediaType",
                        OCI_MANIFEST,
                        "config",
                        Map.of(
                                "mediaType",
                                "application/vnd.oci.image.config.v1+json",
                                "size",
                                config.length,
                                "digest",
                                ScriptedRegistry.digest(config)),
                        "layers",
                        List.of(Map.of(
                                "mediaType",
                                "application/vnd.dev.cosign.simplesigning.v1+json",
                                "size",
                                payload.length,
                                "digest",
                                ScriptedRegistry.digest(payload),
                                "annotations",
                                Map.of(
                                        "dev.cosignproject.cosign/signature",
                                        Base64.getEncoder().encodeToString(signature))))))
                .getBytes(StandardCharsets.UTF_8);
        registry.put("/v2/team/app/blobs/" + ScriptedRegistry.digest(config), "application/octet-stream", config);
        registry.put("/v2/team/app/blobs/" + ScriptedRegistry.digest(payload), "application/octet-stream", payload);
        registry.putManifest("team/app", tag, OCI_MANIFEST, manifest);
        return manifest;
    }

    private void refused(String image, String... words) {
        registry.forget();
        var name = registry.name(image);
        engine.kist("pull", name).run().exits(1).says(words);
        engine.docker("pull", name).run().exits(1).says(words);
        assertEquals(404, engine.api().get("/images/" + name + "/json").status());
        var blob = ScriptedRegistry.digest(ScriptedRegistry.gzip(layer));
        assertTrue(registry.requests().stream().noneMatch(r -> r.contains(blob)), "" + registry.requests());
    }

    @Test
    void a_signed_image_comes_in() throws IOException {
        sign(key, registry.name("team/app"), digest);
        engine.kist("pull", registry.name("team/app:v1")).ok();
        engine.kist("run", "--rm", "--network", "none", registry.name("team/app:v1"), "true")
                .ok();
    }

    @Test
    void a_signature_among_the_referrers_counts_as_well() {
        var manifest = sign(key, registry.name("team/app"), digest, "elsewhere");
        var index = Json.write(Map.of(
                "schemaVersion",
                2,
                "mediaType",
                "application/vnd.oci.image.index.v1+json",
                "manifests",
                List.of(Map.of(
                        "mediaType",
                        OCI_MANIFEST,
                        "size",
                        manifest.length,
                        "digest",
                        ScriptedRegistry.digest(manifest),
                        "artifactType",
                        "application/vnd.dev.cosign.artifact.sig.v1+json"))));
        registry.put(
                "/v2/team/app/referrers/" + digest,
                "application/vnd.oci.image.index.v1+json",
                index.getBytes(StandardCharsets.UTF_8));
        engine.kist("pull", registry.name("team/app:v1")).ok();
    }

    @Test
    void an_image_without_a_signature_is_refused() throws IOException {
        refused("team/app:v1", "sign");
    }

    @Test
    void a_signature_by_another_key_is_refused() throws IOException {
        sign(key(), registry.name("team/app"), digest);
        refused("team/app:v1", "sign");
    }

    @Test
    void a_signature_for_another_image_is_refused() throws IOException {
        sign(key, registry.name("team/app"), "sha256:" + "0".repeat(64));
        refused("team/app:v1", "sign");
        sign(key, registry.name("team/harmless"), digest);
        refused("team/app:v1", "sign");
    }

    @Test
    void what_no_rule_names_falls_under_the_default() {
        registry.offer("other/app", "v1", List.of(layer));
        refused("other/app:v1", "policy");
        registry.offer("open/app", "v1", List.of(layer));
        engine.kist("pull", registry.name("open/app:v1")).ok();
    }

    @Test
    void run_does_not_get_round_the_policy() {
        engine.kist("run", "--rm", registry.name("team/app:v1"), "true")
                .run()
                .exits(125)
                .says("sign");
        engine.docker("create", registry.name("team/app:v1"), "true")
                .run()
                .exits(1)
                .says("sign");
    }

    @Test
    void archives_fall_under_the_policy_as_well() throws IOException {
        var archive = Files.write(
                engine.home().resolve("archive.tar"),
                Images.dockerArchive("other/app:v1", Map.of("Cmd", List.of("sh")), List.of(layer)));
        engine.kist("load", "-i", archive.toString()).run().exits(1).says("policy");
    }

    @Test
    void a_policy_that_cannot_be_read_refuses_everything() throws IOException {
        registry.offer("open/app", "v1", List.of(layer));
        for (var text : List.of(
                "{",
                "{}",
                "{\"default\":[{\"type\":\"trustEverybody\"}]}",
                "{\"default\":[{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"/k\"}]}")) {
            Files.writeString(engine.home().resolve("policy.json"), text);
            refused("open/app:v1", "policy");
        }
    }
}
