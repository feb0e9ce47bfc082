package kist.cli;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads templates of Go's package text/template: text with actions in double braces. For one template. */
final class TemplateParser {
    private final String text;
    private int at;
    private final Map<String, List<TemplateNode>> defined = new HashMap<>();
    private int ranges;

    TemplateParser(String text) {
        this.text = text;
    }

    /** What a template is made of. */
    record Parsed(List<TemplateNode> nodes, Map<String, List<TemplateNode>> defined) {}

    /** Parses all of it; a mistake throws {@link Failure} with the status given. */
    Parsed parse() {
        var body = block();
        if (!body.end().isEmpty()) {
            throw wrong("unexpected {{" + body.end() + "}}");
        }
        return new Parsed(body.nodes(), defined);
    }

    /** Nodes up to an {@code end} or {@code else}, or to the end of the text where the word is empty. */
    private record Block(List<TemplateNode> nodes, String end) {}

    private Block block() {
        var nodes = new ArrayList<TemplateNode>();
        while (at < text.length()) {
            int open = text.indexOf("{{", at);
            int stop = open < 0 ? text.length() : open;
            boolean trimmed = text.startsWith("{{- ", stop) || text.startsWith("{{-\n", stop);
            var plain = text.substring(at, stop);
            plain = trimmed ? plain.stripTrailing() : plain;
            if (!plain.isEmpty()) {
                nodes.add(new TemplateNode.Text(plain));
            }
            at = stop;
            if (open < 0) {
                break;
            }
            at = open + (trimmed ? 3 : 2);
            blanks();
            if (text.startsWith("/*", at)) {
                int close = text.indexOf("*/", at);
                if (close < 0) {
                    throw wrong("unclosed comment");
                }
                at = close + 2;
                close();
                continue;
            }
            var word = keyword();
            switch (word) {
                case "if", "with" -> nodes.add(branch(word.equals("with")));
                case "range" -> nodes.add(range());
                case "break", "continue" -> {
                    close();
                    if (ranges == 0) {
                        throw wrong("{{" + word + "}} outside {{range}}");
                    }
                    nodes.add(new TemplateNode.Jump(word.equals("break")));
                }
                case "define", "block" -> {
                    blanks();
                    var name = quoted();
                    var argument = word.equals("block") ? pipeline() : EMPTY;
                    close();
                    var body = block();
                    requireEnd(body);
                    defined.put(name, body.nodes());
                    if (word.equals("block")) {
                        nodes.add(new TemplateNode.Call(name, argument));
                    }
                }
                case "template" -> {
                    blanks();
                    var name = quoted();
                    blanks();
                    nodes.add(new TemplateNode.Call(name, atClose() ? EMPTY : pipeline()));
                    close();
                }
                case "end" -> {
                    close();
                    return new Block(nodes, "end");
                }
                case "else" -> {
                    blanks();
                    var more = keyword();
                    if (!more.isEmpty() && !more.equals("if") && !more.equals("with")) {
                        throw wrong("unexpected " + more + " after else");
                    }
                    if (more.isEmpty()) {
                        close();
                    }
                    return new Block(nodes, more.isEmpty() ? "else" : "else " + more);
                }
                default -> {
                    nodes.add(new TemplateNode.Print(pipeline()));
                    close();
                }
            }
        }
        return new Block(nodes, "");
    }

    private static final TemplateNode.Pipeline EMPTY = new TemplateNode.Pipeline(List.of(), false, List.of());

    private TemplateNode branch(boolean with) {
        var condition = pipeline();
        close();
        var then = block();
        List<TemplateNode> otherwise = List.of();
        switch (then.end()) {
            case "else" -> {
                var rest = block();
                requireEnd(rest);
                otherwise = rest.nodes();
            }
            case "else if" -> otherwise = List.of(branch(false));
            case "else with" -> otherwise = List.of(branch(true));
            default -> requireEnd(then);
        }
        return new TemplateNode.Branch(with, condition, then.nodes(), otherwise);
    }

    private TemplateNode range() {
        var over = pipeline();
        close();
        ranges++;
        var body = block();
        ranges--;
        List<TemplateNode> otherwise = List.of();
        if (body.end().equals("else")) {
            var rest = block();
            requireEnd(rest);
            otherwise = rest.nodes();
        } else {
            requireEnd(body);
        }
        return new TemplateNode.Range(over, body.nodes(), otherwise);
    }

    private void requireEnd(Block block) {
        if (!block.end().equals("end")) {
            throw wrong(block.end().isEmpty() ? "unexpected EOF: an {{end}} is missing" : "unexpected " + block.end());
        }
    }

    private static final List<String> KEYWORDS =
            List.of("if", "with", "range", "break", "continue", "define", "block", "template", "end", "else");

    /** A word that begins an action, or nothing. */
    private String keyword() {
        int end = at;
        while (end < text.length() && Character.isLetter(text.charAt(end))) {
            end++;
        }
        var word = text.substring(at, end);
        if (!KEYWORDS.contains(word)) {
            return "";
        }
        at = end;
        return word;
    }

    private TemplateNode.Pipeline pipeline() {
        var variables = new ArrayList<String>();
        boolean declares = false;
        blanks();
        int before = at;
        while (at < text.length() && text.charAt(at) == '$') {
            at++;
            variables.add(name());
            blanks();
            if (text.startsWith(",", at)) {
                at++;
                blanks();
                continue;
            }
            break;
        }
        boolean assigns = text.startsWith("=", at) && !text.startsWith("==", at);
        if (!variables.isEmpty() && (text.startsWith(":=", at) || assigns)) {
            declares = !assigns;
            at += assigns ? 1 : 2;
        } else {
            at = before;
            variables.clear();
        }
        var commands = new ArrayList<TemplateNode.Command>();
        while (true) {
            commands.add(command());
            blanks();
            if (at < text.length() && text.charAt(at) == '|') {
                at++;
                continue;
            }
            return new TemplateNode.Pipeline(variables, declares, commands);
        }
    }

    private TemplateNode.Command command() {
        blanks();
        int begin = at;
        var words = new ArrayList<TemplateNode.Operand>();
        while (!atClose()) {
            char c = text.charAt(at);
            if (c == '|' || c == ')') {
                break;
            }
            words.add(operand());
            blanks();
        }
        if (words.isEmpty()) {
            throw wrong(atClose() ? "missing value for command" : "unexpected '" + text.charAt(at) + "'");
        }
        return new TemplateNode.Command(words, text.substring(begin, at).strip());
    }

    /** Whether an action ends here; at the end of the text it is one that was never closed. */
    private boolean atClose() {
        if (at >= text.length()) {
            throw wrong("unclosed action");
        }
        return text.startsWith("}}", at) || text.startsWith("-}}", at);
    }

    private TemplateNode.Operand operand() {
        char c = text.charAt(at);
        if (c == '"' || c == '`') {
            return new TemplateNode.Literal(quoted());
        }
        if (c == '\'') {
            int close = text.indexOf('\'', at + 2);
            var inside = close < 0 ? "" : unescaped(text.substring(at + 1, close));
            if (inside.codePointCount(0, inside.length()) != 1) {
                throw wrong("malformed character constant");
            }
            at = close + 1;
            return new TemplateNode.Literal((long) inside.codePointAt(0));
        }
        if (c == '(') {
            at++;
            var inner = pipeline();
            blanks();
            if (at >= text.length() || text.charAt(at) != ')') {
                throw wrong("unclosed left parenthesis");
            }
            at++;
            return new TemplateNode.Group(inner, names());
        }
        if (c == '$') {
            at++;
            return new TemplateNode.Variable(name(), names());
        }
        if (c == '.' && !(at + 1 < text.length() && Character.isDigit(text.charAt(at + 1)))) {
            var names = names();
            if (names.isEmpty()) {
                at++;
            }
            return new TemplateNode.Fields(names);
        }
        if (Character.isDigit(c) || c == '-' || c == '+' || c == '.') {
            return number();
        }
        var word = name();
        return switch (word) {
            case "" -> throw wrong("unexpected '" + c + "'");
            case "true" -> new TemplateNode.Literal(true);
            case "false" -> new TemplateNode.Literal(false);
            case "nil" -> TemplateNode.NIL;
            default -> {
                if (!TemplateFunctions.known(word)) {
                    throw wrong("function \"" + word + "\" not defined");
                }
                yield new TemplateNode.Function(word);
            }
        };
    }

    private TemplateNode.Operand number() {
        int end = at + 1;
        while (end < text.length() && (Character.isLetterOrDigit(text.charAt(end)) || text.charAt(end) == '.')) {
            end++;
        }
        var digits = text.substring(at, end);
        at = end;
        try {
            return new TemplateNode.Literal(
                    digits.indexOf('.') >= 0 ? (Object) Double.parseDouble(digits) : (Object) Long.decode(digits));
        } catch (NumberFormatException e) {
            throw wrong("bad number syntax: \"" + digits + "\"");
        }
    }

    /** {@code .A.B} right here. */
    private List<String> names() {
        var names = new ArrayList<String>();
        while (at + 1 < text.length()
                && text.charAt(at) == '.'
                && (Character.isLetter(text.charAt(at + 1)) || text.charAt(at + 1) == '_')) {
            at++;
            names.add(name());
        }
        return names;
    }

    private String name() {
        int end = at;
        while (end < text.length() && (Character.isLetterOrDigit(text.charAt(end)) || text.charAt(end) == '_')) {
            end++;
        }
        var name = text.substring(at, end);
        at = end;
        return name;
    }

    private String quoted() {
        char quote = at < text.length() ? text.charAt(at) : 0;
        if (quote != '"' && quote != '`') {
            throw wrong("a quoted string was expected");
        }
        int end = at + 1;
        while (end < text.length() && text.charAt(end) != quote) {
            end += quote == '"' && text.charAt(end) == '\\' ? 2 : 1;
        }
        if (end >= text.length()) {
            throw wrong("unterminated quoted string");
        }
        var inside = text.substring(at + 1, end);
        at = end + 1;
        return quote == '`' ? inside : unescaped(inside);
    }

    private String unescaped(String raw) {
        if (raw.indexOf('\\') < 0) {
            return raw;
        }
        var out = new StringBuilder();
        for (int i = 0; i < raw.length(); i++) {
            char c = raw.charAt(i);
            if (c != '\\' || i + 1 == raw.length()) {
                out.append(c);
                continue;
            }
            char escape = raw.charAt(++i);
            int digits = escape == 'x' ? 2 : escape == 'u' ? 4 : escape == 'U' ? 8 : 0;
            if (digits > 0) {
                try {
                    out.appendCodePoint(Integer.parseInt(raw, i + 1, i + 1 + digits, 16));
                } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
                    throw wrong("bad escape in a string: \\" + escape);
                }
                i += digits;
                continue;
            }
            out.append(
                    switch (escape) {
                        case 'n' -> '\n';
                        case 't' -> '\t';
                        case 'r' -> '\r';
                        case 'a' -> '\007';
                        case 'b' -> '\b';
                        case 'f' -> '\f';
                        case 'v' -> '\013';
                        case '\\', '"', '\'' -> escape;
                        default -> throw wrong("bad escape in a string: \\" + escape);
                    });
        }
        return out.toString();
    }

    private void blanks() {
        while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
            at++;
        }
    }

    private void close() {
        blanks();
        if (text.startsWith("-}}", at)) {
            at += 3;
            blanks();
        } else if (text.startsWith("}}", at)) {
            at += 2;
        } else {
            throw wrong(at >= text.length() ? "unclosed action" : "unexpected '" + text.charAt(at) + "' in an action");
        }
    }

    private Failure wrong(String why) {
        return new Failure(1, "kist: template parsing error: " + why + " in \"" + text + "\"");
    }
}
