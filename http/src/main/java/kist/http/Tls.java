package kist.http;

import java.nio.file.Path;
import java.util.Optional;

/**
 * TLS 1.2 and 1.3 for a listener, from PEM files (RFC 7468). They are read again when they change; while the new ones
 * cannot be used, the old ones stay in force and the log says why.
 *
 * @param certificates the server's own certificate first, then those between it and the root
 * @param key its private key: PKCS#8, PKCS#1 (RSA) or SEC1 (EC), not encrypted
 * @param clientAuthorities if present, every client must show a certificate that one of these authorities has signed
 */
public record Tls(Path certificates, Path key, Optional<Path> clientAuthorities) {
    /** TLS that asks clients for no certificate. */
    public Tls(Path certificates, Path key) {
        this(certificates, key, Optional.empty());
    }
}
