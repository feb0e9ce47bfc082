package kist.http;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Makes certificates and keys in a directory with the openssl command. */
final class OpenSsl {
    private final Path directory;

    OpenSsl(Path directory) {
        this.directory = directory;
    }

    Path run(String result, String... arguments) throws IOException, InterruptedException {
        String[] command = new String[arguments.length + 1];
        command[0] = "openssl";
        System.arraycopy(arguments, 0, command, 1, arguments.length);
        Process process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException(String.join(" ", command) + ": " + said);
        }
        return directory.resolve(result);
    }

    /** A self-signed certificate NAME.pem with its key NAME.key, good for localhost and 127.0.0.1. */
    Path selfSigned(String name) throws IOException, InterruptedException {
        return run(
                name + ".pem",
                ("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=" + name
                                + " -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout " + name + ".key -out "
                                + name + ".pem")
                        .split(" "));
    }

    Tls tls(String name) {
        return new Tls(directory.resolve(name + ".pem"), directory.resolve(name + ".key"));
    }

    /** A client that trusts one certificate and shows another, if it is named. */
    SSLContext client(String trusted, String own) throws IOException, GeneralSecurityException {
        KeyStore trust = KeyStore.getInstance("PKCS12");
        trust.load(null, null);
        trust.setCertificateEntry(
                "server", Pem.certificates(directory.resolve(trusted + ".pem")).getFirst());
        TrustManagerFactory managers = TrustManagerFactory.getInstance("PKIX");
        managers.init(trust);
        KeyStore keys = KeyStore.getInstance("PKCS12");
        keys.load(null, null);
        if (!own.isEmpty()) {
            keys.setKeyEntry(
                    "own",
                    Pem.key(directory.resolve(own + ".key")),
                    new char[0],
                    Pem.certificates(directory.resolve(own + ".pem")).toArray(new java.security.cert.Certificate[0]));
        }
        KeyManagerFactory shown = KeyManagerFactory.getInstance("PKIX");
        shown.init(keys, new char[0]);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(shown.getKeyManagers(), managers.getTrustManagers(), null);
        return context;
    }

    void copy(String from, String to) throws IOException {
        for (String end : new String[] {".pem", ".key"}) {
            Files.copy(
                    directory.resolve(from + end),
                    directory.resolve(to + end),
                    java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        }
    }
}
