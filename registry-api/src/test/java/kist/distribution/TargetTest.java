package kist.distribution;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import kist.distribution.Target.Kind;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TargetTest {
    @ParameterizedTest
    @CsvSource({
        "v2, BASE, '', ''",
        "v2/, BASE, '', ''",
        "v2/_catalog, CATALOG, '', ''",
        "v2/a/tags/list, TAGS, a, ''",
        "v2/a/b/c/tags/list, TAGS, a/b/c, ''",
        "v2/a/manifests/latest, MANIFEST, a, latest",
        "v2/manifests/manifests/manifests, MANIFEST, manifests, manifests",
        "v2/a/blobs/sha256:1, BLOB, a, sha256:1",
        "v2/a/blobs/uploads, UPLOADS, a, ''",
        "v2/a/blobs/uploads/, UPLOADS, a, ''",
        "v2/a/blobs/uploads/x, UPLOAD, a, x",
        "v2/blobs/uploads/blobs/uploads/x, UPLOAD, blobs/uploads, x",
        "v2/a/b/referrers/sha256:1, REFERRERS, a/b, sha256:1",
        "v1/a/tags/list, NONE, '', ''",
        "'', NONE, '', ''",
        "v2/a, NONE, '', ''",
        "v2/tags/list, NONE, '', ''",
        "v2/a/tags/other, NONE, '', ''",
        "v2/a/things/x, NONE, '', ''"
    })
    void aPathIsAboutWhatItsLastPartsSay(String path, Kind kind, String name, String reference) {
        assertEquals(new Target(kind, name, reference), Target.of(Arrays.asList(path.split("/", -1))));
    }
}
