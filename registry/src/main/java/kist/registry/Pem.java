package kist.registry;

import java.io.ByteArrayOutputStream;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Keys in PEM texts (RFC 7468). */
final class Pem {
    private static final Pattern BLOCK =
            Pattern.compile("-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \\1-----", Pattern.DOTALL);
    private static final List<String> ALGORITHMS = List.of("EC", "RSA", "Ed25519");
    private static final HexFormat HEX = HexFormat.of();
    /** AlgorithmIdentifier of rsaEncryption. */
    private static final byte[] RSA = HEX.parseHex("300d06092a864886f70d0101010500");
    /** Object identifier id-ecPublicKey. */
    private static final byte[] EC = HEX.parseHex("06072a8648ce3d0201");

    private static final byte[] VERSION = HEX.parseHex("020100");

    private Pem() {}

    /** Reads a private key in PKCS#8, PKCS#1 or SEC 1. */
    static PrivateKey privateKey(String pem) throws GeneralSecurityException {
        Matcher block = BLOCK.matcher(pem);
        while (block.find()) {
            byte[] der = decode(block.group(2));
            switch (block.group(1)) {
                case "PRIVATE KEY" -> {
                    return privateKey(der);
                }
                case "RSA PRIVATE KEY" -> {
                    return privateKey(element(0x30, VERSION, RSA, element(0x04, der)));
                }
                case "EC PRIVATE KEY" -> {
                    return privateKey(element(0x30, VERSION, element(0x30, EC, curve(der)), element(0x04, der)));
                }
                case "ENCRYPTED PRIVATE KEY" ->
                    throw new GeneralSecurityException("the private key has a passphrase; store it without one");
                default -> {
                    // parameters and certificates may stand before the key
                }
            }
        }
        throw new GeneralSecurityException("there is no private key in PEM form");
    }

    private static PrivateKey privateKey(byte[] pkcs8) throws GeneralSecurityException {
        for (String algorithm : ALGORITHMS) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
            } catch (InvalidKeySpecException e) {
                // of another algorithm
            }
        }
        throw new GeneralSecurityException("the private key is of none of the kinds " + ALGORITHMS);
    }

    /** Reads the first public key (SubjectPublicKeyInfo). */
    static PublicKey publicKey(String pem) throws GeneralSecurityException {
        Matcher block = BLOCK.matcher(pem);
        while (block.find()) {
            if (block.group(1).equals("PUBLIC KEY")) {
                X509EncodedKeySpec spec = new X509EncodedKeySpec(decode(block.group(2)));
                for (String algorithm : ALGORITHMS) {
                    try {
                        return KeyFactory.getInstance(algorithm).generatePublic(spec);
                    } catch (InvalidKeySpecException e) {
                        // of another algorithm
                    }
                }
                throw new GeneralSecurityException("the public key is of none of the kinds " + ALGORITHMS);
            }
        }
        throw new GeneralSecurityException("there is no public key in PEM form");
    }

    private static byte[] decode(String base64) throws GeneralSecurityException {
        try {
            return Base64.getMimeDecoder().decode(base64);
        } catch (IllegalArgumentException e) {
            throw new GeneralSecurityException("the key is not in base 64", e);
        }
    }

    /** The named curve of an EC private key: its element [0] (RFC 5915). */
    private static byte[] curve(byte[] der) throws GeneralSecurityException {
        int at = content(der, 0);
        while (at < der.length) {
            int start = content(der, at);
            int end = start + length(der, at);
            if (end > der.length || end <= at) {
                break;
            }
            if ((der[at] & 0xff) == 0xa0) {
                return Arrays.copyOfRange(der, start, end);
            }
            at = end;
        }
        throw new GeneralSecurityException("the private key does not name its curve");
    }

    private static int content(byte[] der, int at) throws GeneralSecurityException {
        return at + 2 + wide(der, at).orElse(0);
    }

    private static int length(byte[] der, int at) throws GeneralSecurityException {
        Optional<Integer> wide = wide(der, at);
        if (wide.isEmpty()) {
            return der[at + 1];
        }
        int length = 0;
        for (int i = 0; i < wide.get(); i++) {
            length = length << 8 | der[at + 2 + i] & 0xff;
        }
        return length;
    }

    /** Bytes that a long length takes. */
    private static Optional<Integer> wide(byte[] der, int at) throws GeneralSecurityException {
        if (at + 1 >= der.length) {
            throw new GeneralSecurityException("the private key is cut off");
        }
        int first = der[at + 1] & 0xff;
        if (first < 0x80) {
            return Optional.empty();
        }
        int bytes = first & 0x7f;
        if (bytes > 3 || at + 2 + bytes > der.length) {
            throw new GeneralSecurityException("the private key is cut off");
        }
        return Optional.of(bytes);
    }

    /** A DER element. */
    private static byte[] element(int tag, byte[]... parts) {
        int length = 0;
        for (byte[] part : parts) {
            length += part.length;
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(tag);
        int wide = length < 0x80 ? 0 : length < 0x100 ? 1 : length < 0x10000 ? 2 : 3;
        if (wide > 0) {
            out.write(0x80 | wide);
        }
        for (int i = Math.max(wide, 1) - 1; i >= 0; i--) {
            out.write(length >> 8 * i);
        }
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }
}
