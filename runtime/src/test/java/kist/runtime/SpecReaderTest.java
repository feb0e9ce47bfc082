package kist.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Reading config.json: what is understood, and by what words the rest is refused. */
final class SpecReaderTest {
    private static Spec read(String json) {
        return SpecReader.read(json.replace('\'', '"').getBytes(StandardCharsets.UTF_8));
    }

    private static String with(String more) {
        return "{'ociVersion':'1.0.2','process':{'args':['sh'],'cwd':'/'" + "},'root':{'path':'rootfs'}"
                + (more.isEmpty() ? "" : "," + more) + "}";
    }

    private static void refused(String json, String sentence) {
        SpecException e = assertThrows(SpecException.class, () -> read(json));
        assertEquals(sentence, e.getMessage());
    }

    @Test
    void the_default_spec_reads_back_as_it_was_written() {
        Spec spec = DefaultSpec.docker()
                .args(List.of("sh", "-c", "echo \"ä\n\""))
                .hostname("h")
                .terminal(true)
                .consoleSize(24, 80)
                .rlimits(List.of(Rlimit.of("nofile", 1024, -1)))
                .build();
        Spec again = SpecReader.read(spec.json().getBytes(StandardCharsets.UTF_8));
        assertEquals(spec, again);
    }

    @Test
    void a_small_config_takes_defaults() {
        Spec spec = read(with(""));
        assertEquals(User.ROOT.uid(), spec.process().user().uid());
        assertEquals(List.of("sh"), spec.process().args());
        assertTrue(spec.linux().seccomp().isEmpty());
    }

    @Test
    void unknown_fields_are_refused_with_their_path() {
        refused(
                with("'linux':{'resources':{'memory':{'limits':1}}}"),
                "linux.resources.memory.limits: is an unknown field");
        refused(
                with("'mounts':[{'destination':'/a'},{'destination':'/b','kind':'x'}]"),
                "mounts[1].kind: is an unknown field");
        refused(with("'Linux':{}"), "Linux: is an unknown field");
    }

    @Test
    void fields_that_cannot_be_honoured_are_refused_but_not_when_they_say_nothing() {
        refused(
                with("'linux':{'uidMappings':[{'containerID':0,'hostID':1,'size':1}]}"),
                "linux.uidMappings: is not supported by this version; leave it out");
        read(with("'linux':{'uidMappings':[],'mountLabel':'','intelRdt':null}"));
        refused(
                with("'linux':{'namespaces':[{'type':'user'}]}"),
                "linux.namespaces: namespaces of type \"user\" are not supported by this version");
        refused(with("'linux':{'namespaces':[{'type':'disk'}]}"), "linux.namespaces: \"disk\" is no type of namespace");
    }

    @Test
    void numbers_are_checked_and_never_cut_short() {
        String user = "{'ociVersion':'1.0.2','process':{'args':['a'],'cwd':'/','user':{'uid':%s}},'root':{'path':'r'}}";
        assertEquals(
                4294967294L, read(user.formatted("4294967294")).process().user().uid());
        refused(user.formatted("4294967295"), "process.user.uid: 4294967295 is not in the range from 0 to 4294967294");
        refused(user.formatted("-1"), "process.user.uid: -1 is not in the range from 0 to 4294967294");
        refused(
                user.formatted("18446744073709551616"),
                "process.user.uid: 18446744073709551616 is not in the range from 0 to 4294967294");
        refused(user.formatted("'0'"), "process.user.uid: must be a whole number");
        refused(user.formatted("true"), "process.user.uid: must be a whole number");
        String limit =
                "{'ociVersion':'1.0.2','process':{'args':['a'],'cwd':'/','rlimits':[{'type':'RLIMIT_CORE','hard':%s,'soft':0}]},'root':{'path':'r'}}";
        assertEquals(
                -1,
                read(limit.formatted("18446744073709551615"))
                        .process()
                        .rlimits()
                        .getFirst()
                        .hard());
        assertEquals(
                Long.MIN_VALUE,
                read(limit.formatted("9223372036854775808"))
                        .process()
                        .rlimits()
                        .getFirst()
                        .hard());
        refused(
                limit.formatted("18446744073709551616"),
                "process.rlimits[0].hard: 18446744073709551616 is no number of 64 bits without sign");
    }

    @Test
    void what_is_no_config_is_refused() {
        refused("[]", "config.json: is no JSON object");
        for (String text : List.of("{", "", "{'a'", "{'a':}", "{'a':1,'a':2}", "nul", "{'a':'")) {
            SpecException e = assertThrows(SpecException.class, () -> read(text), text);
            assertTrue(e.getMessage().startsWith("config.json: is no JSON"), e.getMessage());
        }
        refused(with("") + " x", "config.json: has more after the end of its JSON object");
        refused("[".repeat(100_000), "config.json: is nested deeper than 32 levels");
        assertTrue(assertThrows(SpecException.class, () -> SpecReader.read(new byte[SpecReader.MAXIMUM_BYTES + 1]))
                .getMessage()
                .contains("at most"));
        refused(
                "{'ociVersion':'2.0','process':{'args':['a'],'cwd':'/'},'root':{'path':'r'}}",
                "ociVersion: \"2.0\" is not understood; versions 1.x of the spec are");
        refused(
                "{'ociVersion':'1.0','process':{'args':[],'cwd':'/'},'root':{'path':'r'}}",
                "process.args: is empty; it must name the program to run");
        refused(
                "{'ociVersion':'1.0','process':{'args':['a'],'cwd':'x'},'root':{'path':'r'}}",
                "process.cwd: \"x\" is no absolute path");
        refused(
                "{'ociVersion':'1.0','process':{'args':['a\\u0000b'],'cwd':'/'},'root':{'path':'r'}}",
                "process.args: has a NUL character inside");
        refused("{'ociVersion':'1.0'}", "process: is missing");
    }
}
