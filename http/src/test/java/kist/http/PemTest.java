package kist.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class PemTest {
    @TempDir
    Path directory;

    private Path made(String name, String arguments) throws IOException, InterruptedException {
        return new OpenSsl(directory).run(name, arguments.split(" "));
    }

    private String refusal(String content) throws IOException {
        Path file = Files.writeString(directory.resolve("bad"), content);
        String message = assertThrows(IOException.class, () -> Pem.key(file)).getMessage();
        assertTrue(message.contains(file.toString()), message);
        return message;
    }

    @Test
    void keysOfEveryKindThatOpensslWritesAreRead() throws IOException, InterruptedException {
        Path rsa = made("rsa8", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa8");
        Path ec = made("ec8", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out ec8");
        Path ed = made("ed8", "genpkey -algorithm ED25519 -out ed8");
        Path sec1 = made("ec1", "ecparam -name prime256v1 -genkey -out ec1");
        Path pkcs1 = made("rsa1", "rsa -traditional -in rsa8 -out rsa1");
        assertTrue(Files.readString(pkcs1).contains("BEGIN RSA PRIVATE KEY"));
        assertTrue(Files.readString(sec1).contains("BEGIN EC PRIVATE KEY"));
        assertEquals("RSA", Pem.key(rsa).getAlgorithm());
        assertEquals(Pem.key(rsa), Pem.key(pkcs1));
        assertEquals("EC", Pem.key(ec).getAlgorithm());
        assertEquals("EC", Pem.key(sec1).getAlgorithm());
        assertEquals("EdDSA", Pem.key(ed).getAlgorithm());
    }

    @Test
    void anEncryptedKeyIsRefusedWithTheWayOut() throws IOException, InterruptedException {
        made("plain", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out plain");
        Path pkcs8 = made("enc8", "pkcs8 -topk8 -in plain -passout pass:secret -out enc8");
        Path old = made("enc1", "rsa -traditional -aes128 -in plain -passout pass:secret -out enc1");
        assertTrue(assertThrows(IOException.class, () -> Pem.key(pkcs8))
                .getMessage()
                .contains("openssl pkey"));
        assertTrue(
                assertThrows(IOException.class, () -> Pem.key(old)).getMessage().contains("openssl pkey"));
    }

    @Test
    void damagedFilesAreRefusedByName() throws IOException {
        assertTrue(refusal("").contains("no private key"));
        assertTrue(refusal("-----BEGIN PRIVATE KEY-----\nAAAA\n").contains("ends before"));
        assertTrue(refusal("-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----\n")
                .contains("not base64"));
        assertTrue(refusal("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
                .contains("damaged"));
        for (String sec1 : new String[] {"", "MA==", "MIQ=", "MIT/////", "MAOgAf8=", "MAKg"}) {
            String message = refusal("-----BEGIN EC PRIVATE KEY-----\n" + sec1 + "\n-----END EC PRIVATE KEY-----\n");
            assertTrue(message.contains("curve") || message.contains("damaged") || message.contains("base64"), message);
        }
        Path file = Files.writeString(
                directory.resolve("c"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        assertThrows(IOException.class, () -> Pem.certificates(file));
        assertThrows(IOException.class, () -> Pem.certificates(directory.resolve("bad")));
    }
}
