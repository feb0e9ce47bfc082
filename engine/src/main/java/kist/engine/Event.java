package kist.engine;

import io.avaje.jsonb.Json;
import java.util.Map;

/**
 * Something that happened.
 *
 * @param type {@code container}, {@code image}, {@code network}, {@code volume}, {@code daemon}
 * @param action {@code create}, {@code start}, {@code die}, {@code exec_create: true}, ... as Docker names them
 * @param id the object's id
 * @param attributes name, image, exitCode, labels, ...
 * @param nanos Unix time in nanoseconds
 */
@Json
public record Event(String type, String action, String id, Map<String, String> attributes, long nanos) {}
