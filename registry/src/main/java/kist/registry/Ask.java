package kist.registry;

import java.net.URI;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * One request.
 *
 * @param authorization empty for none; sent to the host of {@code uri} and no other
 * @param repeatable whether it may be sent again when nobody knows whether it arrived
 */
record Ask(
        String method,
        URI uri,
        Map<String, String> headers,
        String authorization,
        Optional<Body> body,
        boolean repeatable) {
    static Ask get(URI uri) {
        return new Ask("GET", uri, Map.of(), "", Optional.empty(), true);
    }

    static Ask of(String method, URI uri) {
        return new Ask(method, uri, Map.of(), "", Optional.empty(), true);
    }

    Ask with(String header, String value) {
        Map<String, String> more = new HashMap<>(headers);
        more.put(header, value);
        return new Ask(method, uri, Map.copyOf(more), authorization, body, repeatable);
    }

    Ask at(URI other) {
        return new Ask(method, other, headers, authorization, body, repeatable);
    }

    Ask authorized(String value) {
        return new Ask(method, uri, headers, value, body, repeatable);
    }

    Ask sending(Body content, boolean again) {
        return new Ask(method, uri, headers, authorization, Optional.of(content), again);
    }
}
