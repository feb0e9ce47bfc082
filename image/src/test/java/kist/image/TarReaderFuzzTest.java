package kist.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Any bytes are an archive or refused; what was read is written and read again as the same. */
class TarReaderFuzzTest {
    private static final long CENTURIES = 1L << 40;

    @FuzzTest
    void any_bytes_are_read_or_refused(byte[] bytes) throws IOException {
        List<TarEntry> entries = new ArrayList<>();
        TarReader tar = new TarReader(new ByteArrayInputStream(bytes), "the archive");
        byte[] piece = new byte[4096];
        try {
            for (Optional<TarEntry> e = tar.next(); e.isPresent(); e = tar.next()) {
                TarEntry entry = e.get();
                long[] stored = {0};
                tar.content(piece, (b, n, at) -> {
                    assertTrue(at >= 0 && n > 0 && at + n <= entry.size(), "content inside the file");
                    stored[0] += n;
                });
                assertTrue(stored[0] <= bytes.length);
                if (entry.sparse().length == 0 && isPlain(entry)) {
                    entries.add(entry);
                }
            }
            tar.drain();
        } catch (ImageException refused) {
            assertTrue(refused.getMessage().startsWith("the archive"), refused.getMessage());
        }
        again(entries);
    }

    /** What no entry that is unpacked can have, and no archive can say twice in the same way. */
    private static boolean isPlain(TarEntry e) {
        return e.name().indexOf('\0') < 0
                && e.linkName().indexOf('\0') < 0
                && !e.name().isEmpty()
                && Math.abs(e.mtimeSec()) < CENTURIES
                && e.xattrs().keySet().stream().noneMatch(k -> k.indexOf('=') >= 0)
                && e.xattrs().values().stream().mapToInt(v -> v.length).sum() < 1 << 19;
    }

    private static void again(List<TarEntry> entries) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        TarWriter tar = new TarWriter(out);
        byte[] zeros = new byte[4096];
        for (TarEntry entry : entries) {
            tar.begin(entry);
            for (long left = entry.type() == TarEntry.Type.FILE ? entry.size() : 0; left > 0; left -= zeros.length) {
                tar.content(zeros, (int) Math.min(left, zeros.length));
            }
        }
        tar.finish();
        TarReader reader = new TarReader(new ByteArrayInputStream(out.toByteArray()), "again");
        for (TarEntry entry : entries) {
            TarEntry found = reader.next().orElseThrow();
            boolean slash =
                    entry.type() == TarEntry.Type.DIRECTORY && !entry.name().endsWith("/");
            assertEquals(slash ? entry.name() + "/" : entry.name(), found.name());
            assertEquals(entry.linkName(), found.linkName());
            assertEquals(entry.type(), found.type());
            assertEquals(entry.size(), found.size());
            assertEquals(entry.uid(), found.uid());
            assertEquals(entry.gid(), found.gid());
            assertEquals(entry.mode(), found.mode());
            assertEquals(entry.mtimeSec(), found.mtimeSec());
            assertEquals(entry.mtimeNsec(), found.mtimeNsec());
            assertEquals(entry.xattrs().keySet(), found.xattrs().keySet());
        }
        assertEquals(Optional.empty(), reader.next());
    }
}
