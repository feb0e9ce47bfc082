package kist.registry;

import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import kist.image.Document;
import kist.image.ImageException;
import kist.image.Text;

/** The search of registries that have one: {@code /v1/search} of Docker's first registry, which its hub still answers. */
final class Search {
    private static final Set<String> FILTERS = Set.of("stars", "is-official", "is-automated");
    private static final int MOST = 100;
    private static final int USUAL = 25;

    private Search() {}

    /** The registry that a term names, {@code docker.io} if it names none. */
    static String registry(String term) {
        int slash = term.indexOf('/');
        String first = slash < 0 ? "" : term.substring(0, slash);
        boolean host = first.indexOf('.') >= 0 || first.indexOf(':') >= 0 || first.equals("localhost");
        return host && !first.equals("index.docker.io") ? first : "docker.io";
    }

    static List<Found> run(Client client, String term, int limit, Map<String, List<String>> filters)
            throws InterruptedException {
        for (String key : filters.keySet()) {
            if (!FILTERS.contains(key)) {
                throw RegistryException.invalid("invalid filter " + Text.quote(key) + ": there are " + FILTERS);
            }
        }
        if (limit < 0 || limit > MOST) {
            throw RegistryException.invalid("invalid limit " + limit + ": it must be between 1 and " + MOST);
        }
        long stars = 0;
        for (String least : filters.getOrDefault("stars", List.of())) {
            if (!least.matches("[0-9]{1,9}")) {
                throw RegistryException.invalid("invalid filter stars=" + Text.quote(least) + ": say a number");
            }
            stars = Math.max(stars, Long.parseLong(least));
        }
        List<String> official = truths(filters, "is-official");
        List<String> automated = truths(filters, "is-automated");
        String registry = client.endpoint().registry();
        String words = term.startsWith(registry + "/") ? term.substring(registry.length() + 1) : term;
        URI uri = client.uri("/v1/search?q=" + URLEncoder.encode(words, StandardCharsets.UTF_8) + "&n="
                + (limit == 0 ? USUAL : limit));
        long least = stars;
        try (Answer answer = client.send(Ask.get(uri), List.of())) {
            if (!answer.ok() || !answer.type().endsWith("json")) {
                throw new RegistryException(
                        answer.status() == 429
                                ? RegistryException.Kind.RATE_LIMITED
                                : RegistryException.Kind.UNSUPPORTED,
                        "the registry " + registry + " has no search (" + uri.getPath() + " answers "
                                + answer.message(client.pace().answer()) + ")");
            }
            byte[] bytes = answer.read(Document.MAXIMUM_SIZE, client.pace().answer(), "the search's answer");
            return Document.parse(bytes, "the search's answer").objects("results").stream()
                    .map(Search::read)
                    .filter(f -> f.stars() >= least)
                    .filter(f -> official.isEmpty() || official.contains(String.valueOf(f.official())))
                    .filter(f -> automated.isEmpty() || automated.contains(String.valueOf(f.automated())))
                    .limit(limit == 0 ? USUAL : limit)
                    .toList();
        } catch (ImageException e) {
            throw RemoteRepository.invalid(e);
        } catch (IOException e) {
            throw Courier.unreachable(uri, e);
        }
    }

    private static List<String> truths(Map<String, List<String>> filters, String key) {
        List<String> wanted = filters.getOrDefault(key, List.of()).stream()
                .map(v -> v.equals("1") ? "true" : v.equals("0") ? "false" : v)
                .toList();
        for (String value : wanted) {
            if (!value.equals("true") && !value.equals("false")) {
                throw RegistryException.invalid(
                        "invalid filter " + key + "=" + Text.quote(value) + ": say true or false");
            }
        }
        return wanted;
    }

    private static Found read(Document json) {
        return new Found(
                json.text("name"),
                json.text("description"),
                json.has("star_count") ? json.number("star_count") : 0,
                json.flag("is_official"),
                json.flag("is_automated"));
    }
}
