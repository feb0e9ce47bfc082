package kist.docker;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import kist.engine.EngineException;
import kist.engine.EngineException.Kind;
import kist.engine.ImageRequest;
import kist.engine.Request.Done;
import kist.image.Change;
import kist.image.Descriptor;
import kist.image.Image;
import kist.image.ImageConfig;
import kist.image.MediaTypes;
import kist.image.Platform;
import kist.image.TransferEvent;
import kist.image.TransferEvent.State;
import kist.image.TreeChange;

/**
 * The images of the fake engine: busybox, and a registry where {@code nosuch} is not, {@code broken} fails in the middle, and
 * {@code slow} never ends.
 */
final class FakeImages {
    static final String DIGEST = "sha256:" + "dd".repeat(32);
    static final String LAYER = "sha256:" + "ee".repeat(32);
    private static final Instant CREATED = Instant.ofEpochSecond(1_700_000_000);

    final CountDownLatch slowBegun = new CountDownLatch(1);
    final CountDownLatch slowEnded = new CountDownLatch(1);
    final CountDownLatch unserved = new CountDownLatch(1);

    Object answer(ImageRequest<?> request) throws InterruptedException {
        return switch (request) {
            case ImageRequest.ListImages r -> List.of(image());
            case ImageRequest.InspectImage r -> image(r.name());
            case ImageRequest.ListVariants r ->
                new ImageRequest.Variants(
                        Optional.of(manifest()),
                        List.of(new ImageRequest.Variant(manifest(), Optional.of(image()), 10, List.of("c1"))),
                        Optional.of(CREATED));
            case ImageRequest.ImportImage r -> {
                drain(r.tar());
                yield image();
            }
            case ImageRequest.LoadImages r -> {
                drain(r.tar());
                yield List.of(new ImageRequest.Loaded(image(), image().references()));
            }
            case ImageRequest.SaveImages r -> {
                r.names().forEach(FakeImages::image);
                yield write(r.out(), "tar of " + r.names());
            }
            case ImageRequest.TagImage r -> Done.DONE;
            case ImageRequest.RemoveImage r -> removed(r.name());
            case ImageRequest.PruneImages r -> new ImageRequest.Pruned(List.of(removed("old:1")), 77);
            case ImageRequest.PullImage r -> pull(r);
            case ImageRequest.ListTags r -> List.of("1", "2");
            case ImageRequest.PushImage r -> push(r);
            case ImageRequest.SearchImages r -> List.of(new ImageRequest.Found("a/b", "words", 3, true));
            case ImageRequest.InspectDistribution r ->
                new ImageRequest.Distribution(
                        manifest(),
                        List.of(new Platform("linux", "arm", "v7", "")),
                        "{\"schemaVersion\":2}".getBytes(StandardCharsets.UTF_8));
            case ImageRequest.Login r -> {
                if (!r.credentials().password().equals("right")) {
                    throw new EngineException(Kind.UNAUTHENTICATED, "incorrect username or password");
                }
                yield "token";
            }
            case ImageRequest.DiffImages r -> {
                r.found()
                        .accept(new TreeChange(
                                Change.Kind.MODIFIED,
                                "/etc/a",
                                Optional.of(side(10, 0644)),
                                Optional.of(side(10, 0755))));
                yield Done.DONE;
            }
            case ImageRequest.ContainerChanges r ->
                List.of(
                        new Change(Change.Kind.MODIFIED, "/etc"),
                        new Change(Change.Kind.ADDED, "/etc/a"),
                        new Change(Change.Kind.DELETED, "/etc/b"));
            case ImageRequest.ExportContainer r -> {
                if (r.ref().equals("broken")) {
                    write(r.out(), "x".repeat(40_000));
                    throw new EngineException(Kind.INTERNAL, "the disk is broken");
                }
                yield write(r.out(), "files of " + r.ref());
            }
            case ImageRequest.CommitContainer r -> image();
            case ImageRequest.DiskUsage r ->
                new ImageRequest.Usage(
                        1000,
                        300,
                        r.images() ? List.of(new ImageRequest.ImageUsage(image(), 400, 2)) : List.of(),
                        List.of());
            case ImageRequest.ServeRegistry r -> serve(r);
        };
    }

    private static TreeChange.Side side(long size, int mode) {
        return new TreeChange.Side(TreeChange.Type.FILE, size, mode, 0, 0);
    }

    private static ImageRequest.RemovedImage removed(String name) {
        return new ImageRequest.RemovedImage(List.of(name), List.of(FakeEngine.IMAGE_ID));
    }

    static Descriptor manifest() {
        return Descriptor.of(MediaTypes.OCI_MANIFEST, DIGEST, 528);
    }

    private ImageRequest.Pulled pull(ImageRequest.PullImage r) throws InterruptedException {
        if (r.reference().startsWith("nosuch")) {
            throw new EngineException(Kind.NOT_FOUND, "manifest for " + r.reference() + " not found");
        }
        if (r.reference().startsWith("slow")) {
            slowBegun.countDown();
            try {
                new CountDownLatch(1).await();
            } finally {
                slowEnded.countDown();
            }
        }
        tell(r, State.WAITING, 0);
        for (int i = 1; i <= 1000; i++) {
            tell(r, State.DOWNLOADING, i);
        }
        if (r.reference().startsWith("broken")) {
            throw new EngineException(Kind.UNAVAILABLE, "the registry broke off");
        }
        tell(r, State.VERIFYING, 0);
        tell(r, State.DOWNLOADED, 0);
        tell(r, State.EXTRACTING, 500);
        tell(r, State.COMPLETE, 0);
        return new ImageRequest.Pulled(image(), DIGEST, !r.reference().startsWith("old"));
    }

    private static void tell(ImageRequest.PullImage r, State state, long done) {
        r.progress().on(new TransferEvent(LAYER, state, done, 1000));
    }

    private static List<ImageRequest.Pushed> push(ImageRequest.PushImage r) {
        if (r.reference().startsWith("nosuch")) {
            throw new EngineException(Kind.NOT_FOUND, "An image does not exist locally with the tag: nosuch");
        }
        for (State state : List.of(State.PREPARING, State.WAITING, State.PUSHING, State.PUSHED)) {
            r.progress().on(new TransferEvent(LAYER, state, state == State.PUSHING ? 500 : 0, 1000));
        }
        String tag = r.reference().substring(r.reference().lastIndexOf(':') + 1);
        return List.of(new ImageRequest.Pushed(tag, DIGEST, 528));
    }

    private ImageRequest.Served serve(ImageRequest.ServeRegistry r) {
        return new ImageRequest.Served() {
            @Override
            public String address() {
                return "http://" + r.service().listen();
            }

            @Override
            public void close() {
                unserved.countDown();
            }
        };
    }

    private static Done write(OutputStream out, String text) {
        try {
            out.write(text.getBytes(StandardCharsets.UTF_8));
            return Done.DONE;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void drain(InputStream in) {
        try {
            in.transferTo(OutputStream.nullOutputStream());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Image image() {
        return image("busybox");
    }

    static Image image(String name) {
        if (!name.equals("busybox") && !name.equals("busybox:latest") && !name.equals(FakeEngine.IMAGE_ID)) {
            throw new EngineException(Kind.NOT_FOUND, "No such image: " + name);
        }
        return new Image(
                FakeEngine.IMAGE_ID,
                List.of("busybox:latest"),
                List.of("busybox@" + DIGEST),
                CREATED,
                "amd64",
                "",
                "linux",
                "",
                "Imported from -",
                1_982_298,
                List.of("sha256:" + "cd".repeat(32)),
                List.of(1_982_298L),
                "",
                new ImageConfig(
                        List.of(),
                        List.of("sh"),
                        List.of("PATH=/bin"),
                        "",
                        "",
                        List.of("80/tcp"),
                        List.of(),
                        Map.of("l", "v"),
                        "",
                        Optional.of(new ImageConfig.Healthcheck(
                                List.of("CMD", "true"), Duration.ofSeconds(5), Duration.ZERO, Duration.ZERO, 3)),
                        List.of(),
                        List.of(),
                        false),
                List.of(
                        new Image.History(CREATED, "made", "", "Imported from -", false),
                        new Image.History(CREATED, "CMD sh", "", "", true)));
    }
}
