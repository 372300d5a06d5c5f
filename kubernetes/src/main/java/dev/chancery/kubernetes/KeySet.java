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
import org.jose4j.jwk.JsonWebKey;
import org.jose4j.jwk.JsonWebKeySet;
import org.jose4j.lang.JoseException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The keys that a cluster signs its tokens with, from a JWK set (RFC 7517 section 5) in a file or
 * at a URL. They are read again now and then, and soon when a token names a key that is not among
 * them; while that fails, the last ones are used.
 */
final class KeySet {
  /** Where the set is read from. */
  interface Source {
    String read() throws IOException;
  }

  private static final Logger LOG = LoggerFactory.getLogger(KeySet.class);
  private static final Duration KEPT = Duration.ofMinutes(10);

  /** Whoever sends tokens with made-up keys must not have the cluster asked for each of them. */
  private static final Duration PAUSE = Duration.ofSeconds(10);

  private final Source source;
  private final Clock clock;
  private List<JsonWebKey> keys = List.of();
  private Instant read = Instant.EPOCH;
  private Instant tried = Instant.EPOCH;

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

  /**
   * The keys as they are known now; asked for anew when they are old.
   *
   * @throws VaultProblem 503, when none could be had yet
   */
  synchronized List<JsonWebKey> current() throws VaultProblem {
    if (read.isBefore(clock.instant().minus(KEPT))) {
      refresh();
    }
    if (keys.isEmpty()) {
      throw VaultProblem.unavailable("the cluster's keys cannot be had at the moment");
    }
    return keys;
  }

  /** The keys after another look, unless the last one was just now. */
  synchronized List<JsonWebKey> again() throws VaultProblem {
    refresh();
    return current();
  }

  private void refresh() {
    Instant now = clock.instant();
    if (!tried.isBefore(now.minus(PAUSE))) {
      return;
    }
    tried = now;
    try {
      keys = List.copyOf(new JsonWebKeySet(source.read()).getJsonWebKeys());
      read = now;
    } catch (IOException | JoseException | RuntimeException e) {
      LOG.error("the keys of a cluster cannot be read: {}", e.toString());
    }
  }
}
