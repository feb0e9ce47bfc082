package kist.distribution;

import java.io.IOException;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** This door keeps all of the specification. */
class KistConformanceSystemTest extends Conformance {
    private static Served served;

    @BeforeAll
    static void open() throws IOException {
        served = new Served();
    }

    @AfterAll
    static void close() throws IOException {
        served.close();
    }

    @Override
    String address() {
        return served.address();
    }

    @Override
    Set<Feature> lacks() {
        return Set.of();
    }
}
