package kist.image;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** One removal, by the rules of the docker command. The catalog's lock is held. */
final class Removal {
    private final Catalog catalog;
    private final Image image;
    private final boolean force;
    private final boolean pruneParents;
    private final List<ImageUse> uses;
    private final Optional<Reference> name;
    private final Index index;
    private final List<String> untagged = new ArrayList<>();
    private final List<String> deleted = new ArrayList<>();

    /**
     * Prepares one.
     *
     * @param pruneParents whether images that this one was made from go with it, if nobody has a name for them
     */
    Removal(Catalog catalog, String nameOrId, boolean force, boolean pruneParents, List<ImageUse> uses) {
        this.catalog = catalog;
        this.image = catalog.get(nameOrId);
        this.force = force;
        this.pruneParents = pruneParents;
        this.uses = uses;
        this.index = catalog.draft();
        this.name = nameSaid(nameOrId);
    }

    /** The name that was said, where it was not an id. */
    private Optional<Reference> nameSaid(String nameOrId) {
        try {
            Reference said = Reference.parseAny(nameOrId);
            Reference plain = said.digest().isEmpty() ? said : said.at(said.digest());
            return names(image.id()).contains(plain) ? Optional.of(plain) : Optional.empty();
        } catch (ImageException id) {
            return Optional.empty();
        }
    }

    /** All names of an image, those with a digest after those with a tag. */
    private List<Reference> names(String id) {
        List<Reference> names = new ArrayList<>();
        Optional.ofNullable(index.entries.get(id)).ifPresent(e -> {
            e.references().stream().sorted().forEach(r -> names.add(Reference.parseAny(r)));
            e.digests().stream().sorted().forEach(r -> names.add(Reference.parseAny(r)));
        });
        return names;
    }

    Removed run() {
        Set<String> others = new LinkedHashSet<>();
        boolean quiet = false;
        if (name.isPresent()) {
            if (!force && isSingle(names(image.id()))) {
                Optional<ImageUse> use = uses.stream()
                        .filter(u -> u.imageId().equals(image.id()))
                        .findFirst();
                if (use.isPresent()) {
                    throw conflict("unable to remove repository reference "
                            + Text.quote(name.get().familiar()) + " (must force) - "
                            + container(use.get(), "container ") + " is using its referenced image "
                            + shortId(image.id()));
                }
            }
            others.addAll(variants(name.get()));
            untag(name.get());
            dropDigestsWithoutTag(name.get());
            if (!names(image.id()).isEmpty()) {
                return ended();
            }
            quiet = true;
        } else if (isSingle(names(image.id()))) {
            Optional<ImageException> conflict = conflict(image.id(), force, false);
            if (conflict.isPresent()) {
                throw conflict.get();
            }
            names(image.id()).forEach(this::untag);
        }
        delete(image.id(), force, quiet);
        for (String other : others) {
            if (names(other).isEmpty() && !catalog.isVariantOf(index, other)) {
                delete(other, false, true);
            }
        }
        return ended();
    }

    private Removed ended() {
        Set<String> before = new LinkedHashSet<>();
        for (String id : deleted) {
            catalog.entry(id).ifPresent(e -> before.addAll(e.layers().reversed()));
        }
        List<Optional<ImageDocument>> documents =
                deleted.stream().map(catalog::document).toList();
        List<Index.Entry> entries =
                deleted.stream().map(id -> catalog.entry(id).orElseThrow()).toList();
        catalog.change(index);
        catalog.collect();
        List<String> gone = new ArrayList<>();
        for (int i = 0; i < deleted.size(); i++) {
            gone.add(deleted.get(i));
            List<String> diffIds = documents.get(i).map(ImageDocument::diffIds).orElse(List.of());
            List<String> chains = new ArrayList<>();
            for (String diffId : diffIds) {
                chains.add(Digest.chain(chains.isEmpty() ? "" : chains.getLast(), diffId));
            }
            List<String> layers = entries.get(i).layers();
            for (int j = Math.min(layers.size(), chains.size()) - 1; j >= 0; j--) {
                if (before.remove(layers.get(j)) && catalog.layer(layers.get(j)).isEmpty()) {
                    gone.add(chains.get(j));
                }
            }
        }
        return new Removed(List.copyOf(untagged), List.copyOf(gone));
    }

    /** The images for other platforms that a name stands for. */
    private List<String> variants(Reference reference) {
        return reference.digest().isEmpty()
                ? catalog.variants(reference.toString()).stream()
                        .map(Image::id)
                        .filter(id -> !id.equals(image.id()))
                        .toList()
                : List.of();
    }

    private void untag(Reference reference) {
        String full = reference.toString();
        index.entries.computeIfPresent(
                image.id(),
                (k, e) -> e.withReferences(e.references().stream()
                                .filter(r -> !r.equals(full))
                                .toList())
                        .withDigests(e.digests().stream()
                                .filter(r -> !r.equals(full))
                                .toList()));
        index.lists.remove(full);
        untagged.add(reference.familiar());
    }

    /** With the last tag of a repository its names with a digest go too. */
    private void dropDigestsWithoutTag(Reference removed) {
        if (!removed.digest().isEmpty()) {
            return;
        }
        List<Reference> same = names(image.id()).stream()
                .filter(r -> r.repository().equals(removed.repository()))
                .toList();
        if (same.stream().allMatch(r -> r.tag().isEmpty())) {
            same.forEach(this::untag);
        }
    }

    /** Whether the names are at most one tag, with or without one digest of the same repository. */
    private static boolean isSingle(List<Reference> names) {
        if (names.size() <= 1) {
            return true;
        }
        List<Reference> tags = names.stream().filter(r -> r.digest().isEmpty()).toList();
        Set<String> canonical = new LinkedHashSet<>();
        names.stream().filter(r -> !r.digest().isEmpty()).forEach(r -> canonical.add(r.repository()));
        return tags.size() <= 1
                && canonical.size() == 1
                && canonical.contains((tags.isEmpty() ? names : tags).getFirst().repository());
    }

    /** What stands against the removal of an image; with names that it still has, if these are to count. */
    private Optional<ImageException> conflict(String id, boolean forced, boolean countNames) {
        if (index.entries.values().stream()
                .anyMatch(e -> !e.removed() && e.parent().equals(id))) {
            return Optional.of(unable(id, "cannot be forced", "image has dependent child images"));
        }
        List<ImageUse> own = uses.stream().filter(u -> u.imageId().equals(id)).toList();
        Optional<ImageUse> running = own.stream().filter(ImageUse::running).findFirst();
        if (running.isPresent()) {
            return Optional.of(unable(
                    id,
                    "cannot be forced",
                    "image is being used by " + container(running.get(), "running container ")));
        }
        if (!forced && countNames && !names(id).isEmpty()) {
            return Optional.of(unable(id, "must be forced", "image is referenced in multiple repositories"));
        }
        if (!forced && !own.isEmpty()) {
            return Optional.of(unable(
                    id, "must be forced", "image is being used by " + container(own.getFirst(), "stopped container ")));
        }
        return Optional.empty();
    }

    private static ImageException unable(String id, String how, String why) {
        return conflict("unable to delete " + shortId(id) + " (" + how + ") - " + why);
    }

    private void delete(String id, boolean forced, boolean quiet) {
        Optional<ImageException> conflict = conflict(id, forced, true);
        if (conflict.isPresent()) {
            boolean used = uses.stream().anyMatch(u -> u.imageId().equals(id));
            boolean dangling = names(id).isEmpty() && catalog.children(id).isEmpty();
            if (quiet && (used || !dangling)) {
                return;
            }
            throw conflict.get();
        }
        if (id.equals(image.id())) {
            names(id).forEach(this::untag);
        }
        Index.Entry entry = index.entries.get(id);
        if (entry == null) {
            return;
        }
        if (catalog.snapshots().uses(id)) {
            index.entries.put(id, entry.withRemoved());
        } else {
            index.entries.remove(id);
        }
        deleted.add(id);
        String parent = entry.parent();
        if (pruneParents && index.entries.containsKey(parent) && names(parent).isEmpty()) {
            delete(parent, false, true);
        }
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
