package kist.cli;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Map;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * A connection to an engine over TLS, as {@code --tls} and {@code --tlsverify} ask for it, with certificates from PEM files.
 * Loaded by nobody else. One thread may read while another writes.
 */
final class Tls implements ByteChannel {
    private final SSLSocket socket;

    private Tls(SSLSocket socket) {
        this.socket = socket;
    }

    /** Whether the settings ask for it. */
    static boolean wanted(Map<String, String> environment) {
        return verified(environment)
                || !environment.getOrDefault("KIST_TLS", "").isEmpty();
    }

    private static boolean verified(Map<String, String> environment) {
        return !environment.getOrDefault("KIST_TLS_VERIFY", "").isEmpty();
    }

    /**
     * Connects and shakes hands.
     *
     * @throws Failure naming the file at fault, where a certificate or key cannot be used
     */
    static Tls connect(String host, int port, Map<String, String> environment) throws IOException {
        try {
            var context = SSLContext.getInstance("TLS");
            context.init(keys(environment), trust(environment), null);
            var plain = new Socket(host, port);
            boolean good = false;
            try {
                var socket = (SSLSocket) context.getSocketFactory().createSocket(plain, host, port, true);
                if (verified(environment)) {
                    var parameters = socket.getSSLParameters();
                    parameters.setEndpointIdentificationAlgorithm("HTTPS");
                    socket.setSSLParameters(parameters);
                }
                socket.startHandshake();
                good = true;
                return new Tls(socket);
            } finally {
                if (!good) {
                    plain.close();
                }
            }
        } catch (GeneralSecurityException e) {
            throw new Failure(1, "kist: TLS cannot be set up: " + e.getMessage());
        }
    }

    private static Path file(Map<String, String> environment, String variable, String name) {
        var given = environment.getOrDefault(variable, "");
        if (!given.isEmpty()) {
            return Path.of(given);
        }
        var home = environment.getOrDefault("HOME", "/root");
        var docker = environment.getOrDefault("DOCKER_CONFIG", home + "/.docker");
        return Path.of(environment.getOrDefault("KIST_CERT_PATH", docker), name);
    }

    private static TrustManager[] trust(Map<String, String> environment) throws GeneralSecurityException, IOException {
        if (!verified(environment)) {
            return new TrustManager[] {new Anybody()};
        }
        var file = file(environment, "KIST_TLS_CACERT", "ca.pem");
        var store = empty();
        int count = 0;
        for (var certificate : certificates("--tlscacert", file)) {
            store.setCertificateEntry("ca" + count++, certificate);
        }
        var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        return factory.getTrustManagers();
    }

    /** The client's own, where there are files of them. */
    private static KeyManager[] keys(Map<String, String> environment) throws GeneralSecurityException, IOException {
        var certificate = file(environment, "KIST_TLS_CERT", "cert.pem");
        var key = file(environment, "KIST_TLS_KEY", "key.pem");
        boolean asked = environment.containsKey("KIST_TLS_CERT") || environment.containsKey("KIST_TLS_KEY");
        if (!asked && !Files.exists(certificate) && !Files.exists(key)) {
            return new KeyManager[0];
        }
        var store = empty();
        store.setKeyEntry("client", key(key), new char[0], certificates("--tlscert", certificate));
        var factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(store, new char[0]);
        return factory.getKeyManagers();
    }

    private static KeyStore empty() throws GeneralSecurityException, IOException {
        var store = KeyStore.getInstance("PKCS12");
        store.load(null, new char[0]);
        return store;
    }

    private static byte[] read(String flag, Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new Failure(1, "kist: the file of " + flag + " cannot be read (" + e + ")");
        }
    }

    private static Certificate[] certificates(String flag, Path file) {
        try {
            var all = CertificateFactory.getInstance("X.509")
                    .generateCertificates(new ByteArrayInputStream(read(flag, file)))
                    .toArray(new Certificate[0]);
            if (all.length == 0) {
                throw new Failure(1, "kist: " + file + " holds no certificate in PEM, which " + flag + " needs");
            }
            return all;
        } catch (GeneralSecurityException e) {
            throw new Failure(1, "kist: " + file + " holds no certificate in PEM, which " + flag + " needs");
        }
    }

    /** A key in PKCS #8 (RFC 5958), or RSA's older form (PKCS #1), which is put into one. */
    private static PrivateKey key(Path file) {
        var text = new String(read("--tlskey", file), StandardCharsets.ISO_8859_1);
        boolean rsa = text.contains("-----BEGIN RSA PRIVATE KEY-----");
        var label = rsa ? "RSA PRIVATE KEY" : "PRIVATE KEY";
        int begin = text.indexOf("-----BEGIN " + label + "-----");
        int end = text.indexOf("-----END " + label + "-----");
        if (begin < 0 || end < begin) {
            throw new Failure(
                    1,
                    "kist: " + file
                            + " holds no private key in PEM that --tlskey takes; 'openssl pkcs8 -topk8 -nocrypt'"
                            + " makes one of others");
        }
        var bytes = Base64.getMimeDecoder().decode(text.substring(begin + label.length() + 16, end));
        for (var algorithm : rsa ? new String[] {"RSA"} : new String[] {"RSA", "EC", "EdDSA"}) {
            try {
                return KeyFactory.getInstance(algorithm)
                        .generatePrivate(new PKCS8EncodedKeySpec(rsa ? wrapped(bytes) : bytes));
            } catch (GeneralSecurityException e) {
                // of another kind
                continue;
            }
        }
        throw new Failure(1, "kist: the private key in " + file + " is neither RSA nor EC nor Ed25519");
    }

    /** PrivateKeyInfo { version 0, rsaEncryption, key }. */
    private static byte[] wrapped(byte[] key) {
        var algorithm = new byte[] {
            0x30, 0x0d, 0x06, 0x09, 0x2a, (byte) 0x86, 0x48, (byte) 0x86, (byte) 0xf7, 0x0d, 1, 1, 1, 5, 0
        };
        var inside = new ByteArrayOutputStream();
        inside.writeBytes(new byte[] {2, 1, 0});
        inside.writeBytes(algorithm);
        inside.writeBytes(element(0x04, key));
        return element(0x30, inside.toByteArray());
    }

    private static byte[] element(int tag, byte[] content) {
        var out = new ByteArrayOutputStream();
        out.write(tag);
        out.write(0x82);
        out.write(content.length >> 8);
        out.write(content.length);
        out.writeBytes(content);
        return out.toByteArray();
    }

    @Override
    public int read(ByteBuffer into) throws IOException {
        int n = socket.getInputStream().read(into.array(), into.arrayOffset() + into.position(), into.remaining());
        into.position(into.position() + Math.max(0, n));
        return n;
    }

    @Override
    public int write(ByteBuffer from) throws IOException {
        int count = from.remaining();
        socket.getOutputStream().write(from.array(), from.arrayOffset() + from.position(), count);
        from.position(from.limit());
        return count;
    }

    /** Says with close_notify that no more will be written; TLS 1.3 lets the other side go on. */
    void closeOutput() throws IOException {
        socket.shutdownOutput();
    }

    @Override
    public boolean isOpen() {
        return !socket.isClosed();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }

    /** {@code --tls} without {@code --tlsverify}: secret from listeners, and no more. */
    private static final class Anybody extends X509ExtendedTrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
