package kist.http;

import java.io.IOException;

/** Answers requests. Called on a virtual thread of its own for each connection, so it may block. */
public interface Handler {
    /**
     * Answers one request by exactly one of {@link Exchange#send}, {@link Exchange#stream} and {@link Exchange#hijack}.
     *
     * @throws HttpException to answer with that status and message; any other exception answers 500, or cuts the
     *     connection where the answer has begun
     */
    void handle(Exchange exchange) throws IOException, InterruptedException;
}
