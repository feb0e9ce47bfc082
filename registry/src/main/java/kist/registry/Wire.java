package kist.registry;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

/** Sends one request and gives its answer: no redirects, no second try, no credentials of its own. Thread-safe. */
final class Wire implements AutoCloseable {
    private final Pace pace;
    private final String userAgent;
    /** A registry without TLS must not cost the reading of all certificate authorities. */
    private record Kind(boolean secure, Tls tls) {}

    private final Map<Kind, HttpClient> clients = new ConcurrentHashMap<>();
    private final ExecutorService threads = Executors.newThreadPerTaskExecutor(
            Thread.ofVirtual().name("kist-registry-", 0).factory());

    Wire(Pace pace, String userAgent) {
        this.pace = pace;
        this.userAgent = userAgent;
    }

    Pace pace() {
        return pace;
    }

    private HttpClient client(Tls tls, boolean secure) {
        return clients.computeIfAbsent(new Kind(secure, secure ? tls : Tls.PLAIN), kind -> {
            HttpClient.Builder builder = HttpClient.newBuilder()
                    // one connection for each transfer: HTTP/2 would put them all into one
                    .version(HttpClient.Version.HTTP_1_1)
                    .followRedirects(HttpClient.Redirect.NEVER)
                    .connectTimeout(pace.connect())
                    .proxy(Proxies.fromEnvironment(System.getenv()))
                    .executor(threads);
            if (secure) {
                builder.sslContext(tls.context());
            }
            return builder.build();
        });
    }

    /** Sends a request; the answer's body is not read yet. */
    Answer send(Ask ask, Tls tls) throws IOException, InterruptedException {
        HttpRequest.Builder builder = HttpRequest.newBuilder(ask.uri()).header("User-Agent", userAgent);
        ask.headers().forEach(builder::header);
        if (!ask.authorization().isEmpty()) {
            builder.header("Authorization", ask.authorization());
        }
        AtomicLong sent = new AtomicLong();
        HttpRequest.BodyPublisher body =
                ask.body().map(b -> publisher(b, sent)).orElseGet(HttpRequest.BodyPublishers::noBody);
        ask.body().map(Body::type).filter(t -> !t.isEmpty()).ifPresent(t -> builder.header("Content-Type", t));
        builder.method(ask.method(), body);
        HttpClient client = client(tls, ask.uri().getScheme().equals("https"));
        CompletableFuture<HttpResponse<InputStream>> future =
                client.sendAsync(builder.build(), HttpResponse.BodyHandlers.ofInputStream());
        HttpResponse<InputStream> response = await(future, sent);
        return new Answer(
                response.statusCode(), response.headers(), ask.uri(), new SteadyStream(response.body(), pace));
    }

    private static HttpRequest.BodyPublisher publisher(Body body, AtomicLong sent) {
        if (body.length() == 0) {
            return HttpRequest.BodyPublishers.noBody();
        }
        return HttpRequest.BodyPublishers.fromPublisher(
                HttpRequest.BodyPublishers.ofInputStream(
                        () -> new FilterInputStream(body.open().get()) {
                            @Override
                            public int read(byte[] buffer, int offset, int length) throws IOException {
                                int n = super.read(buffer, offset, length);
                                sent.addAndGet(Math.max(0, n));
                                return n;
                            }
                        }),
                body.length());
    }

    /** Waits for the head of the answer as long as the body goes out, and then as long as an answer may take. */
    private HttpResponse<InputStream> await(CompletableFuture<HttpResponse<InputStream>> future, AtomicLong sent)
            throws IOException, InterruptedException {
        long before = -1;
        Duration patience = pace.answer();
        try {
            while (true) {
                try {
                    return future.get(patience.toMillis(), TimeUnit.MILLISECONDS);
                } catch (TimeoutException e) {
                    long now = sent.get();
                    if (now - before < pace.minimum()) {
                        throw new IOException("too slow: no answer after " + patience.toSeconds() + " s", e);
                    }
                    before = now;
                }
            }
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IOException failed) {
                throw failed;
            }
            throw new IOException(String.valueOf(e.getCause()), e);
        } finally {
            if (!future.isDone()) {
                future.cancel(true);
            }
        }
    }

    /** Breaks off what is under way. */
    @Override
    public void close() {
        clients.values().forEach(HttpClient::shutdownNow);
        threads.shutdownNow();
    }
}
