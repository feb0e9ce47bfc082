package kist.registry;

import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.security.Signature;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import kist.image.Descriptor;
import kist.image.Document;
import kist.image.ImageException;
import kist.image.Manifest;
import kist.image.Reference;
import kist.image.Text;

/**
 * Signatures of the sigstore kind as cosign stores them: artifacts at the tag {@code sha256-DIGEST.sig} of the same
 * repository or, of newer ones, among the referrers of the image, whose layers say what was signed (simple signing,
 * containers-signature(5)).
 */
final class Signatures {
    private static final String PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json";
    private static final String SIGNATURE = "dev.cosignproject.cosign/signature";
    private static final String TYPE = "cosign container image signature";
    private static final String REFERRER = "application/vnd.dev.cosign.artifact.sig.v1+json";
    private static final int LARGEST_PAYLOAD = 1 << 20;
    private static final int MOST = 100;

    /** @param text the signed bytes */
    private record Signed(byte[] text, byte[] signature) {}

    private Signatures() {}

    /**
     * Checks what the policy wants of an image, before anything of it is used.
     *
     * @param digests of the manifest, and of the index that it was chosen from; a signature of either will do, as an index
     *     names its manifests by digest
     * @throws RegistryException REFUSED_BY_POLICY
     */
    static void check(TrustPolicy policy, Reference image, List<String> digests, RemoteRepository repository)
            throws InterruptedException {
        policy.admit(image);
        List<Requirement.Signed> wanted = policy.requirements(image).stream()
                .filter(r -> r instanceof Requirement.Signed)
                .map(r -> (Requirement.Signed) r)
                .toList();
        if (wanted.isEmpty()) {
            return;
        }
        List<Signed> all = new ArrayList<>();
        for (String digest : Set.copyOf(digests)) {
            all.addAll(fetch(digest, repository));
        }
        if (all.isEmpty()) {
            throw policy.refused(image.familiar(), "it is not signed");
        }
        for (Requirement.Signed requirement : wanted) {
            List<String> reasons = new ArrayList<>();
            boolean good = all.stream().anyMatch(s -> isGood(s, requirement, image, digests, reasons));
            if (!good) {
                throw policy.refused(image.familiar(), String.join("; ", Set.copyOf(reasons)));
            }
        }
    }

    private static List<Signed> fetch(String digest, RemoteRepository repository) throws InterruptedException {
        List<String> places = new ArrayList<>();
        places.add(digest.replace(':', '-') + ".sig");
        repository.referrers(digest, REFERRER).stream().limit(MOST).forEach(d -> places.add(d.digest()));
        List<Signed> all = new ArrayList<>();
        for (String place : places) {
            try {
                all.addAll(signed(repository.manifest(place), repository));
            } catch (RegistryException e) {
                if (e.kind() != RegistryException.Kind.NOT_FOUND) {
                    throw e;
                }
            }
        }
        return all;
    }

    private static List<Signed> signed(Manifest manifest, RemoteRepository repository) throws InterruptedException {
        List<Signed> all = new ArrayList<>();
        if (manifest instanceof Manifest.Single single) {
            for (Descriptor layer : single.layers().stream().limit(MOST).toList()) {
                String signature = layer.annotations().getOrDefault(SIGNATURE, "");
                if (layer.mediaType().equals(PAYLOAD) && !signature.isEmpty()) {
                    byte[] text = repository.blob(layer, LARGEST_PAYLOAD, "a signature");
                    try {
                        all.add(new Signed(text, Base64.getDecoder().decode(signature)));
                    } catch (IllegalArgumentException e) {
                        // one that nobody can check is none
                    }
                }
            }
        }
        return all;
    }

    private static boolean isGood(
            Signed signed,
            Requirement.Signed requirement,
            Reference image,
            List<String> digests,
            List<String> reasons) {
        if (requirement.keys().stream().noneMatch(k -> verifies(k, signed))) {
            reasons.add("it is signed by none of the keys that are trusted");
            return false;
        }
        try {
            Document critical = Document.parse(signed.text, "the signature")
                    .object("critical")
                    .orElseThrow(() ->
                            new ImageException(ImageException.Kind.INVALID, "the signature says nothing that counts"));
            String name = critical.object("identity")
                    .map(i -> i.text("docker-reference"))
                    .orElse("");
            String digest = critical.object("image")
                    .map(i -> i.text("docker-manifest-digest"))
                    .orElse("");
            if (!critical.text("type").equals(TYPE)) {
                reasons.add("its signature is of another type");
            } else if (!digests.contains(digest)) {
                reasons.add("its signature is that of another image");
            } else if (!requirement.identity().test(image, name)) {
                reasons.add("its signature is for the name " + Text.quote(name));
            } else {
                return true;
            }
        } catch (ImageException e) {
            reasons.add(String.valueOf(e.getMessage()));
        }
        return false;
    }

    private static boolean verifies(PublicKey key, Signed signed) {
        String algorithm = switch (key.getAlgorithm()) {
            case "EC" -> "SHA256withECDSA";
            case "RSA" -> "SHA256withRSA";
            default -> "Ed25519";
        };
        try {
            Signature verifier = Signature.getInstance(algorithm);
            verifier.initVerify(key);
            verifier.update(signed.text);
            return verifier.verify(signed.signature);
        } catch (GeneralSecurityException e) {
            return false;
        }
    }
}
