package kist.docker;

import kist.engine.EngineException;

/** The one place where failures become Docker's status codes and bodies. */
final class Errors {
    private Errors() {}

    static int status(EngineException.Kind kind) {
        return switch (kind) {
            case NOT_FOUND -> 404;
            case ALREADY_EXISTS, CONFLICT -> 409;
            case INVALID_ARGUMENT, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE -> 400;
            case PERMISSION_DENIED -> 403;
            case UNAUTHENTICATED -> 401;
            case UNAVAILABLE -> 503;
            case UNSUPPORTED -> 501;
            case EXHAUSTED, INTERNAL -> 500;
        };
    }

    /** The message of a failure. Docker's command line takes the exit codes 127 and 126 from words in it. */
    static String message(EngineException e) {
        String message = String.valueOf(e.getMessage());
        return switch (e.kind()) {
            case COMMAND_NOT_FOUND ->
                has(message, "executable file not found") || has(message, "no such file or directory")
                        ? message
                        : message + ": executable file not found in $PATH";
            case COMMAND_NOT_EXECUTABLE ->
                has(message, "permission denied") || has(message, "is a directory")
                        ? message
                        : message + ": permission denied";
            default -> message;
        };
    }

    private static boolean has(String message, String words) {
        return message.contains(words);
    }

    static EngineException invalid(String message) {
        return new EngineException(EngineException.Kind.INVALID_ARGUMENT, message);
    }

    static EngineException notFound(String message) {
        return new EngineException(EngineException.Kind.NOT_FOUND, message);
    }

    /** Refuses what Docker can do and this version of Kist cannot. */
    static EngineException unsupported(String what) {
        return new EngineException(
                EngineException.Kind.UNSUPPORTED, what + " is not supported by this version of Kist");
    }
}
