package kist.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class TemplateTest {
    private static final Doc DOC = Doc.parse("""
            {"Id": "abc", "State": {"Running": true, "Pid": 12, "Error": ""}, "Args": ["a", "b"], "None": null,
             "Labels": {"z": "1", "com.x": "2"}, "Empty": [], "EmptyMap": {}}""");

    @Test
    void fields_lists_and_maps_print_as_go_prints_them() {
        assertEquals("abc 12 true", Template.render("{{.Id}} {{.State.Pid}} {{ .State.Running }}", DOC));
        assertEquals("[a b] map[com.x:2 z:1]", Template.render("{{.Args}} {{.Labels}}", DOC));
        assertEquals("[\"a\",\"b\"]", Template.render("{{json .Args}}", DOC));
        assertEquals("2 2", Template.render("{{index .Labels \"com.x\"}} {{len .Args}}", DOC));
        assertEquals("b", Template.render("{{index .Args 1}}", DOC));
        assertEquals("a\tb", Template.render("a\\tb", DOC));
    }

    @Test
    void what_is_empty_stays_visible_in_json() {
        assertEquals(
                "[] {} null \"\"",
                Template.render("{{json .Empty}} {{json .EmptyMap}} {{json .None}} {{json .State.Error}}", DOC));
        assertTrue(DOC.pretty().contains("\"Empty\": [],"), DOC.pretty());
        assertTrue(DOC.pretty().contains("\"None\": null,"), DOC.pretty());
    }

    @Test
    void a_wrong_template_is_refused_with_its_fault() {
        for (var wrong : List.of(
                "{{.Nothing}}", "{{.Id", "{{range .Args}}x{{end}}", "{{.State.Pid.More}}", "{{index .Args 9}}")) {
            var failure = assertThrows(Failure.class, () -> Template.render(wrong, DOC), wrong);
            assertTrue(failure.text().startsWith("kist: "), failure.text());
        }
    }
}
