package dev.chancery.hsm;

import dev.chancery.core.TokenAway;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Looks for keys that were not there: a key can come back without its token being lost. */
final class MissingKeys {
  private static final Logger LOG = LoggerFactory.getLogger(MissingKeys.class);

  private final String description;
  private final Collection<WantedKey> wanted;
  private final Duration pause;
  private final Set<Generation> lookedAt = ConcurrentHashMap.newKeySet();

  MissingKeys(String description, Collection<WantedKey> wanted, Duration pause) {
    this.description = description;
    this.wanted = wanted;
    this.pause = pause;
  }

  /** Until a generation has every wanted key, or ends. */
  void lookFor(Generation generation) {
    if (!of(generation).isEmpty() && lookedAt.add(generation)) {
      Thread.ofVirtual().name("token-keys").start(() -> look(generation));
    }
  }

  private List<WantedKey> of(Generation generation) {
    return generation.whyLost().isPresent()
        ? List.of()
        : wanted.stream().filter(key -> !generation.has(key.id())).toList();
  }

  private void look(Generation generation) {
    try {
      for (List<WantedKey> missing = of(generation); !missing.isEmpty(); missing = of(generation)) {
        Thread.sleep(pause);
        for (WantedKey key : missing) {
          take(generation, key);
        }
      }
    } catch (InterruptedException e) {
      LOG.debug("nobody looks for the keys of {} any more", description);
    } finally {
      lookedAt.remove(generation);
    }
    // One that was missed since the last look, while this one still counted as looking.
    lookFor(generation);
  }

  private void take(Generation generation, WantedKey key) {
    try {
      generation.prepare(key);
      LOG.info("the key {} of {} is there", key.id(), description);
    } catch (TokenUnusable | TokenAway | RuntimeException e) {
      LOG.debug("the key {} of {} is not there yet", key.id(), description, e);
    }
  }
}
