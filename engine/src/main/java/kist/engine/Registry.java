package kist.engine;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/** Containers by id, prefix of an id, and name; and exec'ed processes by id. Thread-safe. */
final class Registry {
    /** A container whose health is checked every second would otherwise fill the memory. */
    private static final int REMEMBERED_EXECS = 64;

    private final TreeMap<String, Container> byId = new TreeMap<>();
    private final Map<String, String> names = new HashMap<>();
    private final Map<String, Exec> execs = new ConcurrentHashMap<>();

    /** Takes a name for an id; where the name is empty, one is made up. */
    synchronized String reserveName(String wanted, String id) {
        if (!wanted.isEmpty()) {
            String holder = names.putIfAbsent(wanted, id);
            if (holder != null && !holder.equals(id)) {
                throw new EngineException(
                        EngineException.Kind.ALREADY_EXISTS,
                        "Conflict. The container name \"/" + wanted + "\" is already in use by container \"" + holder
                                + "\". You have to remove (or rename) that container to be able to reuse that name.");
            }
            return wanted;
        }
        for (int attempt = 0; ; attempt++) {
            String name = Names.propose(attempt);
            if (names.putIfAbsent(name, id) == null) {
                return name;
            }
        }
    }

    synchronized void releaseName(String name, String id) {
        names.remove(name, id);
    }

    synchronized void add(Container c) {
        byId.put(c.id(), c);
        names.put(c.name(), c.id());
    }

    synchronized void remove(Container c) {
        byId.remove(c.id());
        names.remove(c.name(), c.id());
        c.execs.keySet().forEach(execs::remove);
    }

    /** The container of a full id, a name, or a unique prefix of an id, in this order. */
    synchronized Container get(String ref) {
        String name = ref.startsWith("/") ? ref.substring(1) : ref;
        Container c = byId.get(name);
        if (c == null) {
            String id = names.get(name);
            c = id == null ? null : byId.get(id);
        }
        if (c == null && !name.isEmpty()) {
            for (Container other : byId.tailMap(name).values()) {
                if (!other.id().startsWith(name)) {
                    break;
                }
                if (c != null) {
                    throw new EngineException(
                            EngineException.Kind.INVALID_ARGUMENT,
                            "Multiple IDs found with provided prefix: " + Names.printable(name));
                }
                c = other;
            }
        }
        if (c == null) {
            throw new EngineException(EngineException.Kind.NOT_FOUND, "No such container: " + Names.printable(name));
        }
        return c;
    }

    synchronized Optional<Container> byId(String id) {
        return Optional.ofNullable(byId.get(id));
    }

    synchronized List<Container> all() {
        return new ArrayList<>(byId.values());
    }

    void add(Exec exec) {
        exec.container.execs.put(exec.id, exec);
        execs.put(exec.id, exec);
    }

    /** Keeps one of the engine's own, which is not shown with its container. */
    void addQuietly(Exec exec) {
        execs.put(exec.id, exec);
    }

    void remove(Exec exec) {
        execs.remove(exec.id);
    }

    /** An exec'ed process has ended: clients may still ask how, but not for ever. */
    void retire(Exec exec) {
        exec.container.endedExecs.add(exec.id);
        while (exec.container.endedExecs.size() > REMEMBERED_EXECS) {
            String oldest = exec.container.endedExecs.poll();
            if (oldest != null) {
                exec.container.execs.remove(oldest);
                execs.remove(oldest);
            }
        }
    }

    Exec exec(String id) {
        Exec exec = execs.get(id);
        if (exec == null) {
            throw new EngineException(EngineException.Kind.NOT_FOUND, "No such exec instance: " + Names.printable(id));
        }
        return exec;
    }

    Optional<Exec> findExec(String id) {
        return Optional.ofNullable(execs.get(id));
    }
}
