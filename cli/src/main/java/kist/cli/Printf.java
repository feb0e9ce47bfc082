package kist.cli;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The verbs of Go's package fmt that make sense for what JSON is made of. */
final class Printf {
    private Printf() {}

    /** Go's Sprintf: a verb that does not fit its value is shown as such and is no error. */
    static String format(String format, List<@Nullable Object> arguments) {
        var out = new StringBuilder();
        int next = 0;
        int i = 0;
        while (i < format.length()) {
            char c = format.charAt(i++);
            if (c != '%') {
                out.append(c);
                continue;
            }
            int begin = i;
            while (i < format.length() && "+-# 0123456789.".indexOf(format.charAt(i)) >= 0) {
                i++;
            }
            if (i == format.length()) {
                return out.append("%!(NOVERB)").toString();
            }
            var flags = format.substring(begin, i);
            char verb = format.charAt(i++);
            if (verb == '%') {
                out.append('%');
            } else if (next >= arguments.size()) {
                out.append("%!").append(verb).append("(MISSING)");
            } else {
                out.append(one(flags, verb, arguments.get(next++)));
            }
        }
        if (next < arguments.size()) {
            out.append("%!(EXTRA ");
            for (int extra = next; extra < arguments.size(); extra++) {
                out.append(extra > next ? ", " : "").append(kind(arguments.get(extra)));
                out.append('=').append(TemplateFunctions.show(arguments.get(extra)));
            }
            out.append(')');
        }
        return out.toString();
    }

    private static String one(String flags, char verb, @Nullable Object value) {
        int digits = 0;
        while (digits < flags.length() && "+-# 0".indexOf(flags.charAt(digits)) >= 0) {
            digits++;
        }
        var signs = flags.substring(0, digits);
        int dot = flags.indexOf('.', digits);
        int width = number(flags.substring(digits, dot < 0 ? flags.length() : dot));
        int precision = dot < 0 ? -1 : number(flags.substring(dot + 1));
        var text = text(signs, verb, precision, value);
        int missing = width - text.codePointCount(0, text.length());
        if (missing <= 0) {
            return text;
        }
        if (signs.indexOf('-') >= 0) {
            return text + " ".repeat(missing);
        }
        if (signs.indexOf('0') >= 0 && value instanceof Number) {
            boolean signed = text.startsWith("-") || text.startsWith("+");
            return (signed ? text.substring(0, 1) : "") + "0".repeat(missing) + text.substring(signed ? 1 : 0);
        }
        return " ".repeat(missing) + text;
    }

    private static int number(String digits) {
        try {
            // wider than any terminal is a mistake, not a wish
            return digits.isEmpty() ? 0 : Math.min(10_000, Integer.parseInt(digits));
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    private static String text(String signs, char verb, int precision, @Nullable Object value) {
        var plus = signs.indexOf('+') >= 0 && value instanceof Number n && n.doubleValue() >= 0 ? "+" : "";
        return switch (verb) {
            case 'v' -> plus + TemplateFunctions.show(value);
            case 's' ->
                value instanceof String s
                        ? cut(s, precision)
                        : value instanceof Number ? bad(verb, value) : cut(TemplateFunctions.show(value), precision);
            case 'q' -> value instanceof String s ? ListCommands.quoted(s) : bad(verb, value);
            case 'd' -> whole(value) ? plus + TemplateFunctions.show(value) : bad(verb, value);
            case 'x', 'X' -> {
                var hex = value instanceof String s
                        ? java.util.HexFormat.of().formatHex(s.getBytes(java.nio.charset.StandardCharsets.UTF_8))
                        : whole(value) && value instanceof Number n
                                ? Long.toHexString(n.longValue())
                                : bad(verb, value);
                yield verb == 'X' ? hex.toUpperCase(Locale.ROOT) : hex;
            }
            case 'o' ->
                whole(value) && value instanceof Number n ? Long.toOctalString(n.longValue()) : bad(verb, value);
            case 'c' ->
                whole(value) && value instanceof Number n && Character.isValidCodePoint(n.intValue())
                        ? Character.toString(n.intValue())
                        : bad(verb, value);
            case 'f', 'F' ->
                value instanceof Double d
                        ? plus
                                + new BigDecimal(d)
                                        .setScale(precision < 0 ? 6 : precision, RoundingMode.HALF_EVEN)
                                        .toPlainString()
                        : bad(verb, value);
            case 't' -> value instanceof Boolean ? TemplateFunctions.show(value) : bad(verb, value);
            case 'T' -> kind(value);
            default -> bad(verb, value);
        };
    }

    private static boolean whole(@Nullable Object value) {
        return value instanceof Long || value instanceof Integer || value instanceof Double d && d == Math.rint(d);
    }

    private static String cut(String text, int precision) {
        return precision < 0 || text.codePointCount(0, text.length()) <= precision
                ? text
                : text.substring(0, text.offsetByCodePoints(0, precision));
    }

    private static String bad(char verb, @Nullable Object value) {
        return "%!" + verb + "(" + kind(value) + "=" + TemplateFunctions.show(value) + ")";
    }

    private static String kind(@Nullable Object value) {
        return switch (value) {
            case String s -> "string";
            case Boolean b -> "bool";
            case Double d -> "float64";
            case Number n -> "int";
            case List<?> list -> "[]interface {}";
            case Map<?, ?> map -> "map[string]interface {}";
            case null, default -> "<nil>";
        };
    }
}
