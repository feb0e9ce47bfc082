package kist.image;

import java.io.FileInputStream;
import java.nio.file.*;
import java.util.*;
import kist.kernel.*;

class SpeedProbe {
    public static void main(String[] a) throws Exception {
        Path dir = Path.of(System.getProperty("store", "/var/tmp/kist-image/store"));
        for (int i = 0; i < 4; i++) {
            long t0 = System.nanoTime();
            try (ImageStore s = ImageStore.open(dir, Linux.system())) {
                long t1 = System.nanoTime();
                Image im;
                try (var in = new FileInputStream(a[0])) {
                    im = s.importRootfs(in, "debian:probe", List.of(), "");
                }
                long t2 = System.nanoTime();
                System.out.printf(
                        "open %d ms, import %d ms size %d%n", (t1 - t0) / 1000000, (t2 - t1) / 1000000, im.size());
                s.snapshots().prepare("c1", im.id());
                long t3 = System.nanoTime();
                try (Fd m = s.snapshots().mount("c1", false, true)) {
                    long t4 = System.nanoTime();
                    System.out.printf(
                            "prepare %d us, mount %d us entries %d%n",
                            (t3 - t2) / 1000,
                            (t4 - t3) / 1000,
                            Linux.system().list(m).size());
                }
                for (int k = 0; k < 20; k++) {
                    long x0 = System.nanoTime();
                    s.snapshots().prepare("d" + k, im.id());
                    long x1 = System.nanoTime();
                    s.snapshots().mount("d" + k, false, true).close();
                    long x2 = System.nanoTime();
                    s.snapshots().remove("d" + k);
                    long x3 = System.nanoTime();
                    if (k == 19)
                        System.out.printf(
                                "warm: prepare %d mount %d remove %d us%n",
                                (x1 - x0) / 1000, (x2 - x1) / 1000, (x3 - x2) / 1000);
                }
                s.snapshots().remove("c1");
                if (!Boolean.getBoolean("keep")) System.out.println(s.remove("debian:probe", false, List.of()));
                s.awaitDeletions();
            }
        }
    }
}
