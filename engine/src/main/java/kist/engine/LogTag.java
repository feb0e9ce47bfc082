package kist.engine;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The tag of a container's messages: a text with fields such as <code>{{.Name}}</code>, as Docker has them. */
final class LogTag {
    private static final Pattern FIELD = Pattern.compile("\\{\\{(.*?)\\}\\}", Pattern.DOTALL);
    private static final int SHORT = 12;

    private LogTag() {}

    /** Refuses fields that do not exist. */
    static void check(String template) {
        Matcher m = FIELD.matcher(template);
        while (m.find()) {
            switch (m.group(1).strip()) {
                case ".ID",
                        ".FullID",
                        ".Name",
                        ".ImageID",
                        ".ImageFullID",
                        ".ImageName",
                        ".DaemonName",
                        ".Command",
                        ".Hostname" -> {}
                default ->
                    throw Creation.invalid("log opt tag: there is no field "
                            + Names.printable(m.group(1).strip())
                            + "; there are .ID, .FullID, .Name, .ImageID, .ImageFullID, .ImageName, .DaemonName,"
                            + " .Command and .Hostname");
            }
        }
        if (m.replaceAll("").contains("{{")) {
            throw Creation.invalid("log opt tag: {{ without }} in \"" + Names.printable(template) + "\"");
        }
    }

    /** The tag of this container; the short id where the template is empty. */
    static String of(String template, StoredContainer c) {
        return FIELD.matcher(template.isEmpty() ? "{{.ID}}" : template)
                .replaceAll(m -> Matcher.quoteReplacement(
                        switch (m.group(1).strip()) {
                            case ".ID" -> c.id().substring(0, Math.min(SHORT, c.id().length()));
                            case ".FullID" -> c.id();
                            case ".Name" -> c.name();
                            case ".ImageID" -> {
                                String digest =
                                        c.imageId().substring(c.imageId().indexOf(':') + 1);
                                yield digest.substring(0, Math.min(SHORT, digest.length()));
                            }
                            case ".ImageFullID" -> c.imageId();
                            case ".ImageName" -> c.config().image();
                            case ".DaemonName" -> "kist";
                            case ".Command" -> String.join(" ", c.argv());
                            default -> HostFacts.hostname();
                        }));
    }
}
