package kist.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TemplateTest {
    private static final Doc CONTAINER = Doc.parse("""
            {"Id":"0123456789abcdef0123","Name":"/c",
             "State":{"Status":"running","Running":true,"Paused":false,"Pid":5},
             "Config":{"Env":["A=1","B=2"],"Labels":{"a.b":"c","x":"y"},"Cmd":["sh","-c","x"],"Entrypoint":null},
             "HostConfig":{"Memory":0},
             "NetworkSettings":{"Ports":{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"}],"443/tcp":null},
                                "Networks":{"bridge":{"IPAddress":"172.17.0.2"}}},
             "Mounts":[{"Source":"/s","Destination":"/d","RW":true}]}""");

    /** What the docker command of release 28 prints for the same templates. */
    @ParameterizedTest
    @CsvSource(delimiterString = " => ", quoteCharacter = '~', textBlock = """
            {{.Id}}\\t{{.Name}} => 0123456789abcdef0123\\t/c
            {{if .State.Health}}h{{else}}none{{end}} {{.State.Health}} {{.HostConfig.Mounts}} [{{.Config.StopSignal}}] => none <nil> [] []
            {{.Config.Entrypoint}} {{json .Config.Entrypoint}} => [] null
            [{{index .Config.Labels "nope"}}] {{.Config.Labels.x}} {{index .Config.Labels "a.b"}} => [] y c
            {{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}} => 8080
            {{range $p, $c := .NetworkSettings.Ports}}{{$p}}={{len $c}} {{json $c}};{{end}} => 443/tcp=0 null;80/tcp=1 [{"HostIp":"0.0.0.0","HostPort":"8080"}];
            {{join .Config.Env ","}} {{.Config.Env}} {{.Config.Labels}} => A=1,B=2 [A=1 B=2] map[a.b:c x:y]
            {{range .Config.Env}}{{.}}|{{end}} => A=1|B=2|
            {{range $i, $e := .Config.Env}}{{if $i}}, {{end}}{{$e}}{{else}}none{{end}} => A=1, B=2
            {{range .Config.Cmd}}{{if eq . "-c"}}{{continue}}{{end}}{{.}}.{{end}} => sh.x.
            {{range .Config.Cmd}}{{if eq . "-c"}}{{break}}{{end}}{{.}}.{{end}} => sh.
            {{range .Nothing}}x{{else}}empty{{end}} => empty
            {{with .Config}}{{len .Cmd}} {{$.Name}}{{end}} => 3 /c
            {{with .State.Health}}x{{else with .Config}}y{{end}} => y
            {{ .Id | printf "%.5s" }} {{printf "%q|%-5s|%x" .Name "ab" "hi"}} => 01234 "/c"|ab   |6869
            {{slice .Id 2 5}} {{slice .Config.Cmd 1}} {{len .Config.Cmd}} {{len .Id}} => 234 [-c x] 3 20
            {{if and .State.Running (not .State.Paused)}}up{{end}} {{or "" "b"}} {{and 1 0}} => up b 0
            {{if gt .State.Pid 7}}big{{else if eq .State.Pid 5}}five{{else}}small{{end}} => five
            {{if eq .State.Status "exited" "running"}}yes{{end}} {{ne 1 2}} {{lt "a" "b"}} => yes true true
            {{upper .State.Status}} {{title .State.Status}} {{lower "AB"}} {{pad .Name 2 3}}| {{truncate .Id 4}} => RUNNING Running ab   /c   | 0123
            {{split "a,b,c" ","}} {{index (split "a,b,c" ",") 1}} {{json (split "a,b" ",")}} => [a b c] b ["a","b"]
            {{- /* c */ -}}  x  {{- " y " -}}  z => x y z
            {{$x := .Name}}{{$x}}{{if true}}{{$x = "q"}}{{end}}{{$x}} => /cq
            {{.Name | upper | json}} {{json .State.Pid}} => "/C" 5
            {{html "<a>"}} {{urlquery "a b&c"}} {{print 1 2 "x" 3}} {{'a'}} {{1.5}} {{`raw\\n`}} => &lt;a&gt; a+b%26c 1 2x3 97 1.5 raw\\n
            {{define "t"}}[{{.}}]{{end}}{{template "t" .Name}}{{block "b" .Name}}<{{.}}>{{end}} => [/c]</c>
            {{range .Mounts}}{{.Source}}:{{.Destination}} {{.RW}}{{end}} => /s:/d true
            {{.NetworkSettings.Networks.bridge.IPAddress}} {{.NetworkSettings.Networks.nope.IPAddress}} => 172.17.0.2 <no value>
            {{printf "%s %d" 5 "x"}} {{printf "%d"}} {{printf "x" 1}} => %!s(int=5) %!d(string=x) %!d(MISSING) x%!(EXTRA int=1)
            {{printf "%05d %+d %t %.2f %c %v" 42 7 true 1.5 65 nil}} => 00042 +7 true 1.50 A <nil>
            {{"q\\"uote"}} {{not ""}} {{index .NetworkSettings.Networks "bridge" | json}} => q"uote true {"IPAddress":"172.17.0.2"}
            """)
    void templates_mean_what_they_mean_to_docker(String template, String expected) {
        assertEquals(expected, Template.render(template, CONTAINER));
    }

    @ParameterizedTest
    @CsvSource(delimiterString = " => ", quoteCharacter = '~', textBlock = """
            {{.State.Health.Status}} => there is no field "Status"
            {{.Nope}} => there is no field "Nope"
            {{.Id => unclosed action
            {{nofunc .Name}} => function "nofunc" not defined
            {{.Name "x"}} => not a function
            {{index .Config.Cmd 9}} => index out of range: 9
            {{index .State.Health 0}} => index of untyped nil
            {{end}} => unexpected {{end}}
            {{if .Name}}x => an {{end}} is missing
            {{$y}} => undefined variable "$y"
            {{lt 1 "a"}} => incompatible types
            {{join .Name ","}} => a list of strings would be right
            {{break}} => outside {{range}}
            {{upper 5}} => a string would be right
            {{template "self"}} => template "self" not defined
            {{define "a"}}{{template "a"}}{{end}}{{template "a"}} => without end
            {{"x => unterminated quoted string
            {{(.Name}} => unclosed left parenthesis
            {{split "a"}} => wrong number of arguments
            {{/* x => unclosed comment
            """)
    void a_wrong_template_is_refused_with_its_fault(String template, String why) {
        var failure = assertThrows(Failure.class, () -> Template.render(template, CONTAINER));
        assertTrue(failure.text().contains("template parsing error"), failure::text);
        assertTrue(failure.text().contains(why), failure::text);
        assertEquals(1, failure.status());
    }

    @Test
    void a_table_has_titles_that_functions_leave_alone() {
        var row = new TreeMap<String, Object>(Map.of("ID", "1", "Names", "web"));
        row.put("Label", (Template.Method) arguments -> "v");
        var header = Map.of("ID", "CONTAINER ID", "Names", "NAMES");
        assertEquals(
                "CONTAINER ID   NAMES     my name\n1              WEB       v\n",
                Template.rows("table {{.ID}}\\t{{upper .Names}}\\t{{.Label \"com.x.my-name\"}}", header, List.of(row)));
        assertEquals("{\"ID\":\"1\",\"Names\":\"web\"}\n", Template.rows("json", header, List.of(row)));
        assertEquals("1\tweb\n", Template.rows("{{.ID}}\\t{{.Names}}", header, List.of(row)));
    }
}
