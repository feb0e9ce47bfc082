package kist.docker;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import kist.engine.ArchiveRequest;
import kist.engine.EngineException;
import kist.engine.EngineException.Kind;
import kist.engine.Request.Done;
import kist.engine.VolumeRequest;
import kist.image.PathStat;
import kist.volume.Volume;

/** Volumes and files that are only remembered. */
final class FakeVolumes {
    private final Map<String, Volume> volumes = new TreeMap<>();
    /** What was copied in last, and how it was asked for. */
    String written = "";

    Object answer(VolumeRequest<?> request) {
        return switch (request) {
            case VolumeRequest.CreateVolume r -> {
                String name = r.name().isEmpty() ? "made-up" : r.name();
                Volume made = new Volume(
                        name, Instant.ofEpochSecond(1_700_000_000, 5), r.labels(), r.options(), Path.of("/v/" + name));
                volumes.put(name, made);
                yield made;
            }
            case VolumeRequest.ListVolumes r ->
                volumes.values().stream()
                        .map(v ->
                                new VolumeRequest.VolumeView(v, v.name().startsWith("used") ? List.of("c") : List.of()))
                        .toList();
            case VolumeRequest.InspectVolume r -> find(r.name());
            case VolumeRequest.RemoveVolume r -> {
                if (!r.force()) {
                    find(r.name());
                }
                volumes.remove(r.name());
                yield Done.DONE;
            }
            case VolumeRequest.PruneVolumes r -> {
                List<String> gone = new ArrayList<>();
                volumes.values().removeIf(v -> (r.all() || v.isAnonymous()) && gone.add(v.name()));
                yield new VolumeRequest.PrunedVolumes(gone, 7);
            }
            case VolumeRequest.VolumeUsage r ->
                volumes.values().stream()
                        .map(v -> new VolumeRequest.UsedVolume(
                                v,
                                v.isMounted() ? OptionalLong.empty() : OptionalLong.of(100),
                                v.name().startsWith("used") ? 1 : 0))
                        .toList();
        };
    }

    private Volume find(String name) {
        Volume volume = volumes.get(name);
        if (volume == null) {
            throw new EngineException(Kind.NOT_FOUND, "get " + name + ": no such volume");
        }
        return volume;
    }

    Object answer(ArchiveRequest<?> request) {
        try {
            return switch (request) {
                case ArchiveRequest.StatPath r -> stat(r.path());
                case ArchiveRequest.ReadPath r -> {
                    OutputStream out = r.sink().begin(stat(r.path()));
                    out.write(("tar of " + r.path()).getBytes(StandardCharsets.UTF_8));
                    out.flush();
                    if (r.path().equals("/broken")) {
                        throw new EngineException(Kind.INTERNAL, "the disk broke");
                    }
                    yield Done.DONE;
                }
                case ArchiveRequest.WritePath r -> {
                    written = r.path() + " " + r.keepsKind() + " " + r.copyOwner() + " "
                            + new String(r.archive().readAllBytes(), StandardCharsets.UTF_8);
                    if (r.path().equals("/ro")) {
                        throw new EngineException(Kind.PERMISSION_DENIED, "container rootfs is marked read-only");
                    }
                    yield Done.DONE;
                }
            };
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static PathStat stat(String path) {
        if (path.equals("/nope")) {
            throw new EngineException(Kind.NOT_FOUND, "Could not find the file /nope in container c");
        }
        return new PathStat("dir", 4096, 0041755, 1_700_000_000, 5, "");
    }
}
