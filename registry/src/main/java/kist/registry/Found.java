package kist.registry;

/** One result of a search. */
public record Found(String name, String description, long stars, boolean official, boolean automated) {}
