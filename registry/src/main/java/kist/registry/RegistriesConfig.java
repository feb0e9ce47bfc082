package kist.registry;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import kist.image.Document;
import kist.image.ImageException;
import kist.image.Text;

/** The configuration of all registries, read anew for each request so that a change needs no restart. Immutable. */
final class RegistriesConfig {
    private static final Set<String> KEYS =
            Set.of("registry", "mirrors", "insecure", "ca", "clientCertificate", "clientKey", "blocked");
    private static final Set<String> MIRROR_KEYS = Set.of("location", "insecure");
    private static final int LARGEST_PEM = 1 << 20;

    private final Map<String, RegistryConfig> byName;
    private final Path certs;

    private RegistriesConfig(Map<String, RegistryConfig> byName, Path certs) {
        this.byName = byName;
        this.certs = certs;
    }

    /**
     * Reads the files.
     *
     * @throws RegistryException INVALID, naming the file that cannot be read, as nobody knows which registry it is about
     */
    static RegistriesConfig load(Path registries, Path certs) {
        Map<String, RegistryConfig> byName = new HashMap<>();
        for (Path file : list(registries, ".json")) {
            RegistryConfig config;
            try {
                config = read(Document.parse(Files.readAllBytes(file), file.toString()), file);
            } catch (IOException e) {
                throw new RegistryException(
                        RegistryException.Kind.INVALID,
                        "cannot read the registries' configuration " + file + ": " + why(e),
                        e);
            } catch (ImageException e) {
                throw new RegistryException(
                        RegistryException.Kind.INVALID,
                        "cannot read the registries' configuration: " + e.getMessage(),
                        e);
            }
            RegistryConfig other = byName.put(config.registry(), config);
            if (other != null) {
                throw RegistryException.invalid(
                        "both " + other.source() + " and " + file + " configure the registry " + config.registry());
            }
        }
        return new RegistriesConfig(byName, certs);
    }

    private static List<Path> list(Path directory, String suffix) {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        try (var files = Files.list(directory)) {
            return files.filter(f -> f.toString().endsWith(suffix)).sorted().toList();
        } catch (IOException e) {
            throw new RegistryException(RegistryException.Kind.INVALID, "cannot read " + directory + ": " + why(e), e);
        }
    }

    private static RegistryConfig read(Document json, Path file) {
        checkKeys(json, KEYS);
        String registry = json.text("registry");
        if (!registry.matches("[A-Za-z0-9.-]+(:[0-9]{1,5})?")) {
            throw RegistryException.invalid(file + ": \"registry\" must be HOST[:PORT], not " + Text.quote(registry));
        }
        List<RegistryConfig.Mirror> mirrors = new ArrayList<>();
        for (Document mirror : json.objects("mirrors")) {
            checkKeys(mirror, MIRROR_KEYS);
            String location = mirror.text("location");
            if (!location.matches("[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[a-z0-9._/-]+)?")) {
                throw RegistryException.invalid(
                        mirror.what() + ".location must be HOST[:PORT][/PREFIX], not " + Text.quote(location));
            }
            mirrors.add(new RegistryConfig.Mirror(location, mirror.flag("insecure")));
        }
        if (json.has("clientCertificate") != json.has("clientKey")) {
            throw RegistryException.invalid(file + ": \"clientCertificate\" and \"clientKey\" go together");
        }
        Tls tls = new Tls(
                json.has("ca") ? List.of(pem(file, json.text("ca"))) : List.of(),
                json.has("clientCertificate") ? pem(file, json.text("clientCertificate")) : "",
                json.has("clientKey") ? pem(file, json.text("clientKey")) : "",
                true);
        return new RegistryConfig(
                registry.equals("index.docker.io") ? "docker.io" : registry,
                List.copyOf(mirrors),
                json.flag("insecure"),
                json.flag("blocked"),
                tls,
                file.toString());
    }

    private static void checkKeys(Document json, Set<String> known) {
        for (String key : json.keys()) {
            if (!known.contains(key)) {
                throw RegistryException.invalid(json.what() + " has the unknown field " + Text.quote(key));
            }
        }
    }

    private static String pem(Path file, String path) {
        return pem(file.resolveSibling(path));
    }

    private static String pem(Path file) {
        try {
            if (Files.size(file) > LARGEST_PEM) {
                throw RegistryException.invalid(file + " is too large for a certificate");
            }
            return Files.readString(file, StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            throw new RegistryException(RegistryException.Kind.INVALID, "cannot read " + file + ": " + why(e), e);
        }
    }

    /** In words why a file cannot be read. */
    static String why(IOException e) {
        return switch (e) {
            case NoSuchFileException n -> "it does not exist";
            case AccessDeniedException a -> "permission denied";
            default -> e.getMessage() == null ? e.toString() : e.getMessage();
        };
    }

    /** What is configured for a registry, with the certificates that Docker's directory has for it. */
    RegistryConfig of(String registry) {
        RegistryConfig config = byName.getOrDefault(registry, RegistryConfig.plain(registry));
        return new RegistryConfig(
                registry,
                config.mirrors(),
                config.insecure(),
                config.blocked(),
                withDockers(registry, config.tls()),
                config.source());
    }

    private Tls withDockers(String registry, Tls tls) {
        if (registry.equals("..") || registry.equals(".") || registry.indexOf('/') >= 0) {
            return tls;
        }
        Path directory = certs.resolve(registry);
        List<String> authorities = new ArrayList<>(tls.authorities());
        list(directory, ".crt").forEach(f -> authorities.add(pem(f)));
        String certificate = tls.certificate();
        String key = tls.key();
        for (Path file : list(directory, ".cert")) {
            if (certificate.isEmpty()) {
                String name = file.getFileName().toString();
                certificate = pem(file);
                key = pem(file.resolveSibling(name.substring(0, name.length() - ".cert".length()) + ".key"));
            }
        }
        return new Tls(List.copyOf(authorities), certificate, key, tls.verified());
    }
}
