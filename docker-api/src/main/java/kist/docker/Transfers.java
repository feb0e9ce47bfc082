package kist.docker;

import java.util.HashMap;
import java.util.Map;
import kist.image.TransferEvent;
import kist.image.TransferEvent.State;
import kist.image.TransferListener;

/** Says what goes on with layers in the words of {@code docker pull} and {@code docker push}. Thread-safe. */
final class Transfers implements TransferListener {
    private static final int SHORT_ID = 12;

    private final ProgressStream out;
    private final boolean push;
    /** Said before the first word on a layer, if anything: until then a failure has a status of its own. */
    private final Runnable opening;

    private final Map<String, State> states = new HashMap<>();
    private boolean opened;

    Transfers(ProgressStream out, boolean push, Runnable opening) {
        this.out = out;
        this.push = push;
        this.opening = opening;
    }

    /** Says the opening words if they have not been said. */
    synchronized void open() {
        if (!opened) {
            opened = true;
            opening.run();
        }
    }

    @Override
    public synchronized void on(TransferEvent event) {
        open();
        String id = id(event.digest());
        State before = states.put(event.digest(), event.state());
        if (before == State.EXISTS && event.state() == State.COMPLETE) {
            return; // all that there is to say has been said
        }
        boolean changed = before != event.state();
        if (push) {
            pushed(id, event, changed);
        } else {
            pulled(id, event, before == null, changed);
        }
    }

    private static String id(String digest) {
        String hex = digest.substring(digest.indexOf(':') + 1);
        return hex.length() > SHORT_ID ? hex.substring(0, SHORT_ID) : hex;
    }

    private void pulled(String id, TransferEvent event, boolean first, boolean changed) {
        if (first && event.state() != State.EXISTS) {
            out.state(id, "Pulling fs layer");
        }
        switch (event.state()) {
            case DOWNLOADING -> numbers(id, "Downloading", event);
            case EXTRACTING -> numbers(id, "Extracting", event);
            default -> {
                if (changed) {
                    out.state(
                            id,
                            switch (event.state()) {
                                case WAITING -> "Waiting";
                                case RETRYING -> "Retrying";
                                case VERIFYING -> "Verifying Checksum";
                                case DOWNLOADED -> "Download complete";
                                case COMPLETE -> "Pull complete";
                                default -> "Already exists";
                            });
                }
            }
        }
    }

    private void pushed(String id, TransferEvent event, boolean changed) {
        if (event.state() == State.PUSHING) {
            numbers(id, "Pushing", event);
        } else if (changed) {
            out.state(
                    id,
                    switch (event.state()) {
                        case COMPRESSING -> "Compressing";
                        case COMPRESSED -> "Compressed";
                        case PREPARING -> "Preparing";
                        case WAITING -> "Waiting";
                        case RETRYING -> "Retrying";
                        case MOUNTED -> "Mounted from " + event.from();
                        case EXISTS -> "Layer already exists";
                        default -> "Pushed";
                    });
        }
    }

    private void numbers(String id, String text, TransferEvent event) {
        if (event.done() > 0) {
            out.numbers(id, text, event.done(), event.total());
        }
    }
}
