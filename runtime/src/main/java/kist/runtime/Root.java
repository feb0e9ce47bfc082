package kist.runtime;

import io.avaje.jsonb.Json;

/**
 * The root file system (config.md, root).
 *
 * @param path directory, relative to the bundle; not looked at where the caller attaches a root of its own
 * @param readonly whether the root is mounted read-only
 */
@Json
public record Root(String path, boolean readonly) {}
