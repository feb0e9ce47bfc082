package kist.distribution;

import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import kist.engine.Caller;
import kist.engine.Engine;
import kist.engine.HostedRequest;
import kist.http.Exchange;
import kist.http.HttpRequest;

/**
 * One request of a client on its way to the engine.
 *
 * @param images whether the engine's own images answer too
 */
record Call(Engine engine, Load load, Exchange exchange, Caller caller, Target target, boolean images) {
    private static final Jsonb JSON = Jsonb.builder().build();
    private static final String TYPE = "application/json; charset=utf-8";

    HttpRequest request() {
        return exchange.request();
    }

    String method() {
        return exchange.request().method();
    }

    String name() {
        return target.name();
    }

    String reference() {
        return target.reference();
    }

    <R> R ask(HostedRequest<R> question) throws InterruptedException {
        return engine.call(caller, question);
    }

    void header(String name, String value) {
        exchange.header(name, value);
    }

    void answer(int status) throws IOException {
        exchange.send(status);
    }

    void answer(int status, Map<String, Object> json) throws IOException {
        answer(status, TYPE, json);
    }

    void answer(int status, String type, Map<String, Object> json) throws IOException {
        exchange.send(status, type, bytes(json));
    }

    static byte[] bytes(Map<String, Object> json) {
        return JSON.toJson(json).getBytes(StandardCharsets.UTF_8);
    }

    /** Where something of this repository is. Relative to the host, as only the client knows by what name it got here. */
    String location(String kind, String reference) {
        return "/v2/" + name() + "/" + kind + "/" + reference;
    }

    Refused notAllowed(String allowed) {
        header("Allow", allowed);
        return new Refused(405, "UNSUPPORTED", method() + " cannot be done here; what can is " + allowed);
    }
}
