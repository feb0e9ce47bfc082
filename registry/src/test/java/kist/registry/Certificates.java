package kist.registry;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** A certificate authority of a test with what it signed, made by openssl: {@code NAME.crt} and {@code NAME.key}. */
final class Certificates {
    private final Path directory;

    Certificates(Path directory) throws Exception {
        this.directory = directory;
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30")
                .run("-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=Test CA");
    }

    /** Makes a key pair signed by the authority; extensions such as {@code subjectAltName=DNS:localhost}. */
    void issue(String name, String... extensions) throws Exception {
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
                .run("-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name);
        Files.write(path(name + ".ext"), List.of(extensions));
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial")
                .run("-days", "30", "-extfile", name + ".ext", "-out", name + ".crt");
    }

    Path path(String file) {
        return directory.resolve(file);
    }

    Certificate certificate(String name) throws GeneralSecurityException, IOException {
        try (InputStream in = Files.newInputStream(path(name + ".crt"))) {
            return CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
    }

    PrivateKey key(String name) throws GeneralSecurityException, IOException {
        return Pem.privateKey(Files.readString(path(name + ".key")));
    }

    /** For a server that shows this certificate and knows the authority. */
    SSLContext server(String name) throws GeneralSecurityException, IOException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setKeyEntry("own", key(name), new char[0], new Certificate[] {certificate(name)});
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, new char[0]);
        KeyStore authorities = KeyStore.getInstance("PKCS12");
        authorities.load(null, null);
        authorities.setCertificateEntry("ca", certificate("ca"));
        TrustManagerFactory trusted = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trusted.init(authorities);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trusted.getTrustManagers(), null);
        return context;
    }

    static String pem(String type, byte[] der) {
        return "-----BEGIN " + type + "-----\n" + Base64.getMimeEncoder().encodeToString(der) + "\n-----END " + type
                + "-----\n";
    }

    /** A command to be ended with further arguments. */
    interface Command {
        void run(String... more) throws Exception;
    }

    Command openssl(String... arguments) {
        return more -> {
            List<String> command = new ArrayList<>(List.of("openssl"));
            command.addAll(List.of(arguments));
            command.addAll(List.of(more));
            Process process = new ProcessBuilder(command)
                    .directory(directory.toFile())
                    .redirectErrorStream(true)
                    .start();
            String output = new String(process.getInputStream().readAllBytes());
            if (process.waitFor() != 0) {
                throw new IOException(String.join(" ", command) + ": " + output);
            }
        };
    }
}
