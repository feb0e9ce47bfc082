package kist.cli;

import java.util.List;

/** A part of a parsed template. */
sealed interface TemplateNode {
    /** Text as it stands. */
    record Text(String text) implements TemplateNode {}

    /** A pipeline whose value is printed, unless it only sets a variable. */
    record Print(Pipeline pipeline) implements TemplateNode {}

    /** {@code if} and, where {@code with}, the same with the value as the new dot. */
    record Branch(boolean with, Pipeline condition, List<TemplateNode> then, List<TemplateNode> otherwise)
            implements TemplateNode {}

    /** {@code range}: the variables of the pipeline take index and element. */
    record Range(Pipeline pipeline, List<TemplateNode> body, List<TemplateNode> otherwise) implements TemplateNode {}

    /** {@code break} or {@code continue} of the innermost range. */
    record Jump(boolean end) implements TemplateNode {}

    /** {@code template "name" pipeline}. */
    record Call(String name, Pipeline argument) implements TemplateNode {}

    /**
     * Commands of which each gets the value of the one before as its last argument.
     *
     * @param variables that take the value, without {@code $}
     * @param declares whether by {@code :=}, which makes them, or by {@code =}
     */
    record Pipeline(List<String> variables, boolean declares, List<Command> commands) {}

    /**
     * A function or field with its arguments, or one value.
     *
     * @param source as typed, for messages
     */
    record Command(List<Operand> words, String source) {}

    /** A word of a command. */
    sealed interface Operand {}

    /** A string, number, truth value; {@code nil} is {@link #NIL}. */
    record Literal(Object value) implements Operand {}

    /** The literal {@code nil}. */
    Literal NIL = new Literal("nil");

    /** A function's name. */
    record Function(String name) implements Operand {}

    /** {@code .A.B}; the dot alone has no names. */
    record Fields(List<String> names) implements Operand {}

    /** {@code $x.A}. */
    record Variable(String name, List<String> names) implements Operand {}

    /** {@code (pipeline).A}. */
    record Group(Pipeline pipeline, List<String> names) implements Operand {}
}
