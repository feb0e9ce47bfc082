package kist.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HeadParserTest {
    private static HttpRequest parse(String head) {
        byte[] bytes = head.getBytes(StandardCharsets.ISO_8859_1);
        return HeadParser.parse(bytes, 0, bytes.length);
    }

    private static HttpRequest get(String target) {
        return parse("GET " + target + " HTTP/1.1\r\nHost: d\r\n\r\n");
    }

    private static int refusal(String head) {
        return assertThrows(HttpException.class, () -> parse(head)).status();
    }

    @Test
    void theTargetIsSplitBeforeItIsDecoded() {
        HttpRequest request = get("/v1.41/images/a%2Fb/json?filters=%7B%22a%22%7D&x=1+2&empty&x=3%2B");
        assertEquals(List.of("v1.41", "images", "a/b", "json"), request.segments());
        assertEquals("{\"a\"}", request.parameter("filters"));
        assertEquals(List.of("1 2", "3+"), request.parameters("x"));
        assertTrue(request.hasParameter("empty"));
        assertEquals("", request.parameter("absent"));
    }

    @Test
    void emptyPartsStayEmptyParts() {
        assertEquals(List.of("", "containers", "json"), get("//containers/json").segments());
        assertEquals(List.of("containers", ""), get("/containers/").segments());
        assertEquals(List.of(""), get("/").segments());
    }

    @Test
    void anAbsoluteTargetIsReadAsItsPath() {
        assertEquals(List.of("_ping"), get("http://docker/_ping").segments());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/v1.40/../containers/json",
                "/./info",
                "/%2e%2e/info",
                "/%2E/info",
                "/a%00b",
                "/a%0ab",
                "/a%7fb",
                "/a%zz",
                "/a%2",
                "/a%",
                "/%ff",
                "/%c0%ae",
                "/x#y",
                "x/y",
                "*",
                "http:///info",
                "http://host",
                "ftp://host/info",
                "/x?a=%00"
            })
    void targetsThatCouldBeReadInTwoWaysAreRefused(String target) {
        assertEquals(400, refusal("GET " + target + " HTTP/1.1\r\nHost: d\r\n\r\n"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "GET /\r\nHost: d\r\n\r\n",
                "get / HTTP/1.1\r\nHost: d\r\n\r\n",
                " GET / HTTP/1.1\r\nHost: d\r\n\r\n",
                "GET  / HTTP/1.1\r\nHost: d\r\n\r\n",
                "GET / x HTTP/1.1\r\nHost: d\r\n\r\n",
                "GET\t/ HTTP/1.1\r\nHost: d\r\n\r\n",
                "GET /\u00e9 HTTP/1.1\r\nHost: d\r\n\r\n",
                "GET / HTTP/1.1 \r\nHost: d\r\n\r\n",
                "GET / HTTP/1.1\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: d\r\nHost: d\r\n\r\n",
                "GET / HTTP/1.1\r\nHost : d\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: d\r\n folded\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: d\r\nno colon\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: d\r\n: empty\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: d\r\nX: a\u0001b\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: d\r\nX\u00e9: a\r\n\r\n"
            })
    void headsThatAreNotHttpAreRefused(String head) {
        assertEquals(400, refusal(head));
    }

    @Test
    void otherVersionsOfHttpAreRefusedAsSuch() {
        assertEquals(505, refusal("PRI * HTTP/2.0\r\n\r\n"));
        assertEquals(505, refusal("GET / HTTP/1.2\r\nHost: d\r\n\r\n"));
    }

    @Test
    void tooManyHeaderFieldsAreRefused() {
        String many = "X: y\r\n".repeat(HeadParser.MAX_HEADERS);
        assertEquals(431, refusal("GET / HTTP/1.1\r\nHost: d\r\n" + many + "\r\n"));
    }

    @Test
    void headerNamesAreCaseInsensitiveAndValuesTrimmed() {
        HttpRequest request = parse("POST / HTTP/1.1\r\nhOST:  d \t\r\nConnection: foo , UPGRADE\r\nEmpty:\r\n\r\n");
        assertEquals("d", request.header("host"));
        assertEquals("", request.header("empty"));
        assertTrue(request.headerHasToken("connection", "Upgrade"));
    }

    @Test
    void oldClientsHostHeadersArePathsOfSockets() {
        assertEquals(
                "/var/run/docker.sock",
                parse("GET / HTTP/1.1\r\nHost: /var/run/docker.sock\r\n\r\n").header("host"));
        assertEquals("", parse("GET / HTTP/1.0\r\n\r\n").header("host"));
    }

    @ParameterizedTest
    @CsvSource({
        "0, 'Thu, 01 Jan 1970 00:00:00 GMT'",
        "784111777, 'Sun, 06 Nov 1994 08:49:37 GMT'",
        "951782399, 'Mon, 28 Feb 2000 23:59:59 GMT'",
        "951782400, 'Tue, 29 Feb 2000 00:00:00 GMT'",
        "4102444800, 'Fri, 01 Jan 2100 00:00:00 GMT'",
    })
    void datesAreThoseOfTheRfc(long second, String text) {
        assertEquals(text, HttpDate.format(second));
    }
}
