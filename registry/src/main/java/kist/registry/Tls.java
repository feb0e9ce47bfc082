package kist.registry;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * How a host proves itself to us and we to it, of registries and of other servers. Two with the same fields share connections.
 *
 * @param authorities PEM texts of further certificate authorities
 * @param certificate PEM text of our own certificate, empty for none
 * @param key PEM text of its private key
 * @param verified false where any certificate will do
 */
public record Tls(List<String> authorities, String certificate, String key, boolean verified) {
    static final Tls PLAIN = new Tls(List.of(), "", "", true);
    private static final List<Path> SYSTEM = List.of(
            Path.of("/etc/ssl/certs/ca-certificates.crt"),
            Path.of("/etc/pki/tls/certs/ca-bundle.crt"),
            Path.of("/etc/ssl/ca-bundle.pem"));

    /** The same for a host that our own certificate is not meant for. */
    Tls forOthers() {
        return new Tls(authorities, "", "", true);
    }

    /** The same without asking who the host is. */
    Tls unverified() {
        return new Tls(authorities, certificate, key, false);
    }

    @Override
    public String toString() {
        return "Tls[verified=" + verified + "]";
    }

    /**
     * Makes the context.
     *
     * @throws RegistryException INVALID where a certificate or the key cannot be read
     */
    public SSLContext context() {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(keys(), verified ? trusted() : new TrustManager[] {new Anyone()}, null);
            return context;
        } catch (GeneralSecurityException | IOException e) {
            throw new RegistryException(
                    RegistryException.Kind.INVALID,
                    "the certificates configured for a server cannot be used: " + e.getMessage(),
                    e);
        }
    }

    private KeyManager[] keys() throws GeneralSecurityException, IOException {
        if (certificate.isEmpty()) {
            return new KeyManager[0];
        }
        Collection<? extends Certificate> chain = certificates(certificate);
        if (chain.isEmpty()) {
            throw new GeneralSecurityException("the client certificate's file holds no certificate");
        }
        PrivateKey secret = Pem.privateKey(key);
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setKeyEntry("client", secret, new char[0], chain.toArray(new Certificate[0]));
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(store, new char[0]);
        return factory.getKeyManagers();
    }

    private TrustManager[] trusted() throws GeneralSecurityException, IOException {
        Optional<Path> system = SYSTEM.stream().filter(Files::isReadable).findFirst();
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        int n = 0;
        if (system.isPresent()) {
            n = add(store, Files.readString(system.get(), StandardCharsets.ISO_8859_1), n);
        } else {
            n = addPlatform(store, n);
        }
        for (String authority : authorities) {
            int before = n;
            n = add(store, authority, n);
            if (n == before) {
                throw new GeneralSecurityException("the file of a certificate authority holds no certificate");
            }
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        return factory.getTrustManagers();
    }

    private static int add(KeyStore store, String pem, int from) throws GeneralSecurityException {
        int n = from;
        for (Certificate c : certificates(pem)) {
            store.setCertificateEntry("ca" + n++, c);
        }
        return n;
    }

    /** Java's own authorities, where the system has none. */
    private static int addPlatform(KeyStore store, int from) throws GeneralSecurityException {
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init((KeyStore) null);
        int n = from;
        for (TrustManager manager : factory.getTrustManagers()) {
            if (manager instanceof javax.net.ssl.X509TrustManager x509) {
                for (X509Certificate c : x509.getAcceptedIssuers()) {
                    store.setCertificateEntry("ca" + n++, c);
                }
            }
        }
        return n;
    }

    private static Collection<? extends Certificate> certificates(String pem) throws GeneralSecurityException {
        return CertificateFactory.getInstance("X.509")
                .generateCertificates(new ByteArrayInputStream(pem.getBytes(StandardCharsets.ISO_8859_1)));
    }

    /** Asks nobody for a name; of the extended kind, as for the other kind Java compares the host's name itself. */
    private static final class Anyone extends X509ExtendedTrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
