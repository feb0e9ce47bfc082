package kist.http;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;

/** Certificates and keys in PEM files (RFC 7468), read with what the JDK has. Every failure names the file. */
final class Pem {
    private static final int MAXIMUM = 1 << 20;
    private static final String BEGIN = "-----BEGIN ";
    private static final String DASHES = "-----";
    /** AlgorithmIdentifier of RSA (RFC 8017 appendix C): the object identifier 1.2.840.113549.1.1.1 and NULL. */
    private static final byte[] RSA = {
        0x30, 0x0d, 0x06, 0x09, 0x2a, (byte) 0x86, 0x48, (byte) 0x86, (byte) 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00
    };
    /** The object identifier 1.2.840.10045.2.1, id-ecPublicKey (RFC 5480). */
    private static final byte[] EC = {0x06, 0x07, 0x2a, (byte) 0x86, 0x48, (byte) 0xce, 0x3d, 0x02, 0x01};

    private static final byte[] VERSION_0 = {0x02, 0x01, 0x00};

    private record Block(String label, byte[] content) {}

    private Pem() {}

    /** Every certificate of a file, in order; at least one. */
    static List<X509Certificate> certificates(Path file) throws IOException {
        List<X509Certificate> found = new ArrayList<>();
        for (Block block : blocks(file)) {
            if (!block.label.equals("CERTIFICATE")) {
                continue;
            }
            try {
                found.add((X509Certificate) CertificateFactory.getInstance("X.509")
                        .generateCertificate(new ByteArrayInputStream(block.content)));
            } catch (GeneralSecurityException e) {
                throw new IOException(file + " holds a certificate that cannot be read: " + e.getMessage(), e);
            }
        }
        if (found.isEmpty()) {
            throw new IOException(file + " holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)");
        }
        return found;
    }

    /** The first private key of a file. */
    static PrivateKey key(Path file) throws IOException {
        for (Block block : blocks(file)) {
            switch (block.label) {
                case "PRIVATE KEY":
                    return key(file, block.content);
                case "RSA PRIVATE KEY":
                    return key(file, der(0x30, VERSION_0, RSA, der(0x04, block.content)));
                case "EC PRIVATE KEY":
                    return key(
                            file,
                            der(0x30, VERSION_0, der(0x30, EC, curve(file, block.content)), der(0x04, block.content)));
                case "ENCRYPTED PRIVATE KEY":
                    throw new IOException(
                            file + " holds an encrypted private key; decrypt it first, such as with openssl"
                                    + " pkey -in OLD -out NEW, and keep it readable for root alone");
                default:
                    break;
            }
        }
        throw new IOException(file + " holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)");
    }

    private static PrivateKey key(Path file, byte[] pkcs8) throws IOException {
        for (String algorithm : List.of("RSA", "EC", "EdDSA")) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
            } catch (GeneralSecurityException notThisOne) {
                // each factory takes only keys of its own algorithm
            }
        }
        throw new IOException(file + " holds a private key that is neither RSA nor EC nor EdDSA, or is damaged");
    }

    private static List<Block> blocks(Path file) throws IOException {
        if (Files.size(file) > MAXIMUM) {
            throw new IOException(file + " is longer than 1 MiB, which no certificate or key is");
        }
        List<Block> found = new ArrayList<>();
        StringBuilder base64 = new StringBuilder();
        String label = "";
        for (String line :
                Files.readString(file, StandardCharsets.ISO_8859_1).lines().toList()) {
            String text = line.strip();
            if (text.startsWith(BEGIN) && text.endsWith(DASHES) && text.length() > BEGIN.length() + DASHES.length()) {
                label = text.substring(BEGIN.length(), text.length() - DASHES.length());
                base64.setLength(0);
            } else if (!label.isEmpty() && text.equals("-----END " + label + DASHES)) {
                found.add(block(file, label, base64.toString()));
                label = "";
            } else if (!label.isEmpty()) {
                base64.append(text);
            }
        }
        if (!label.isEmpty()) {
            throw new IOException(file + " ends before the line -----END " + label + "-----");
        }
        return found;
    }

    private static Block block(Path file, String label, String base64) throws IOException {
        if (base64.startsWith("Proc-Type:")) {
            // the old form of encryption (RFC 1421): header lines stand before the base64
            return new Block("ENCRYPTED PRIVATE KEY", new byte[0]);
        }
        try {
            return new Block(label, Base64.getDecoder().decode(base64));
        } catch (IllegalArgumentException e) {
            throw new IOException(file + " is damaged: its " + label + " is not base64", e);
        }
    }

    /** The curve that a SEC1 key names in its field [0] (RFC 5915), as an object identifier with its head. */
    private static byte[] curve(Path file, byte[] sec1) throws IOException {
        int at = 0;
        int[] field = field(sec1, at);
        if (field.length == 2 && sec1[at] == 0x30) {
            at = field[0];
            int end = field[1];
            while (at < end) {
                field = field(sec1, at);
                if (field.length == 0) {
                    break;
                }
                if (sec1[at] == (byte) 0xa0) {
                    return Arrays.copyOfRange(sec1, field[0], field[1]);
                }
                at = field[1];
            }
        }
        throw new IOException(
                file + " holds an EC key that does not say its curve; turn it into PKCS#8 with openssl pkey");
    }

    /** Where the content of a DER field begins and ends; empty where it does not fit. */
    private static int[] field(byte[] der, int at) {
        if (at + 2 > der.length) {
            return new int[0];
        }
        int length = der[at + 1] & 0xff;
        int start = at + 2;
        if (length >= 0x80) {
            int count = length & 0x7f;
            if (count < 1 || count > 3 || start + count > der.length) {
                return new int[0];
            }
            length = 0;
            for (int i = 0; i < count; i++) {
                length = length << 8 | der[start++] & 0xff;
            }
        }
        return length > der.length - start ? new int[0] : new int[] {start, start + length};
    }

    private static byte[] der(int tag, byte[]... parts) {
        int length = 0;
        for (byte[] part : parts) {
            length += part.length;
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream(length + 4);
        out.write(tag);
        if (length < 0x80) {
            out.write(length);
        } else if (length < 0x100) {
            out.write(0x81);
            out.write(length);
        } else {
            out.write(0x82);
            out.write(length >> 8);
            out.write(length);
        }
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }
}
