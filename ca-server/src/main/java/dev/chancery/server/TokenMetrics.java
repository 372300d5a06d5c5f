package dev.chancery.server;

import dev.chancery.core.TokenAway;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.Operation;
import dev.chancery.hsm.Token;
import dev.chancery.hsm.TokenHealth;
import dev.chancery.hsm.TokenObserver;
import dev.chancery.store.TokenAudit;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.ToDoubleFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What happens to tokens, as numbers for a monitoring and as events for the audit trail. */
final class TokenMetrics implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(TokenMetrics.class);
  // From a local EC key to a busy network HSM with long RSA keys.
  private static final Duration[] SIGNING =
      durations(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000);
  private static final Duration[] OUTAGE =
      durations(200, 500, 1000, 2000, 5000, 15_000, 60_000, 300_000, 3_600_000);

  private final MeterRegistry registry;
  private final TokenAudit audit;
  private final Consumer<String> mustEnd;
  // The audit trail is in the database, which may be slow or away; no token waits for it.
  private final ExecutorService writer =
      Executors.newSingleThreadExecutor(Thread.ofPlatform().name("token-audit").daemon().factory());

  /**
   * Ready to be told.
   *
   * @param mustEnd told when only a new process can open a token again
   */
  TokenMetrics(MeterRegistry registry, TokenAudit audit, Consumer<String> mustEnd) {
    this.registry = registry;
    this.audit = audit;
    this.mustEnd = mustEnd;
  }

  private static Duration[] durations(long... millis) {
    Duration[] durations = new Duration[millis.length];
    for (int i = 0; i < millis.length; i++) {
      durations[i] = Duration.ofMillis(millis[i]);
    }
    return durations;
  }

  /** Adds how each token is. */
  void watch(Map<String, Token> tokens) {
    tokens.forEach((name, token) -> {
      gauge(
          "chancery.token.up",
          name,
          token,
          it -> it.health().state() == TokenHealth.State.UP ? 1 : 0);
      gauge(
          "chancery.token.needs.operator",
          name,
          token,
          it -> it.health().state() == TokenHealth.State.NEEDS_OPERATOR ? 1 : 0);
      gauge("chancery.token.generation", name, token, it -> it.health().generation());
      gauge("chancery.token.waiting", name, token, it -> it.health().waiting());
      gauge("chancery.token.stuck", name, token, it -> it.health().stuck());
      gauge("chancery.token.sessions", name, token, TokenMetrics::sessions);
    });
  }

  private void gauge(String name, String token, Token of, ToDoubleFunction<Token> value) {
    Gauge.builder(name, of, value).tags("token", token).strongReference(true).register(registry);
  }

  private static double sessions(Token token) {
    try {
      return token.sessions().map(Long::doubleValue).orElse(Double.NaN);
    } catch (TokenAway e) {
      return Double.NaN;
    }
  }

  /** Who is told of one token, under the name that it has in the configuration. */
  TokenObserver of(String name) {
    return new Named(name);
  }

  private static Tags tags(String token, KeyId key, Operation operation) {
    return Tags.of(
        "token", token, "key", key.hex(), "operation", operation.name().toLowerCase(Locale.ROOT));
  }

  private final class Named implements TokenObserver {
    private final String name;

    private Named(String name) {
      this.name = name;
    }

    @Override
    public void signed(String description, KeyId key, Operation operation, Duration took) {
      Timer.builder("chancery.signing")
          .tags(tags(name, key, operation))
          .serviceLevelObjectives(SIGNING)
          .register(registry)
          .record(took);
    }

    @Override
    public void notSigned(String description, KeyId key, Operation operation) {
      Counter.builder("chancery.signing.failures")
          .tags(tags(name, key, operation))
          .register(registry)
          .increment();
    }

    @Override
    public void wrongSignature(String description, KeyId key, Operation operation) {
      Counter.builder("chancery.wrong.signatures")
          .tags(tags(name, key, operation))
          .register(registry)
          .increment();
      write("token-wrong-signature", name, "key " + key + ", " + operation);
    }

    @Override
    public void lost(String description, long generation, String why) {
      Counter.builder("chancery.token.outages").tags("token", name).register(registry).increment();
      write("token-lost", name, "generation " + generation + ": " + why);
    }

    @Override
    public void back(String description, long generation, Duration outage) {
      Timer.builder("chancery.token.outage")
          .tags("token", name)
          .serviceLevelObjectives(OUTAGE)
          .register(registry)
          .record(outage);
      write("token-back", name, "generation " + generation + " after " + outage);
    }

    @Override
    public void needsOperator(String description, String why) {
      write("token-needs-operator", name, why);
    }

    @Override
    public void exhausted(String description, String why) {
      write("token-exhausted", name, why);
      mustEnd.accept(name + ": " + why);
    }
  }

  private void write(String action, String token, String detail) {
    writer.execute(() -> {
      try {
        audit.record(action, token + ": " + detail);
      } catch (RuntimeException e) {
        LOG.error("not in the audit trail: {} {}: {}", action, token, detail, e);
      }
    });
  }

  /** Writes what is still to be written. */
  @Override
  public void close() {
    writer.shutdown();
    try {
      if (!writer.awaitTermination(5, TimeUnit.SECONDS)) {
        LOG.warn("events of tokens are missing in the audit trail");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
