package kist.http;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/** The TLS identity of a listener, read again when its files change. Thread-safe. */
final class TlsContext {
    /** How often the files are looked at, at most. */
    private static final long LOOK_NANOS = 1_000_000_000;

    private final Tls files;
    private SSLContext context;
    private String stamp;
    private long looked = System.nanoTime();

    /**
     * Reads the files.
     *
     * @throws IOException naming the file that cannot be used
     */
    TlsContext(Tls files) throws IOException {
        this.files = files;
        this.stamp = stamp();
        this.context = load();
    }

    /** Prepares a socket for the server's side of a handshake. */
    void configure(SSLSocket socket) {
        socket.setUseClientMode(false);
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setProtocols(new String[] {"TLSv1.3", "TLSv1.2"});
        parameters.setApplicationProtocols(new String[] {"http/1.1"});
        parameters.setUseCipherSuitesOrder(true);
        parameters.setNeedClientAuth(files.clientAuthorities().isPresent());
        socket.setSSLParameters(parameters);
    }

    /** What is in force now. */
    synchronized SSLContext current() {
        long now = System.nanoTime();
        if (now - looked < LOOK_NANOS) {
            return context;
        }
        looked = now;
        String found = stamp();
        if (!found.equals(stamp)) {
            stamp = found;
            try {
                context = load();
            } catch (IOException e) {
                System.getLogger("kist.http")
                        .log(
                                System.Logger.Level.WARNING,
                                "the changed TLS files are not used, the old ones stay in force: {0}",
                                e.getMessage());
            }
        }
        return context;
    }

    /** Changes when one of the files does. */
    private String stamp() {
        StringBuilder all = new StringBuilder();
        for (Path file : files.clientAuthorities().isEmpty()
                ? List.of(files.certificates(), files.key())
                : List.of(
                        files.certificates(),
                        files.key(),
                        files.clientAuthorities().get())) {
            try {
                all.append(Files.getAttribute(file, "unix:ino")).append(' ');
                all.append(Files.getLastModifiedTime(file)).append(' ');
                all.append(Files.size(file)).append('\n');
            } catch (IOException e) {
                all.append("none\n");
            }
        }
        return all.toString();
    }

    private SSLContext load() throws IOException {
        List<X509Certificate> chain = Pem.certificates(files.certificates());
        PrivateKey key = Pem.key(files.key());
        try {
            if (!belong(key, chain.getFirst().getPublicKey())) {
                throw new IOException("the key " + files.key() + " does not belong to the first certificate of "
                        + files.certificates());
            }
            KeyStore own = KeyStore.getInstance("PKCS12");
            own.load(null, null);
            own.setKeyEntry("server", key, new char[0], chain.toArray(new X509Certificate[0]));
            KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
            keys.init(own, new char[0]);
            SSLContext made = SSLContext.getInstance("TLS");
            made.init(keys.getKeyManagers(), trust(), null);
            return made;
        } catch (GeneralSecurityException e) {
            throw new IOException("TLS cannot be set up with " + files.certificates() + ": " + e.getMessage(), e);
        }
    }

    private TrustManager[] trust() throws IOException, GeneralSecurityException {
        KeyStore authorities = KeyStore.getInstance("PKCS12");
        authorities.load(null, null);
        if (files.clientAuthorities().isEmpty()) {
            return new TrustManager[0];
        }
        int number = 0;
        for (X509Certificate certificate :
                Pem.certificates(files.clientAuthorities().get())) {
            authorities.setCertificateEntry("authority" + number++, certificate);
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(authorities);
        return trust.getTrustManagers();
    }

    private static boolean belong(PrivateKey key, PublicKey certified) throws GeneralSecurityException {
        String algorithm = switch (key.getAlgorithm()) {
            case "RSA" -> "SHA256withRSA";
            case "EC" -> "SHA256withECDSA";
            default -> "EdDSA";
        };
        byte[] message = new byte[32];
        Signature signature = Signature.getInstance(algorithm);
        signature.initSign(key);
        signature.update(message);
        byte[] signed = signature.sign();
        try {
            Signature check = Signature.getInstance(algorithm);
            check.initVerify(certified);
            check.update(message);
            return check.verify(signed);
        } catch (GeneralSecurityException e) {
            return false;
        }
    }
}
