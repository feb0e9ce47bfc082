package kist.image;

import java.util.Optional;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;

/** Brings single files and the attributes of directories from the layers below into a layer that is being unpacked. */
final class CopyUp {
    private static final long IN_ROOT = Flags.RESOLVE_IN_ROOT | Flags.RESOLVE_NO_MAGICLINKS;

    private final Linux linux;
    private final Fd lower;
    private final LayerTree tree;
    private final Attributes attributes;
    private final Copies copies;
    private final Budget budget;
    private final String what;

    /** Makes one; {@code lower} is a mount of all layers below, where the kernel itself heeds their whiteouts. */
    CopyUp(Linux linux, Fd lower, LayerTree tree, Attributes attributes, Budget budget, String what) {
        this.linux = linux;
        this.lower = lower;
        this.tree = tree;
        this.attributes = attributes;
        this.copies = new Copies(linux, attributes);
        this.budget = budget;
        this.what = what;
    }

    /** Copies one entry that is not a directory; false where the layers below have no such entry. */
    boolean copy(String path) {
        Optional<Fd> from = directory(EntryPath.parent(path));
        if (from.isEmpty()) {
            return false;
        }
        try (Fd source = from.get()) {
            String name = EntryPath.name(path);
            Linux.Stat stat;
            try {
                stat = linux.stat(source, name);
            } catch (KernelException e) {
                if (e.errno() == Errno.ENOENT) {
                    return false;
                }
                throw e;
            }
            budget.entry(what, stat.type() == Flags.S_IFREG ? stat.size() : 0);
            Fd parent = tree.directory(EntryPath.parent(path));
            budget.writing(what, stat.type() == Flags.S_IFREG ? stat.size() : 0);
            return stat.type() != Flags.S_IFDIR && copies.copy(source, name, stat, parent);
        }
    }

    /** Copies owner, mode, time and extended attributes of a directory; false where the layers below have none. */
    boolean attributes(String path, Fd to) {
        Optional<Fd> from = directory(path);
        if (from.isEmpty()) {
            return false;
        }
        try (Fd source = from.get()) {
            attributes.copy(source, "", linux.stat(source, ""), to, "", to);
        }
        return true;
    }

    private Optional<Fd> directory(String path) {
        try {
            return Optional.of(
                    linux.openat2(lower, path.isEmpty() ? "." : path, Flags.O_PATH | Flags.O_DIRECTORY, 0, IN_ROOT));
        } catch (KernelException e) {
            return switch (e.errno()) {
                case Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP -> Optional.empty();
                default -> throw e;
            };
        }
    }
}
