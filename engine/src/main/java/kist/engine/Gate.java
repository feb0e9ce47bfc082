package kist.engine;

/**
 * The one place where it is decided who may do what, and where that is written down. Every door's request passes it
 * before anything happens. For now whoever can open an engine's socket is an administrator: the file's mode decides.
 * Thread-safe.
 */
final class Gate implements AutoCloseable {
    private final AuditLog audit;

    Gate(AuditLog audit) {
        this.audit = audit;
    }

    /** Lets a request pass or throws PERMISSION_DENIED; either way an audit line says so. */
    void admit(Caller caller, Request<?> request) {
        audit.write(caller, request, true);
    }

    @Override
    public void close() {
        audit.close();
    }
}
