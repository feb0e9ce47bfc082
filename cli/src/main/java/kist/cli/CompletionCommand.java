package kist.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code kist completion SHELL} prints what a shell needs to complete command lines, which asks {@code kist __complete WORD...}
 * for each: the last word is the one to complete. Answers are lines of a word and, after a tab, what it means; {@link #FILES}
 * says that files go there. What can follow is taken from the commands themselves, which are asked for their help.
 */
final class CompletionCommand {
    /** A line that says: files of this machine. */
    static final String FILES = ":files";

    private final Context context;
    private String word = "";
    private final List<String> answers = new ArrayList<>();

    CompletionCommand(Context context) {
        this.context = context;
    }

    int script(List<String> args) throws IOException {
        var parsed = new Flags(
                        "completion",
                        "bash|fish|zsh",
                        "Print the completion script for a shell, such as: source <(kist completion bash)")
                .parse(args)
                .expect(1, 1);
        context.print(
                switch (parsed.arguments().getFirst()) {
                    case "bash" -> BASH;
                    case "fish" -> FISH;
                    case "zsh" -> ZSH;
                    default ->
                        throw parsed.wrong(
                                "unknown shell " + parsed.arguments().getFirst() + "; bash, fish and zsh are known");
                });
        return 0;
    }

    private static final String BASH = """
            # completion of kist for bash: source <(kist completion bash)
            _kist() {
                local line=${COMP_LINE:0:COMP_POINT} word answer prefix
                local -a words=()
                read -ra words <<<"$line"
                case $line in *[[:space:]]) words+=("") ;; esac
                word=${words[${#words[@]}-1]}
                # readline's own words end at these, so it wants only what follows the last of them
                prefix=
                case $word in *[:=]*) prefix=${word%"${word##*[:=]}"} ;; esac
                COMPREPLY=()
                while IFS= read -r answer; do
                    answer=${answer%%$'\\t'*}
                    if [ "$answer" = ":files" ]; then
                        compopt -o filenames 2>/dev/null
                        while IFS= read -r answer; do COMPREPLY+=("$answer"); done < <(compgen -f -- "${word#"$prefix"}")
                    else
                        COMPREPLY+=("${answer#"$prefix"}")
                    fi
                done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
                case ${#COMPREPLY[@]}${COMPREPLY[0]} in 1*[:=]) compopt -o nospace 2>/dev/null ;; esac
            }
            complete -F _kist kist
            """;

    private static final String FISH = """
            # completion of kist for fish: kist completion fish | source
            function __kist_complete
                set -l words (commandline -opc) (commandline -ct)
                for answer in ($words[1] __complete $words[2..-1] 2>/dev/null)
                    if test "$answer" = ":files"
                        __fish_complete_path (commandline -ct)
                    else
                        echo $answer
                    end
                end
            end
            complete -c kist -f -a '(__kist_complete)'
            """;

    private static final String ZSH = """
            #compdef kist
            # completion of kist for zsh: source <(kist completion zsh), or this as a file _kist in $fpath
            _kist() {
                local answer
                local -a described
                for answer in "${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
                    if [[ $answer = ":files" ]]; then
                        _files
                    elif [[ -n $answer ]]; then
                        described+=("${${answer%%$'\\t'*}//:/\\\\:}:${answer#*$'\\t'}")
                    fi
                done
                (( $#described )) && _describe kist described
            }
            if [[ $zsh_eval_context[-1] = loadautofunc ]]; then _kist "$@"; else compdef _kist kist; fi
            """;

    /** Prints what could stand in the place of the last word. */
    int complete(List<String> words) throws IOException {
        word = words.isEmpty() ? "" : words.getLast();
        var before = new ArrayList<>(words.subList(0, Math.max(0, words.size() - 1)));
        var global = Main.flags();
        var path = new ArrayList<String>();
        int at = skipFlags(global, before, 0);
        if (at < 0) {
            answers.add(FILES);
        } else if (at == before.size()) {
            offerFlags(global);
            offerCommands();
        } else {
            path.add(before.get(at));
            command(path, before.subList(at + 1, before.size()));
        }
        var out = new StringBuilder();
        for (var answer : answers) {
            out.append(answer).append('\n');
        }
        context.print(out.toString());
        return 0;
    }

    /** Where the first argument stands; -1 if the word to complete is the value of a flag. */
    private static int skipFlags(Flags flags, List<String> words, int from) {
        int at = from;
        while (at < words.size()) {
            var one = words.get(at);
            if (!one.startsWith("-") || one.equals("-")) {
                return at;
            }
            at += flags.wantsValue(one).isEmpty() ? 1 : 2;
        }
        return at > words.size() ? -1 : at;
    }

    private void offerCommands() {
        boolean inside = false;
        for (var line : Commands.HELP.split("\n", -1)) {
            if (line.endsWith("ommands:")) {
                inside = true;
            } else if (line.isBlank()) {
                inside = false;
            } else if (inside) {
                var text = line.strip();
                int blank = text.indexOf(' ');
                offer(text.substring(0, blank), text.substring(blank).strip());
            }
        }
    }

    private void offer(String answer, String meaning) {
        if (answer.startsWith(word)) {
            answers.add(meaning.isEmpty() ? answer : answer + "\t" + meaning);
        }
    }

    private void offerFlags(Flags flags) {
        if (word.startsWith("-")) {
            for (var flag : flags.known()) {
                offer("--" + flag.name(), flag.help());
            }
            if (!flags.knows("help")) {
                offer("--help", "Print usage");
            }
        }
    }

    /** Asks the command at this path what it takes, and goes on with what was typed after it. */
    private void command(List<String> path, List<String> rest) throws IOException {
        var args = new ArrayList<>(path.subList(1, path.size()));
        args.add("--help");
        Object subject;
        try {
            Commands.run(context.silent(), path.getFirst(), args);
            return;
        } catch (Flags.Help help) {
            subject = help.subject();
        } catch (Failure | EngineError e) {
            // no such command: nothing can be said
            return;
        }
        if (subject instanceof Group group) {
            if (rest.isEmpty()) {
                group.commands().forEach(this::offer);
            } else if (path.size() < 4) {
                path.add(rest.getFirst());
                command(path, rest.subList(1, rest.size()));
            }
        } else if (subject instanceof Flags flags) {
            words(flags, rest);
        }
    }

    private void words(Flags flags, List<String> before) throws IOException {
        int count = 0;
        for (int at = 0; at < before.size(); at++) {
            var one = before.get(at);
            if (one.startsWith("-") && one.length() > 1 && !(count > 0 && flags.stopsAtFirstArgument())) {
                var wanted = flags.wantsValue(one);
                if (!wanted.isEmpty() && at + 1 == before.size()) {
                    value(wanted, "");
                    return;
                }
                at += wanted.isEmpty() ? 0 : 1;
            } else {
                count++;
            }
        }
        int equals = word.indexOf('=');
        if (count > 0 && flags.stopsAtFirstArgument()) {
            argument(flags, count);
        } else if (word.startsWith("--") && equals > 0) {
            var wanted = flags.valued(word.substring(2, equals));
            if (!wanted.isEmpty()) {
                value(wanted, word.substring(0, equals + 1));
            }
        } else if (word.startsWith("-")) {
            offerFlags(flags);
        } else {
            argument(flags, count);
        }
    }

    /** Values of a flag; each answer begins with {@code --flag=} where that was typed. */
    private void value(String flag, String prefix) throws IOException {
        List<String> values = switch (flag) {
            case "pull" -> List.of("always", "missing", "never");
            case "restart" -> List.of("always", "no", "on-failure", "unless-stopped");
            case "log-driver" -> List.of("fluentd", "json-file", "local", "none", "syslog");
            case "format" -> List.of("json", "table");
            case "type" -> List.of("container", "image", "network", "volume");
            case "condition" -> List.of("healthy", "next-exit", "not-running", "removed");
            case "cgroupns" -> List.of("host", "private");
            case "ipc" -> List.of("host", "none", "private", "shareable");
            case "pid", "uts", "userns" -> List.of("host");
            case "attach" -> List.of("stderr", "stdin", "stdout");
            case "signal", "stop-signal" -> List.of("HUP", "INT", "KILL", "QUIT", "TERM", "USR1", "USR2");
            case "driver" -> List.of("bridge", "local");
            case "filter" -> List.of("before=", "health=", "id=", "label=", "name=", "since=", "status=", "until=");
            case "network" -> names("network");
            case "volumes-from", "link" -> names("container");
            case "volume" -> names("volume");
            case "cidfile", "env-file", "label-file", "input", "output" -> List.of(FILES);
            default -> List.of();
        };
        for (var value : values) {
            if (value.equals(FILES)) {
                answers.add(FILES);
            } else {
                offer(prefix + value, "");
            }
        }
        if (flag.equals("volume")) {
            answers.add(FILES);
        }
    }

    /** What the argument after so many others is, by the words of the usage line. */
    private void argument(Flags flags, int count) throws IOException {
        var words = flags.arguments().replace("[", "").replace("]", "").split(" ", -1);
        var wanted = words[Math.min(count, words.length - 1)];
        wanted = wanted.endsWith("...") ? wanted.substring(0, wanted.length() - 3) : wanted;
        if (wanted.startsWith("NAME|ID")) {
            for (var kind : List.of("container", "image", "network", "volume")) {
                offerNames(kind);
            }
        } else if (wanted.startsWith("CONTAINER:")) {
            for (var name : names("container")) {
                offer(name + ":", "");
            }
            answers.add(FILES);
        } else if (wanted.startsWith("CONTAINER")) {
            offerNames(
                    switch (flags.fullName()) {
                        case "kist start" -> "container?all=1&filters={\"status\":[\"created\",\"exited\"]}";
                        case "kist attach", "kist exec", "kist kill", "kist pause", "kist stop", "kist top" ->
                            "container?all=0";
                        case "kist unpause" -> "container?filters={\"status\":[\"paused\"]}";
                        default -> "container";
                    });
        } else if (wanted.contains("IMAGE")
                || wanted.startsWith("REPOSITORY")
                || wanted.equals("FROM")
                || wanted.equals("TO")) {
            offerNames("image");
        } else if (wanted.startsWith("VOLUME")) {
            offerNames("volume");
        } else if (wanted.startsWith("NETWORK")) {
            offerNames("network");
        } else if (wanted.contains("file") || wanted.contains("PATH")) {
            answers.add(FILES);
        } else if (wanted.indexOf('|') > 0) {
            for (var one : wanted.split("\\|", -1)) {
                offer(one, "");
            }
        }
    }

    private void offerNames(String kind) throws IOException {
        for (var name : names(kind)) {
            offer(name, "");
        }
    }

    /** Names of what the engine has, of containers with a query; none if it does not run, since nobody starts it by pressing a tab. */
    private List<String> names(String kind) {
        if (!Engine.answers(context)) {
            return List.of();
        }
        var engine = context.engine();
        var names = new ArrayList<String>();
        try {
            switch (kind) {
                case "image" -> {
                    for (var image : engine.get("/images/json").list()) {
                        for (var name : image.strings("RepoTags")) {
                            if (!name.startsWith("<none>")) {
                                names.add(name);
                            }
                        }
                    }
                }
                case "network" -> {
                    for (var network : engine.get("/networks").list()) {
                        names.add(network.text("Name"));
                    }
                }
                case "volume" -> {
                    for (var volume : engine.get("/volumes").list("Volumes")) {
                        names.add(volume.text("Name"));
                    }
                }
                default -> {
                    int query = kind.indexOf('?');
                    var which = query < 0 ? "?all=1" : kind.substring(query);
                    var path = "/containers/json"
                            + which.replace("{", "%7B").replace("}", "%7D").replace("\"", "%22");
                    for (var container : engine.get(path).list()) {
                        for (var name : container.strings("Names")) {
                            // one with a slash inside is a link of another container
                            if (name.lastIndexOf('/') <= 0) {
                                names.add(StatsSample.withoutSlash(name));
                            }
                        }
                    }
                }
            }
        } catch (EngineError | Failure | IOException e) {
            // an engine without such objects, or one that goes just now
            return names;
        }
        return names;
    }
}
