package kist.engine;

import java.util.Map;

/**
 * Something that happened.
 *
 * @param type {@code container}, {@code image}, {@code network}
 * @param action {@code create}, {@code start}, {@code die}, {@code exec_create: true}, ... as Docker names them
 * @param id the object's id
 * @param attributes name, image, exitCode, labels, ...
 * @param nanos Unix time in nanoseconds
 */
public record Event(String type, String action, String id, Map<String, String> attributes, long nanos) {}
