package kist.registry;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.util.function.Supplier;

/**
 * What is sent with a request.
 *
 * @param open opens the bytes anew, for each try
 * @param length bytes, exactly
 */
record Body(Supplier<InputStream> open, long length, String type) {
    static Body of(byte[] bytes, String type) {
        return new Body(() -> new ByteArrayInputStream(bytes), bytes.length, type);
    }

    static final Body EMPTY = of(new byte[0], "");
}
