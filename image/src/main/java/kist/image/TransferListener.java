package kist.image;

/** Is told how a transfer gets on; called from any thread, must not block for long. */
public interface TransferListener {
    /** Wants to know nothing. */
    TransferListener NONE = event -> {};

    /** Something went on. */
    void on(TransferEvent event);
}
