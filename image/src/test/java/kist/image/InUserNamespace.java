package kist.image;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import kist.kernel.Fd;
import kist.kernel.Linux;
import kist.kernel.Trees;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Runs in a JVM of its own inside a user namespace, see {@link UserNamespaceSystemTest}: the conformance tests and more. */
final class InUserNamespace {
    private InUserNamespace() {}

    static final class Overlaid extends SnapshotsConformance {
        @Override
        Snapshotter snapshotter() {
            return Snapshotter.OVERLAY;
        }

        @Test
        void the_marks_are_those_of_users() throws Exception {
            snapshots().prepare("c", image.id());
            try (Fd root = snapshots().mount("c", false, false)) {
                Trees.delete(linux, root, "var");
                linux.mkdirat(root, "var", 0755);
            }
            try (Fd upper = linux.open(stores.directory.resolve("snapshots/c/upper"), 0200000, 0)) {
                check(linux.listxattr(upper, "var").contains("user.overlay.opaque"), "marked for users");
            }
        }

        @Test
        void files_of_users_that_are_not_mapped_are_refused_with_a_sentence() {
            byte[] tar = Tars.concat(
                    Tars.pax("uid", "1000"), new Tars().file("mine", "x").bytes());
            try {
                stores.importTar(tar, "x");
            } catch (ImageException e) {
                check(e.kind() == ImageException.Kind.UNSUPPORTED, e.kind().toString());
                check(e.getMessage().contains("\"mine\" belongs to 1000:0"), e.getMessage());
                check(e.getMessage().contains("subuid(5)"), e.getMessage());
                return;
            }
            check(false, "accepted");
        }

        @Test
        void devices_are_left_out() {
            Image i = stores.importTar(
                    new Tars().device("null", (byte) '3', 1, 3).file("f", "f").bytes(), "x");
            check(
                    stores.tree(i).keySet().equals(java.util.Set.of("f")),
                    stores.tree(i).toString());
        }
    }

    static final class Copied extends SnapshotsConformance {
        @Override
        Snapshotter snapshotter() {
            return Snapshotter.COPY;
        }
    }

    private static void check(boolean good, String otherwise) {
        if (!good) {
            throw new AssertionError(otherwise);
        }
    }

    /** Says how many tests have passed, or which one failed and how. */
    public static void main(String[] args) throws Exception {
        check(Linux.system() != null, "a kernel");
        int passed = 0;
        for (Class<?> type : List.of(Overlaid.class, Copied.class)) {
            List<Method> methods = new ArrayList<>(List.of(type.getDeclaredMethods()));
            methods.addAll(List.of(SnapshotsConformance.class.getDeclaredMethods()));
            methods.sort(Comparator.comparing(Method::getName));
            Method after = methods.stream()
                    .filter(m -> m.isAnnotationPresent(AfterEach.class))
                    .findFirst()
                    .orElseThrow();
            for (Method method : methods) {
                if (method.isAnnotationPresent(Test.class) && !method.isAnnotationPresent(NeedsRealRoot.class)) {
                    var constructor = type.getDeclaredConstructor();
                    Object test = constructor.newInstance();
                    System.out.println(type.getSimpleName() + "." + method.getName());
                    method.invoke(test);
                    after.invoke(test);
                    passed++;
                }
            }
        }
        System.out.println("passed " + passed);
    }
}
