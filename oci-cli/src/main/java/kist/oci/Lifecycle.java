package kist.oci;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.KernelException;
import kist.runtime.Cgroup;
import kist.runtime.Resources;

/** What is done to containers that exist. */
final class Lifecycle {
    private final Store store;

    Lifecycle(Store store) {
        this.store = store;
    }

    void kill(String id, int signal, boolean all) {
        try (Container c = new Container(store, id)) {
            Container.Status status = c.status();
            if (status == Container.Status.STOPPED) {
                throw new OciException("container not running");
            }
            if (all && signal == Signals.KILL) {
                c.cgroup().killAll();
                return;
            }
            if (all) {
                for (long pid : c.cgroup().processes()) {
                    try (Fd pidfd = c.linux.pidfdOpen(pid)) {
                        signal(c, pidfd, signal);
                    } catch (KernelException e) {
                        if (e.errno() != Errno.ESRCH) {
                            throw e;
                        }
                    }
                }
                return;
            }
            try (Fd pidfd = c.pidfd()) {
                signal(c, pidfd, signal);
            }
        }
    }

    private static void signal(Container c, Fd pidfd, int signal) {
        try {
            c.linux.pidfdSignal(pidfd, signal);
        } catch (KernelException e) {
            if (e.errno() == Errno.ESRCH) {
                throw new OciException("container not running");
            }
            throw e;
        }
    }

    void delete(String id, boolean force) {
        if (!store.exists(id)) {
            if (force) {
                return;
            }
            throw Store.missing(id);
        }
        Container c;
        try {
            c = new Container(store, id);
        } catch (OciException e) {
            if (force) {
                store.remove(id); // its creator was killed before it wrote down anything
                return;
            }
            throw e;
        }
        try (c) {
            Container.Status status = c.status();
            boolean idle = status == Container.Status.STOPPED || status == Container.Status.CREATED;
            if (!idle && !force) {
                throw new OciException("cannot delete container " + id + " that is not stopped: " + status.text());
            }
            remove(c);
        }
    }

    /** Removes what is left of a container and runs its last hooks. */
    void remove(Container c) {
        kist.runtime.Spec spec = c.spec();
        String state = c.jsonText(Container.Status.STOPPED);
        c.remove();
        spec.hooks().ifPresent(h -> HookRunner.run("poststop", h.poststop(), state));
    }

    void pause(String id, boolean freeze) {
        try (Container c = new Container(store, id)) {
            Container.Status status = c.status();
            if (freeze && status != Container.Status.RUNNING && status != Container.Status.CREATED) {
                throw new OciException("container not running or created: " + status.text());
            }
            if (!freeze && status != Container.Status.PAUSED) {
                throw new OciException("container not paused");
            }
            Cgroup group = c.cgroup();
            if (freeze) {
                group.freeze();
            } else {
                group.thaw();
            }
        }
    }

    void update(String id, Resources resources) {
        try (Container c = new Container(store, id)) {
            if (c.status() == Container.Status.STOPPED) {
                throw new OciException("container not running");
            }
            c.cgroup().update(resources);
        }
    }

    void state(String id, PrintStream out) {
        try (Container c = new Container(store, id)) {
            out.println(c.jsonText(c.status()));
        }
    }

    void processes(String id, boolean json, PrintStream out) {
        try (Container c = new Container(store, id)) {
            List<Long> pids = c.cgroup().processes();
            if (json) {
                out.println(State.JSON.toJson(pids));
                return;
            }
            out.println("PID");
            pids.forEach(out::println);
        }
    }

    void list(boolean quiet, boolean json, PrintStream out) {
        List<Map<String, Object>> all = new ArrayList<>();
        for (String id : store.ids()) {
            try (Container c = new Container(store, id)) {
                all.add(c.json(c.status()));
            } catch (OciException e) {
                // it was removed while we looked
            }
        }
        if (json) {
            out.println(State.JSON.toJson(all));
            return;
        }
        List<String[]> rows = new ArrayList<>();
        rows.add(new String[] {"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"});
        for (Map<String, Object> c : all) {
            if (quiet) {
                out.println(c.get("id"));
            } else {
                rows.add(new String[] {
                    String.valueOf(c.get("id")),
                    String.valueOf(c.get("pid")),
                    String.valueOf(c.get("status")),
                    String.valueOf(c.get("bundle")),
                    String.valueOf(c.get("created")),
                    "root"
                });
            }
        }
        if (!quiet) {
            table(rows, out);
        }
    }

    private static void table(List<String[]> rows, PrintStream out) {
        int[] widths = new int[6];
        for (String[] row : rows) {
            for (int i = 0; i < row.length; i++) {
                widths[i] = Math.max(widths[i], row[i].length());
            }
        }
        for (String[] row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < row.length; i++) {
                line.append(row[i]).append(" ".repeat(i < 5 ? widths[i] - row[i].length() + 3 : 0));
            }
            out.println(line);
        }
    }
}
