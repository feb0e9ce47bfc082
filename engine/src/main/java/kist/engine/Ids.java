package kist.engine;

import java.security.SecureRandom;
import java.util.HexFormat;

/** Ids that nobody can guess. */
final class Ids {
    private static final SecureRandom RANDOM = new SecureRandom();

    private Ids() {}

    /** 64 hexadecimal digits; never only digits in the first twelve, which users could take for a number. */
    static String random() {
        byte[] bytes = new byte[32];
        while (true) {
            RANDOM.nextBytes(bytes);
            String id = HexFormat.of().formatHex(bytes);
            for (int i = 0; i < 12; i++) {
                if (id.charAt(i) >= 'a') {
                    return id;
                }
            }
        }
    }
}
