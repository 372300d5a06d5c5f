package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.chancery.store.Database;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** RFC 8555 section 6.5 across nodes, restarts and time. */
final class NoncesTest {
  private final AdjustableClock clock = new AdjustableClock(Instant.parse("2026-05-01T00:00:00Z"));

  @TempDir Path folder;

  private Nonces node(Database database) {
    return new Nonces(database, clock, new SecureRandom());
  }

  private static boolean spends(Nonces node, String nonce) {
    try {
      node.genuine(Optional.of(nonce)).spend();
      return true;
    } catch (AcmeProblem e) {
      assertThat(e.problem().error()).isEqualTo(AcmeError.BAD_NONCE);
      return false;
    }
  }

  @ParameterizedTest
  @EnumSource
  @DisplayName("RFC 8555 6.5: a nonce of one node is spent on another, once, also after a restart")
  void acrossNodes(DatabaseKind kind) {
    TestDatabase where = kind.create(folder);
    String spent;
    String unspent;
    try (Database database = AcmeFixture.open(where)) {
      Nonces first = node(database);
      Nonces second = node(database);
      spent = first.fresh();
      unspent = second.fresh();
      assertThat(spends(second, spent)).isTrue();
      assertThat(spends(first, spent)).isFalse();
    }
    try (Database database = AcmeFixture.open(where)) {
      Nonces restarted = node(database);
      assertThat(spends(restarted, spent)).isFalse();
      assertThat(spends(restarted, unspent)).isTrue();
    }
  }

  @ParameterizedTest
  @EnumSource
  @DisplayName("RFC 8555 6.5: the same nonce at once, one wins")
  void race(DatabaseKind kind) {
    TestDatabase where = kind.create(folder);
    try (Database database = AcmeFixture.open(where)) {
      Nonces nonces = node(database);
      for (int round = 0; round < 10; round++) {
        String nonce = nonces.fresh();
        assertThat(IntStream.range(0, 8).parallel().filter(i -> spends(nonces, nonce)).count())
            .isEqualTo(1);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  @DisplayName("RFC 8555 6.5: a nonce ends after an hour, and is forgotten only an hour later")
  void lifetime(DatabaseKind kind) {
    TestDatabase where = kind.create(folder);
    try (Database database = AcmeFixture.open(where)) {
      Nonces nonces = node(database);
      String late = nonces.fresh();
      for (int i = 0; i < 25; i++) {
        assertThat(spends(nonces, nonces.fresh())).isTrue();
      }
      clock.advance(Duration.ofMinutes(59));
      assertThatCode(() -> nonces.genuine(Optional.of(late))).doesNotThrowAnyException();
      clock.advance(Duration.ofMinutes(1));
      assertThatExceptionOfType(AcmeProblem.class)
          .isThrownBy(() -> nonces.genuine(Optional.of(late)));
      assertThat(nonces.prune(100)).isZero();
      clock.advance(Duration.ofMinutes(61));
      assertThat(spends(nonces, nonces.fresh())).isTrue();
      assertThat(nonces.prune(10)).isEqualTo(10);
      assertThat(nonces.prune(100)).isEqualTo(15);
      assertThat(nonces.prune(100)).isZero();
    }
  }
}
