package kist.image;

import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.Iterator;
import java.util.Optional;

/**
 * Walks over a tree by names, each directory before what is in it, without recursion: who made the tree decides how deep it
 * is.
 */
final class Walk {
    private Walk() {}

    /**
     * What is done on the way.
     *
     * @param <S> what is known of a directory
     * @param <X> what it throws
     */
    interface Visitor<S, X extends Exception> {
        /** The names in a directory in the order in which they are visited. */
        Collection<String> names(String directory, S state) throws X;

        /** Visits an entry; what is known of it where it is a directory to go into, empty where not. */
        Optional<S> enter(String directory, String name, S state) throws X;

        /** Visits a directory again, after everything in it; not the root. */
        default void leave(String path, S state) throws X {}
    }

    private record Level<S>(String path, S state, Iterator<String> names) {}

    /** Walks over everything below the root, whose path is empty. */
    static <S, X extends Exception> void over(S root, Visitor<S, X> visitor) throws X {
        Deque<Level<S>> levels = new ArrayDeque<>();
        levels.push(new Level<>("", root, visitor.names("", root).iterator()));
        while (true) {
            Level<S> level = levels.element();
            if (level.names().hasNext()) {
                String name = level.names().next();
                Optional<S> below = visitor.enter(level.path(), name, level.state());
                if (below.isPresent()) {
                    String path = Directories.join(level.path(), name);
                    levels.push(new Level<>(
                            path, below.get(), visitor.names(path, below.get()).iterator()));
                }
            } else {
                levels.pop();
                if (levels.isEmpty()) {
                    return;
                }
                visitor.leave(level.path(), level.state());
            }
        }
    }
}
