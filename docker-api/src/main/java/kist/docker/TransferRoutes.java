package kist.docker;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import kist.engine.EngineException;
import kist.engine.ImageRequest;
import kist.http.HttpException;
import kist.image.Image;
import kist.image.ImageException;
import kist.image.Platform;
import kist.image.Reference;
import kist.registry.Credentials;

/** What goes between the engine and registries: pull, push, search, {@code /auth}, {@code /distribution}. */
final class TransferRoutes {
    private static final Set<String> SEARCH_FILTERS = Set.of("is-official", "is-automated", "stars");
    private static final int MOST_FOUND = 100;

    private TransferRoutes() {}

    /** {@code POST /images/create?fromImage=...}: the progress of a pull. */
    static void pull(Call call) throws IOException, InterruptedException {
        String from = Names.familiar(call.parameter("fromImage"));
        String tag = call.parameter("tag");
        String wanted = Names.pulled(from, tag);
        // only a name alone means all tags
        boolean all = tag.isEmpty() && !Names.isComplete(from);
        Optional<Platform> platform = Platforms.of(call);
        Credentials credentials = RegistryAuth.of(call);
        try (ProgressStream out = new ProgressStream(call).watchClient()) {
            try {
                if (!all) {
                    pull(call, out, wanted, platform, credentials);
                    return;
                }
                for (String one : call.ask(new ImageRequest.ListTags(wanted, credentials))) {
                    pull(call, out, wanted + ":" + one, platform, credentials);
                }
            } catch (EngineException e) {
                out.failed(e);
            }
        }
    }

    private static void pull(
            Call call, ProgressStream out, String name, Optional<Platform> platform, Credentials credentials)
            throws InterruptedException {
        Reference reference = reference(name);
        String id = reference.digest().isEmpty() ? reference.tag() : reference.digest();
        Transfers transfers =
                new Transfers(out, false, () -> out.status(id, "Pulling from " + shownRepository(reference)));
        ImageRequest.Pulled pulled =
                call.ask(new ImageRequest.PullImage(reference.familiar(), platform, credentials, transfers));
        transfers.open();
        out.status("Digest: " + pulled.digest());
        out.status("Status: "
                + (pulled.newer() ? "Downloaded newer image for " : "Image is up to date for ")
                + reference.familiar());
    }

    /** The repository's path at its registry. */
    private static String shownRepository(Reference reference) {
        return reference.path();
    }

    private static Reference reference(String name) {
        try {
            return Reference.parseAny(name);
        } catch (ImageException e) {
            throw Errors.invalid(String.valueOf(e.getMessage()));
        }
    }

    /** {@code POST /images/{name}/push}: one tag, or without one all of the repository's. */
    static void push(Call call, String name) throws IOException, InterruptedException {
        String tag = call.parameter("tag");
        boolean all = tag.isEmpty() && !Names.isComplete(name);
        Reference reference = reference(Names.reference(name, tag));
        if (!reference.digest().isEmpty()) {
            throw Errors.invalid("cannot push a digest reference");
        }
        Optional<Platform> platform = Platforms.of(call);
        Credentials credentials = RegistryAuth.of(call);
        try (ProgressStream out = new ProgressStream(call).watchClient()) {
            out.status("The push refers to repository [" + reference.repository() + "]");
            try {
                List<String> tags = all ? tagsOf(call, reference) : List.of(reference.tag());
                if (tags.isEmpty()) {
                    throw Errors.notFound("An image does not exist locally with the tag: " + reference.familiarName());
                }
                for (String one : tags) {
                    String full = reference.tagged(one).familiar();
                    for (ImageRequest.Pushed pushed : call.ask(new ImageRequest.PushImage(
                            full, platform, credentials, new Transfers(out, true, () -> {})))) {
                        out.status(pushed.tag() + ": digest: " + pushed.digest() + " size: " + pushed.size());
                        out.auxiliary(
                                Json.object("Tag", pushed.tag(), "Digest", pushed.digest(), "Size", pushed.size()));
                    }
                }
            } catch (EngineException e) {
                out.failed(e);
            }
        }
    }

    private static List<String> tagsOf(Call call, Reference repository) throws InterruptedException {
        List<String> tags = new ArrayList<>();
        for (Image image : call.ask(new ImageRequest.ListImages())) {
            for (String name : image.references()) {
                Reference one = reference(name);
                if (one.repository().equals(repository.repository())) {
                    tags.add(one.tag());
                }
            }
        }
        return tags;
    }

    /** {@code GET /images/search}. */
    static void search(Call call) throws IOException, InterruptedException {
        String term = call.parameter("term");
        if (term.isEmpty()) {
            throw Errors.invalid("search term must be set");
        }
        int limit = call.number("limit").orElse(25);
        if (limit < 0 || limit > MOST_FOUND) {
            throw Errors.invalid("limit " + limit + " is outside the range of [1, " + MOST_FOUND + "]");
        }
        Filters filters = Filters.of(call, SEARCH_FILTERS);
        Map<String, List<String>> asked = new LinkedHashMap<>();
        for (String key : SEARCH_FILTERS) {
            if (filters.has(key)) {
                asked.put(key, filters.get(key));
            }
        }
        List<Object> found = new ArrayList<>();
        for (ImageRequest.Found one :
                call.ask(new ImageRequest.SearchImages(term, limit == 0 ? 25 : limit, asked, RegistryAuth.of(call)))) {
            found.add(Json.object(
                    "star_count", one.stars(),
                    "is_official", one.official(),
                    "name", one.name(),
                    "is_automated", false,
                    "description", one.description()));
        }
        call.answer(200, found);
    }

    /** {@code POST /auth}. */
    static void auth(Call call) throws IOException, InterruptedException {
        Credentials credentials = RegistryAuth.of(call.body(""));
        String token = call.ask(new ImageRequest.Login(credentials));
        call.answer(200, Json.object("IdentityToken", token, "Status", "Login Succeeded"));
    }

    /** {@code GET /distribution/{name}/json}. */
    static void distribution(Call call, String name) throws IOException, InterruptedException {
        ImageRequest.Distribution found =
                call.ask(new ImageRequest.InspectDistribution(reference(name).familiar(), RegistryAuth.of(call)));
        List<Object> platforms = new ArrayList<>();
        for (Platform platform : found.platforms()) {
            platforms.add(Platforms.json(platform));
        }
        call.answer(200, Json.object("Descriptor", found.descriptor().toJson(), "Platforms", platforms));
    }

    /** {@code GET /kist/images/manifest}: the bytes of a manifest as its registry has it. */
    static void manifest(Call call) throws IOException, InterruptedException {
        String name = call.parameter("name");
        if (name.isEmpty()) {
            throw new HttpException(400, "parameter name is empty: name the image");
        }
        ImageRequest.Distribution found =
                call.ask(new ImageRequest.InspectDistribution(reference(name).familiar(), RegistryAuth.of(call)));
        call.exchange().header("Docker-Content-Digest", found.descriptor().digest());
        call.exchange().send(200, found.descriptor().mediaType(), found.manifest());
    }
}
