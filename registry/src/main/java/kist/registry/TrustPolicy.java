package kist.registry;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiPredicate;
import kist.image.Document;
import kist.image.ImageException;
import kist.image.Reference;
import kist.image.Text;

/**
 * Which images may be used, by where they come from and who signed them: a file in the form of containers-policy.json(5) with
 * the types {@code insecureAcceptAnything}, {@code reject} and {@code sigstoreSigned} (by key). Of several scopes that fit, the
 * most exact one counts. What cannot be understood is an error of the whole file, so that nothing is accepted by mistake.
 * Immutable.
 */
public final class TrustPolicy {
    private static final String DOCKER = "docker";
    private static final Set<String> TYPES = Set.of("insecureAcceptAnything", "reject", "signedBy", "sigstoreSigned");

    private final Path source;
    private final List<Requirement> standard;
    private final Map<String, Map<String, List<Requirement>>> transports;

    private TrustPolicy(
            Path source, List<Requirement> standard, Map<String, Map<String, List<Requirement>>> transports) {
        this.source = source;
        this.standard = standard;
        this.transports = transports;
    }

    /**
     * Reads the file; where there is none, everything is accepted.
     *
     * @throws RegistryException REFUSED_BY_POLICY if it cannot be read or understood
     */
    public static TrustPolicy load(Path file) {
        byte[] bytes;
        try {
            bytes = Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            return new TrustPolicy(file, List.of(new Requirement.Anything()), Map.of());
        } catch (IOException e) {
            throw new RegistryException(
                    RegistryException.Kind.REFUSED_BY_POLICY,
                    "the trust policy " + file + " cannot be read, so no image is accepted: " + RegistriesConfig.why(e),
                    e);
        }
        try {
            return read(Document.parse(bytes, file.toString()), file);
        } catch (ImageException e) {
            throw new RegistryException(
                    RegistryException.Kind.REFUSED_BY_POLICY,
                    "the trust policy is wrong, so no image is accepted: " + e.getMessage(),
                    e);
        }
    }

    private static TrustPolicy read(Document json, Path file) {
        checkKeys(json, Set.of("default", "transports"));
        Map<String, Map<String, List<Requirement>>> transports = new HashMap<>();
        Optional<Document> all = json.object("transports");
        for (String transport : json.keys("transports")) {
            Map<String, List<Requirement>> scopes = new HashMap<>();
            Document own = all.orElseThrow().object(transport).orElseThrow(() -> wrong(file + ": " + transport));
            for (String scope : own.keys()) {
                scopes.put(scope, requirements(own, scope, file));
            }
            transports.put(transport, Map.copyOf(scopes));
        }
        return new TrustPolicy(file, requirements(json, "default", file), Map.copyOf(transports));
    }

    private static List<Requirement> requirements(Document json, String key, Path file) {
        List<Requirement> all = new ArrayList<>();
        for (Document one : json.objects(key)) {
            all.add(requirement(one, file));
        }
        if (all.isEmpty()) {
            throw wrong(json.what() + "." + key + " must list at least one requirement");
        }
        return List.copyOf(all);
    }

    private static Requirement requirement(Document json, Path file) {
        String type = json.text("type");
        return switch (type) {
            case "insecureAcceptAnything" -> {
                checkKeys(json, Set.of("type"));
                yield new Requirement.Anything();
            }
            case "reject" -> {
                checkKeys(json, Set.of("type"));
                yield new Requirement.Reject();
            }
            case "signedBy" -> new Requirement.Unsupported(type);
            case "sigstoreSigned" -> {
                checkKeys(json, Set.of("type", "keyPath", "keyPaths", "keyData", "keyDatas", "signedIdentity"));
                yield new Requirement.Signed(keys(json, file), identity(json));
            }
            default -> throw wrong(json.what() + ".type is " + Text.quote(type) + ", not one of " + TYPES);
        };
    }

    private static List<PublicKey> keys(Document json, Path file) {
        List<String> pems = new ArrayList<>();
        List<String> paths = new ArrayList<>(json.texts("keyPaths"));
        List<String> datas = new ArrayList<>(json.texts("keyDatas"));
        if (json.has("keyPath")) {
            paths.add(json.text("keyPath"));
        }
        if (json.has("keyData")) {
            datas.add(json.text("keyData"));
        }
        try {
            for (String path : paths) {
                pems.add(Files.readString(file.resolveSibling(path), StandardCharsets.ISO_8859_1));
            }
            for (String data : datas) {
                pems.add(new String(Base64.getMimeDecoder().decode(data), StandardCharsets.ISO_8859_1));
            }
            List<PublicKey> keys = new ArrayList<>();
            for (String pem : pems) {
                keys.add(Pem.publicKey(pem));
            }
            if (keys.isEmpty()) {
                throw wrong(json.what() + " must have a key: \"keyPath\" or \"keyData\"");
            }
            return List.copyOf(keys);
        } catch (IOException e) {
            throw wrong(json.what() + ": its key cannot be read: "
                    + (e instanceof FileSystemException f ? f.getFile() + ": " : "") + RegistriesConfig.why(e));
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            throw wrong(json.what() + ": its key cannot be read: " + e.getMessage());
        }
    }

    private static BiPredicate<Reference, String> identity(Document json) {
        Optional<Document> identity = json.object("signedIdentity");
        if (identity.isEmpty()) {
            return TrustPolicy::matchesRepoDigestOrExact;
        }
        Document match = identity.get();
        String type = match.text("type");
        switch (type) {
            case "matchRepoDigestOrExact" -> {
                checkKeys(match, Set.of("type"));
                return TrustPolicy::matchesRepoDigestOrExact;
            }
            case "matchExact" -> {
                checkKeys(match, Set.of("type"));
                return TrustPolicy::matchesExact;
            }
            case "matchRepository" -> {
                checkKeys(match, Set.of("type"));
                return TrustPolicy::matchesRepository;
            }
            case "exactReference" -> {
                checkKeys(match, Set.of("type", "dockerReference"));
                Reference named = Reference.parseAny(match.text("dockerReference"));
                return (asked, signed) -> matchesExact(named, signed);
            }
            case "exactRepository" -> {
                checkKeys(match, Set.of("type", "dockerRepository"));
                Reference named = Reference.parseAny(match.text("dockerRepository"));
                return (asked, signed) -> matchesRepository(named, signed);
            }
            case "remapIdentity" -> {
                checkKeys(match, Set.of("type", "prefix", "signedPrefix"));
                String from = match.text("prefix");
                String to = match.text("signedPrefix");
                if (from.isEmpty() || to.isEmpty()) {
                    throw wrong(match.what() + " must have \"prefix\" and \"signedPrefix\"");
                }
                return (asked, signed) -> matchesRepoDigestOrExact(remap(asked, from, to), signed);
            }
            default -> throw wrong(match.what() + ".type " + Text.quote(type) + " is not known");
        }
    }

    private static Reference remap(Reference asked, String from, String to) {
        String name = asked.repository();
        boolean below = name.equals(from) || name.startsWith(from) && "/:@".indexOf(name.charAt(from.length())) >= 0;
        if (!below) {
            return asked;
        }
        String suffix = asked.toString().substring(name.length());
        return Reference.parseAny(to + name.substring(from.length()) + suffix);
    }

    /** A signature often names the repository alone; as a name to be used that would mean {@code latest}, but not here. */
    private static boolean matchesExact(Reference asked, String signed) {
        return hasSuffix(signed)
                && Reference.parseAny(signed).equals(asked)
                && (!asked.tag().isEmpty() || !asked.digest().isEmpty());
    }

    private static boolean matchesRepoDigestOrExact(Reference asked, String signed) {
        return asked.digest().isEmpty() ? matchesExact(asked, signed) : matchesRepository(asked, signed);
    }

    private static boolean matchesRepository(Reference asked, String signed) {
        return Reference.parseAny(signed).repository().equals(asked.repository());
    }

    private static boolean hasSuffix(String reference) {
        return reference.indexOf('@') >= 0 || reference.lastIndexOf(':') > reference.lastIndexOf('/');
    }

    private static void checkKeys(Document json, Set<String> known) {
        for (String key : json.keys()) {
            if (!known.contains(key)) {
                throw wrong(json.what() + " has the field " + Text.quote(key) + ", which this version cannot check");
            }
        }
    }

    private static ImageException wrong(String message) {
        return new ImageException(ImageException.Kind.INVALID, message);
    }

    /** What an image of a registry must show. */
    List<Requirement> requirements(Reference image) {
        Map<String, List<Requirement>> scopes = transports.getOrDefault(DOCKER, Map.of());
        for (String scope : scopes(image)) {
            List<Requirement> found = scopes.get(scope);
            if (found != null) {
                return found;
            }
        }
        return scopes.getOrDefault("", standard);
    }

    /** The most exact scope first. */
    private static List<String> scopes(Reference image) {
        List<String> scopes = new ArrayList<>();
        if (!image.digest().isEmpty()) {
            scopes.add(image.repository() + "@" + image.digest());
        }
        if (!image.tag().isEmpty()) {
            scopes.add(image.repository() + ":" + image.tag());
        }
        String name = image.repository();
        for (int end = name.length(); end > 0; end = name.lastIndexOf('/', end - 1)) {
            scopes.add(name.substring(0, end));
        }
        String host = image.domain();
        for (int dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
            scopes.add("*" + host.substring(dot));
        }
        return scopes;
    }

    /**
     * Refuses at once what no signature would help.
     *
     * @throws RegistryException REFUSED_BY_POLICY
     */
    void admit(Reference image) {
        for (Requirement requirement : requirements(image)) {
            if (requirement instanceof Requirement.Reject) {
                throw refused(image.familiar(), "it is rejected");
            }
            if (requirement instanceof Requirement.Unsupported unsupported) {
                throw refused(
                        image.familiar(),
                        "it wants a signature of the type " + unsupported.type()
                                + " (GPG), which this version cannot check; use sigstoreSigned");
            }
        }
    }

    /**
     * Refuses archives where the policy does not accept them as they are; there is no signature in an archive that could be
     * checked.
     *
     * @param transport {@code docker-archive} or {@code oci-archive}
     * @throws RegistryException REFUSED_BY_POLICY
     */
    public void admitArchive(String transport) {
        List<Requirement> all = transports.getOrDefault(transport, Map.of()).getOrDefault("", standard);
        if (!all.stream().allMatch(r -> r instanceof Requirement.Anything)) {
            throw refused("an archive (" + transport + ")", "it accepts none, or none without a signature");
        }
    }

    RegistryException refused(String image, String why) {
        return new RegistryException(
                RegistryException.Kind.REFUSED_BY_POLICY,
                "the trust policy " + source + " does not accept " + image + ": " + why);
    }
}
