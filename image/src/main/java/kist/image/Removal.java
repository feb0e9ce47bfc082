package kist.image;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** One removal, by the rules of the docker command. The catalog's lock is held. */
final class Removal {
    private final Catalog catalog;
    private final Image image;
    private final boolean force;
    private final List<ImageUse> uses;
    private final Optional<String> name;
    private final List<String> untagged = new ArrayList<>();

    Removal(Catalog catalog, String nameOrId, boolean force, List<ImageUse> uses) {
        this.catalog = catalog;
        this.image = catalog.get(nameOrId);
        this.force = force;
        this.uses = uses.stream().filter(u -> u.imageId().equals(image.id())).toList();
        this.name = nameSaid(nameOrId);
    }

    /** The name that was said, where it was not an id. */
    private Optional<String> nameSaid(String nameOrId) {
        try {
            String familiar = Reference.parse(nameOrId).familiar();
            return image.references().contains(familiar) ? Optional.of(familiar) : Optional.empty();
        } catch (ImageException id) {
            return Optional.empty();
        }
    }

    Removed run() {
        Map<String, Index.Entry> entries = catalog.entries();
        Optional<ImageUse> running = uses.stream().filter(ImageUse::running).findFirst();
        Optional<ImageUse> stopped = uses.stream().filter(u -> !u.running()).findFirst();
        if (name.isPresent()) {
            boolean last = image.references().size() == 1;
            if (last && !force && !uses.isEmpty()) {
                throw conflict("unable to remove repository reference " + Text.quote(name.get())
                        + " (must force) - " + container(uses.getFirst(), "container ")
                        + " is using its referenced image " + shortId(image.id()));
            }
            untag(entries, name.get());
            if (!last || !uses.isEmpty() && running.isPresent()) {
                catalog.change(entries);
                return new Removed(untagged, List.of());
            }
            return delete(entries);
        }
        if (running.isPresent()) {
            throw conflict("unable to delete " + shortId(image.id())
                    + " (cannot be forced) - image is being used by "
                    + container(running.get(), "running container "));
        }
        if (!force && names(image.references()) > 1) {
            throw conflict("unable to delete " + shortId(image.id())
                    + " (must be forced) - image is referenced in multiple repositories");
        }
        if (!force && stopped.isPresent()) {
            throw conflict("unable to delete " + shortId(image.id())
                    + " (must be forced) - image is being used by "
                    + container(stopped.get(), "stopped container "));
        }
        image.references().forEach(r -> untag(entries, r));
        return delete(entries);
    }

    private void untag(Map<String, Index.Entry> entries, String familiar) {
        String full = Reference.parse(familiar).toString();
        entries.computeIfPresent(
                image.id(),
                (k, e) -> e.withReferences(
                        e.references().stream().filter(r -> !r.equals(full)).toList()));
        untagged.add(familiar);
    }

    private Removed delete(Map<String, Index.Entry> entries) {
        Index.Entry entry = entries.getOrDefault(image.id(), new Index.Entry(image.id(), List.of(), List.of(), false));
        if (catalog.snapshots().uses(image.id())) {
            entries.put(image.id(), new Index.Entry(image.id(), List.of(), entry.layers(), true));
        } else {
            entries.remove(image.id());
        }
        List<String> before = entry.layers().stream()
                .filter(d -> catalog.layer(d).isPresent())
                .toList();
        catalog.change(entries);
        catalog.collect();
        List<String> deleted = new ArrayList<>();
        deleted.add(image.id());
        for (String directory : entry.layers().reversed()) {
            if (before.contains(directory) && catalog.layer(directory).isEmpty()) {
                deleted.add("sha256:" + directory);
            }
        }
        return new Removed(List.copyOf(untagged), List.copyOf(deleted));
    }

    private static long names(List<String> references) {
        return references.stream()
                .map(r -> Reference.parse(r).familiarName())
                .distinct()
                .count();
    }

    private static String container(ImageUse use, String kind) {
        return use.containerId().isEmpty() ? "a container" : kind + shortId(use.containerId());
    }

    private static String shortId(String id) {
        String hex = id.startsWith("sha256:") ? id.substring(7) : id;
        return hex.length() > 12 ? hex.substring(0, 12) : hex;
    }

    private static ImageException conflict(String why) {
        return new ImageException(ImageException.Kind.CONFLICT, "conflict: " + why);
    }
}
