package kist.engine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import kist.image.Image;
import kist.image.ImageException;
import kist.image.ImageStore;
import kist.image.ImageUse;
import kist.image.Platform;
import kist.image.Reference;
import kist.registry.Registries;
import kist.registry.RegistryException;
import kist.registry.Repositories;

/** What is asked of images and registries, and of containers as the images they may become. Thread-safe. */
final class Images implements AutoCloseable {
    private static final String HELLO = "hello";

    private final ImageStore store;
    private final Registries registries;
    private final Registry containers;
    private final Function<Container, ContainerView> views;
    private final Events events;
    private final Optional<Path> hello;
    private final HostedRegistry hosted;

    Images(
            ImageStore store,
            EngineOptions options,
            RegistryDoor door,
            Registry containers,
            Function<Container, ContainerView> views,
            Events events) {
        this.store = store;
        this.registries = new Registries(store, options.registries());
        this.containers = containers;
        this.views = views;
        this.events = events;
        this.hello = options.helloImage();
        this.hosted = new HostedRegistry(store, options.root().resolve("registry"), door);
    }
