package kist.runtime;

import java.util.List;

/** A user of a root file system, as its passwd and group files name it. */
public record Account(long uid, long gid, List<Long> groups, String home) {}
