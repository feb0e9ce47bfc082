package kist.distribution;

import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import kist.engine.HostedRequest;
import kist.image.Descriptor;
import kist.image.MediaTypes;

/** Tags, repositories and referrers. */
final class Lists {
    /** Entries of one answer; the rest is a Link away. */
    private static final int MOST = 10_000;

    private interface Page {
        List<String> read(int limit) throws InterruptedException;
    }

    private Lists() {}

    static void tags(Call call) throws IOException, InterruptedException {
        only(call);
        String last = call.request().parameter("last");
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("name", call.name());
        json.put(
                "tags",
                page(
                        call,
                        "/v2/" + call.name() + "/tags/list",
                        limit -> call.ask(new HostedRequest.ListTags(call.name(), limit, last, call.images()))));
        call.answer(200, json);
    }

    static void catalog(Call call) throws IOException, InterruptedException {
        only(call);
        String last = call.request().parameter("last");
        Map<String, Object> json = new LinkedHashMap<>();
        json.put(
                "repositories",
                page(
                        call,
                        "/v2/_catalog",
                        limit -> call.ask(new HostedRequest.ListRepositories(limit, last, call.images()))));
        call.answer(200, json);
    }

    private static void only(Call call) {
        if (!call.method().equals("GET") && !call.method().equals("HEAD")) {
            throw call.notAllowed("GET, HEAD");
        }
    }

    private static List<String> page(Call call, String path, Page page) throws InterruptedException {
        int wanted = MOST;
        if (call.request().hasParameter("n")) {
            String n = call.request().parameter("n");
            if (n.isEmpty() || n.length() > 9 || !n.chars().allMatch(c -> c >= '0' && c <= '9')) {
                throw new Refused(400, "PAGINATION_NUMBER_INVALID", "n is not a number of entries");
            }
            wanted = Math.min(MOST, Integer.parseInt(n));
        }
        List<String> found = page.read(wanted + 1);
        if (found.size() <= wanted) {
            return found;
        }
        List<String> shown = found.subList(0, wanted);
        if (!shown.isEmpty()) {
            String last = URLEncoder.encode(shown.getLast(), StandardCharsets.UTF_8);
            call.header("Link", "<" + path + "?n=" + wanted + "&last=" + last + ">; rel=\"next\"");
        }
        return shown;
    }

    static void referrers(Call call) throws IOException, InterruptedException {
        only(call);
        String type = call.request().parameter("artifactType");
        List<Descriptor> found = call.ask(new HostedRequest.ListReferrers(call.name(), call.reference(), type));
        if (!type.isEmpty()) {
            call.header("OCI-Filters-Applied", "artifactType");
        }
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("schemaVersion", 2);
        json.put("mediaType", MediaTypes.OCI_INDEX);
        json.put("manifests", found.stream().map(Descriptor::toJson).toList());
        call.answer(200, MediaTypes.OCI_INDEX, json);
    }
}
