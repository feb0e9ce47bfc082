package kist.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import kist.config.Settings;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against a server of the JDK's that lets in only who shows the client's certificate. */
class TlsTest {
    @TempDir
    Path directory;

    private SSLServerSocket server;
    private String err = "";

    @BeforeEach
    void serve() throws Exception {
        var serverKeys = pair("server", "RSA", "-ext", "san=ip:127.0.0.1");
        var clientKeys = pair("client", "EC");
        pair("other", "EC", "-ext", "san=ip:127.0.0.1");
        var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(serverKeys, "secret".toCharArray());
        var trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, new char[0]);
        trusted.setCertificateEntry("client", clientKeys.getCertificate("client"));
        var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        var context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        server = (SSLServerSocket)
                context.getServerSocketFactory().createServerSocket(0, 10, InetAddress.getLoopbackAddress());
        server.setNeedClientAuth(true);
        Thread.startVirtualThread(() -> {
            while (!server.isClosed()) {
                try (var socket = (SSLSocket) server.accept()) {
                    var in = socket.getInputStream();
                    var request = new StringBuilder();
                    while (request.indexOf("\r\n\r\n") < 0) {
                        int c = in.read();
                        if (c < 0) {
                            break;
                        }
                        request.append((char) c);
                    }
                    socket.getOutputStream()
                            .write("HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n[{\"Id\":\"tls\"}] "
                                    .getBytes(StandardCharsets.US_ASCII));
                    socket.shutdownOutput();
                } catch (IOException e) {
                    // whoever was refused, or the end of the test
                }
            }
        });
    }

    @AfterEach
    void close() throws IOException {
        server.close();
    }

    /** A key pair with a certificate of its own, also as PEM files. */
    private KeyStore pair(String name, String algorithm, String... more) throws Exception {
        var file = directory.resolve(name + ".p12");
        var command = new java.util.ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                name,
                "-keyalg",
                algorithm,
                "-dname",
                "CN=" + name,
                "-keystore",
                file.toString(),
                "-storetype",
                "PKCS12",
                "-storepass",
                "secret",
                "-validity",
                "3650",
                "-startdate",
                "-1d"));
        command.addAll(List.of(more));
        var process = new ProcessBuilder(command).redirectErrorStream(true).start();
        var said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), said);
        var store = KeyStore.getInstance("PKCS12");
        try (var in = Files.newInputStream(file)) {
            store.load(in, "secret".toCharArray());
        }
        pem(name + ".pem", "CERTIFICATE", store.getCertificate(name).getEncoded());
        pem(
                name + "-key.pem",
                "PRIVATE KEY",
                store.getKey(name, "secret".toCharArray()).getEncoded());
        return store;
    }

    private void pem(String name, String label, byte[] bytes) throws IOException {
        Files.writeString(
                directory.resolve(name),
                "-----BEGIN " + label + "-----\n" + Base64.getMimeEncoder().encodeToString(bytes) + "\n-----END "
                        + label + "-----\n");
    }

    private int ps(Map<String, String> environment) throws IOException {
        var out = new ByteArrayOutputStream();
        var errors = new ByteArrayOutputStream();
        var all = new HashMap<String, String>(environment);
        all.putIfAbsent("HOME", directory.toString());
        var context = new Context(
                Settings.of(directory, directory, "tcp://127.0.0.1:" + server.getLocalPort()),
                new ByteArrayInputStream(new byte[0]),
                out,
                errors,
                all,
                "",
                "");
        int status = Main.guarded(context, List.of("ps", "-q"));
        err = errors.toString(StandardCharsets.UTF_8);
        assertEquals(status == 0 ? "tls\n" : "", out.toString(StandardCharsets.UTF_8));
        return status;
    }

    private Map<String, String> files(String ca) {
        return Map.of(
                "KIST_TLS_VERIFY", "1",
                "KIST_TLS_CACERT", directory.resolve(ca).toString(),
                "KIST_TLS_CERT", directory.resolve("client.pem").toString(),
                "KIST_TLS_KEY", directory.resolve("client-key.pem").toString());
    }

    @Test
    void an_engine_is_verified_and_shown_the_clients_certificate() throws IOException {
        assertEquals(0, ps(files("server.pem")), err);
    }

    @Test
    void another_engine_than_the_one_trusted_is_not_talked_to() throws IOException {
        assertEquals(1, ps(files("other.pem")));
        assertTrue(err.startsWith("kist: cannot connect to the engine at tcp://127.0.0.1:"), err);
    }

    @Test
    void without_verification_any_engine_will_do() throws IOException {
        var files = new HashMap<>(files("other.pem"));
        files.put("KIST_TLS_VERIFY", "");
        files.put("KIST_TLS", "1");
        assertEquals(0, ps(files), err);
    }

    @Test
    void files_are_looked_for_in_one_directory() throws IOException {
        var certificates = Files.createDirectory(directory.resolve("certs"));
        Files.copy(directory.resolve("server.pem"), certificates.resolve("ca.pem"));
        Files.copy(directory.resolve("client.pem"), certificates.resolve("cert.pem"));
        Files.copy(directory.resolve("client-key.pem"), certificates.resolve("key.pem"));
        assertEquals(0, ps(Map.of("KIST_TLS_VERIFY", "1", "KIST_CERT_PATH", certificates.toString())), err);
    }

    @Test
    void a_file_that_is_missing_or_something_else_is_named() throws IOException {
        var files = new HashMap<>(files("none.pem"));
        assertEquals(1, ps(files));
        assertTrue(err.contains("--tlscacert") && err.contains("none.pem"), err);
        files = new HashMap<>(files("server.pem"));
        files.put("KIST_TLS_KEY", directory.resolve("client.pem").toString());
        assertEquals(1, ps(files));
        assertTrue(err.contains("holds no private key"), err);
    }
}
