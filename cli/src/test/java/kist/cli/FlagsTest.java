package kist.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class FlagsTest {
    private static Flags run() {
        return new Flags("run", "IMAGE [COMMAND] [ARG...]", "Runs")
                .stopAtFirstArgument()
                .bool("interactive", 'i', "")
                .bool("tty", 't', "")
                .bool("rm", 0, "Removes")
                .text("name", 0, "string", "Names")
                .list("env", 'e', "list", "Sets")
                .text("memory", 'm', "bytes", "Limits")
                .without("p=publish", "gpus")
                .withoutSwitches("init");
    }

    private static Flags.Parsed parse(String... args) {
        return run().parse(List.of(args));
    }

    private static Failure refused(String... args) {
        return assertThrows(Failure.class, () -> parse(args));
    }

    @Test
    void flags_after_the_image_belong_to_its_command() {
        var parsed = parse("-it", "--rm", "busybox", "ls", "-t", "--rm", "--name", "x");
        assertTrue(parsed.on("interactive") && parsed.on("tty") && parsed.on("rm"));
        assertEquals(List.of("busybox", "ls", "-t", "--rm", "--name", "x"), parsed.arguments());
        assertFalse(parsed.given("name"));
    }

    @Test
    void values_are_taken_in_every_way_that_docker_takes_them() {
        for (var args : List.of(
                List.of("-e", "A=B", "x"),
                List.of("-eA=B", "x"),
                List.of("-e=A=B", "x"),
                List.of("--env", "A=B", "x"),
                List.of("--env=A=B", "x"),
                List.of("-ite", "A=B", "x"),
                List.of("-iteA=B", "x"))) {
            var parsed = run().parse(args);
            assertEquals(List.of("A=B"), parsed.all("env"), args::toString);
            assertEquals(List.of("x"), parsed.arguments());
        }
    }

    @Test
    void lists_grow_and_the_last_of_a_single_value_counts() {
        var parsed = parse("-e", "A=1", "-e", "A=2", "--name", "a", "--name=b");
        assertEquals(List.of("A=1", "A=2"), parsed.all("env"));
        assertEquals(Optional.of("b"), parsed.text("name"));
    }

    @Test
    void a_switch_can_be_said_to_be_off() {
        assertFalse(parse("--rm=false").on("rm"));
        assertTrue(parse("--rm=true").on("rm"));
        assertFalse(parse("-t=0").on("tty"));
        assertTrue(refused("--rm=maybe").text().contains("must be true or false"));
    }

    @Test
    void two_dashes_end_the_flags() {
        assertEquals(List.of("--rm"), parse("--", "--rm").arguments());
    }

    @Test
    void one_dash_is_an_argument_and_an_empty_value_is_one() {
        assertEquals(List.of("-"), parse("-").arguments());
        assertEquals(Optional.of(""), parse("--name", "").text("name"));
        assertEquals(Optional.of(""), parse("--name=").text("name"));
    }

    @Test
    void a_wrong_flag_is_named_with_status_125() {
        assertEquals(
                "kist: unknown flag: --foo\nSee 'kist run --help'.",
                refused("--foo").text());
        assertEquals(125, refused("--foo=1").status());
        assertTrue(refused("-zit").text().contains("unknown shorthand flag: 'z' in -zit"));
        assertTrue(refused("--name").text().contains("flag needs an argument: --name"));
        assertTrue(refused("-ie").text().contains("flag needs an argument: 'e' in -ie"));
        assertTrue(refused("-rm").text().contains("unknown shorthand flag: 'r' in -rm"));
    }

    @Test
    void what_docker_has_and_kist_has_not_is_refused_by_name() {
        for (var args : List.of(List.of("-p", "80:80"), List.of("--publish=80"), List.of("-p80:80"))) {
            var refusal = assertThrows(Failure.class, () -> run().parse(args));
            assertTrue(refusal.text().contains("--publish is not supported by this version of Kist"), refusal.text());
        }
        assertTrue(refused("--init").text().contains("--init is not supported"));
    }

    @Test
    void the_number_of_arguments_is_told_as_docker_tells_it() {
        var none = assertThrows(Failure.class, () -> parse().expect(1, -1));
        assertEquals(1, none.status());
        assertTrue(none.text()
                .startsWith("kist: 'kist run' requires at least 1 argument\n\nUsage:  kist run [OPTIONS] IMAGE"));
        var many = assertThrows(Failure.class, () -> parse("a").expect(0, 0));
        assertTrue(many.text().contains("accepts no arguments"));
    }

    @Test
    void help_lists_what_works_and_nothing_else() {
        var help = assertThrows(Flags.Help.class, () -> parse("--help")).page();
        assertTrue(help.contains("  -e, --env list       Sets\n"), help);
        assertTrue(help.contains("      --rm             Removes\n"), help);
        assertFalse(help.contains("publish"), help);
    }

    @Test
    void a_number_that_is_none_is_named() {
        var parsed = parse("-m", "12x");
        var failure = assertThrows(Failure.class, () -> parsed.number("memory"));
        assertTrue(failure.text().contains("invalid argument \"12x\" for \"-m, --memory\" flag"), failure.text());
    }
}
