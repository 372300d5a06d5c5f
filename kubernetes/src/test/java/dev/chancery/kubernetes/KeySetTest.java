package dev.chancery.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.testing.AdjustableClock;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jose4j.jwk.JsonWebKey;
import org.jose4j.jwk.JsonWebKeySet;
import org.jose4j.jwk.RsaJwkGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** A source that answers, fails, or hangs until it is let go. */
@DisplayName("The keys of a cluster")
class KeySetTest {
  private final AdjustableClock clock = new AdjustableClock(Instant.parse("2026-11-25T12:00:00Z"));
  private final AtomicInteger asked = new AtomicInteger();
  private final CountDownLatch end = new CountDownLatch(1);
  private volatile boolean hangs;
  private volatile boolean fails;
  private JsonWebKey key;
  private KeySet keys;

  @BeforeEach
  void make() throws Exception {
    key = RsaJwkGenerator.generateJwk(2048);
    keys = new KeySet(this::read, clock);
  }

  @AfterEach
  void letGo() {
    end.countDown();
  }

  private String read() throws IOException {
    asked.incrementAndGet();
    try {
      if (hangs && !end.await(30, TimeUnit.SECONDS)) {
        throw new IOException("nobody let it go");
      }
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
    if (fails) {
      throw new IOException("failed by the test");
    }
    return new JsonWebKeySet(key).toJson();
  }

  @Test
  @DisplayName("that hangs hold nobody for long who comes with a known key, and are read by one")
  void hanging() throws Exception {
    assertThat(keys.current()).hasSize(1);
    hangs = true;
    clock.advance(Duration.ofMinutes(11));
    long start = System.nanoTime();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Callable<List<JsonWebKey>>> many = new ArrayList<>();
      for (int i = 0; i < 50; i++) {
        many.add(keys::current);
        many.add(keys::again);
      }
      for (Future<List<JsonWebKey>> answer : threads.invokeAll(many)) {
        assertThat(answer.get()).hasSize(1);
      }
    }
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(8));
    assertThat(asked).hasValue(2);
    // Who comes later does not wait at all.
    start = System.nanoTime();
    assertThat(keys.current()).hasSize(1);
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(1));
  }

  @Test
  @DisplayName("that were never read are an outage, and one look is enough for a while")
  void never() throws Exception {
    fails = true;
    for (int i = 0; i < 3; i++) {
      assertThatThrownBy(() -> keys.current())
          .isInstanceOfSatisfying(
              VaultProblem.class, problem -> assertThat(problem.status()).isEqualTo(503));
    }
    assertThat(asked).hasValue(1);
    fails = false;
    clock.advance(Duration.ofSeconds(11));
    assertThat(keys.current()).hasSize(1);
  }

  @Test
  @DisplayName("that cannot be read any more are good for an hour, and again when they can")
  void withdrawn() throws Exception {
    assertThat(keys.current()).hasSize(1);
    fails = true;
    clock.advance(Duration.ofMinutes(59));
    assertThat(keys.current()).hasSize(1);
    clock.advance(Duration.ofMinutes(2));
    assertThatThrownBy(() -> keys.current())
        .isInstanceOfSatisfying(
            VaultProblem.class, problem -> assertThat(problem.status()).isEqualTo(503));
    assertThatThrownBy(() -> keys.again()).isInstanceOf(VaultProblem.class);
    fails = false;
    clock.advance(Duration.ofSeconds(11));
    assertThat(keys.current()).hasSize(1);
  }

  @Test
  @DisplayName("that hang from the beginning are an outage after a little while, and had when told")
  void late() throws Exception {
    hangs = true;
    assertThatThrownBy(() -> keys.current()).isInstanceOf(VaultProblem.class);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      end.countDown();
      long until = System.nanoTime() + Duration.ofSeconds(20).toNanos();
      boolean had = false;
      while (!had && System.nanoTime() < until) {
        Thread.sleep(50);
        had = threads.submit(this::isThere).get();
      }
      assertThat(had).isTrue();
    }
    assertThat(asked).hasValue(1);
  }

  private boolean isThere() {
    try {
      return !keys.current().isEmpty();
    } catch (VaultProblem e) {
      return false;
    }
  }
}
