package dev.chancery.kubernetes;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.jose4j.jwk.JsonWebKey;
import org.jose4j.jwk.JsonWebKeySet;
import org.jose4j.lang.JoseException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The keys that a cluster signs its tokens with, from a JWK set (RFC 7517 section 5) in a file or
 * at a URL. They are read again now and then, and soon when a token names a key that is not among
 * them; while that fails or takes long, the last ones are used, but for an hour at most: one that
 * was stolen and withdrawn must not be good for as long as its thief keeps the set from being read.
 * One reads for all who come meanwhile.
 */
final class KeySet {
  /** Where the set is read from. */
  interface Source {
    String read() throws IOException;
  }

  private static final Logger LOG = LoggerFactory.getLogger(KeySet.class);
  private static final Duration KEPT = Duration.ofMinutes(10);
  private static final Duration LONGEST_KEPT = Duration.ofHours(1);

  /** Whoever sends tokens with made-up keys must not have the cluster asked for each of them. */
  private static final Duration PAUSE = Duration.ofSeconds(10);

  /** How long a login waits for the keys before it does with those that are known. */
  private static final Duration PATIENCE = Duration.ofSeconds(3);

  private final Source source;
  private final Clock clock;
  private final AtomicReference<State> state =
      new AtomicReference<>(new State(List.of(), Instant.EPOCH, Instant.EPOCH, Optional.empty()));

  KeySet(Source source, Clock clock) {
    this.source = source;
    this.clock = clock;
  }

  static Source ofFile(Path file) {
    return () -> Files.readString(file);
  }

  static Source ofUrl(ClusterHttp http, URI url) {
    return () -> {
      ClusterHttp.Response response =
          http.send(
              HttpRequest.newBuilder(url)
                  .header("Accept", "application/jwk-set+json, application/json")
                  .GET());
      if (response.status() != 200) {
        throw new IOException("status " + response.status());
      }
      return response.body();
    };
  }

  /** What was read last, and by whom it is read at the moment. */
  private record State(
      List<JsonWebKey> keys, Instant read, Instant tried, Optional<Reading> reading) {}

  private record Reading(long start, CompletableFuture<Void> done) {}

  /**
   * The keys as they are known now; asked for anew when they are old.
   *
   * @throws VaultProblem 503, when none could be had yet, or for an hour
   */
  List<JsonWebKey> current() throws VaultProblem {
    if (state.get().read().isBefore(clock.instant().minus(KEPT))) {
      refresh();
    }
    State known = state.get();
    List<JsonWebKey> keys = known.keys();
    if (keys.isEmpty() || known.read().isBefore(clock.instant().minus(LONGEST_KEPT))) {
      throw VaultProblem.unavailable("the cluster's keys cannot be had at the moment");
    }
    return keys;
  }

  /** The keys after another look, unless the last one was just now. */
  List<JsonWebKey> again() throws VaultProblem {
    refresh();
    return current();
  }

  /** Reads them, or waits a little for whoever reads them already. */
  private void refresh() {
    Optional<Reading> reading = reading();
    if (reading.isEmpty()) {
      return;
    }
    long left = reading.get().start() + PATIENCE.toNanos() - System.nanoTime();
    try {
      reading.get().done().get(Math.max(0, left), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      // It goes on, and who comes meanwhile has the keys that were read before.
    } catch (ExecutionException e) {
      throw new IllegalStateException("reading keys throws nothing", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The one reading that is under way or is begun; none, when the last one was just now. */
  private Optional<Reading> reading() {
    Instant now = clock.instant();
    State before = state.get();
    if (before.reading().isPresent() || !before.tried().isBefore(now.minus(PAUSE))) {
      return before.reading();
    }
    Reading mine = new Reading(System.nanoTime(), new CompletableFuture<>());
    State begun = new State(before.keys(), before.read(), now, Optional.of(mine));
    if (!state.compareAndSet(before, begun)) {
      return state.get().reading();
    }
    Thread.ofVirtual().name("cluster-keys").start(() -> read(begun, mine));
    return Optional.of(mine);
  }

  private void read(State begun, Reading reading) {
    State ended = new State(begun.keys(), begun.read(), begun.tried(), Optional.empty());
    try {
      List<JsonWebKey> keys = List.copyOf(new JsonWebKeySet(source.read()).getJsonWebKeys());
      ended = new State(keys, begun.tried(), begun.tried(), Optional.empty());
    } catch (IOException | JoseException | RuntimeException e) {
      LOG.error("the keys of a cluster cannot be read: {}", e.toString());
    } finally {
      // Nobody else changes the state while a reading is under way.
      state.set(ended);
      reading.done().complete(null);
    }
  }
}
