package kist.image;

/** Is told how transfers get on; called from any thread, must not block long. */
public interface TransferListener {
    /** Does not care. */
    TransferListener NONE = event -> {};

    /** A transfer has come further. */
    void on(TransferEvent event);
}
