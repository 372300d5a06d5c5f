package dev.chancery.ocsp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.Der;
import dev.chancery.core.RevocationReason;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("The cache of OCSP answers")
class AnswerCacheTest {
  private static final CertificateStatus GOOD = new CertificateStatus.Good();
  private static final CertificateStatus REVOKED =
      new CertificateStatus.Revoked(
          Instant.EPOCH, RevocationReason.KEY_COMPROMISE, Optional.empty());
  private static final int MOST = 1024 * 1024;

  private final AnswerCache cache = new AnswerCache(MOST);

  private static Der question(int number) {
    return Der.of(new byte[] {(byte) (number >> 8), (byte) number});
  }

  private static AnswerCache.Kept answer(CertificateStatus status, int length) {
    return new AnswerCache.Kept(
        new StatusSource.Said(status),
        Instant.EPOCH,
        Optional.of(
            OcspReply.Shared.of(
                Der.of(new byte[length]), Instant.EPOCH, Instant.EPOCH, Instant.EPOCH)));
  }

  private void keep(int question, AnswerCache.Kept kept) {
    cache.keep(question(question), kept, cache.mark());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 800, 2_000, 20_000})
  @DisplayName("takes no more memory for long answers than for short ones")
  void bound(int length) {
    int all = 8_000;
    for (int i = 0; i < all; i++) {
      keep(i, answer(GOOD, length));
    }

    int most = MOST / (length + 2 + AnswerCache.OVERHEAD);
    assertThat(
            IntStream.range(0, all)
                .filter(i -> cache.find(question(i)).isPresent())
                .boxed()
                .toList())
        .isEqualTo(IntStream.range(all - most, all).boxed().toList());
  }

  @Test
  @DisplayName("keeps one answer to a question, the last")
  void status() {
    AnswerCache.Kept other = answer(GOOD, 800);
    keep(1, other);
    AnswerCache.Kept revoked = answer(REVOKED, 700);
    for (int i = 0; i < 10_000; i++) {
      keep(2, answer(GOOD, 900));
      keep(2, revoked);
    }

    assertThat(cache.find(question(2))).hasValue(revoked);
    assertThat(cache.find(question(1))).hasValue(other);
  }

  @Test
  @DisplayName("forgets what changed, and the memory that it took")
  void forgets() {
    for (int i = 0; i < 10_000; i++) {
      keep(1, answer(GOOD, 900));
      cache.forget(List.of(question(1), question(3)));
    }
    keep(2, answer(GOOD, 900));
    assertThat(cache.find(question(1))).isEmpty();
    assertThat(cache.find(question(2))).isPresent();

    cache.forgetAll();
    assertThat(cache.find(question(2))).isEmpty();
  }

  @Test
  @DisplayName("does not keep what was read before a change was known")
  void mark() {
    long mark = cache.mark();
    cache.forget(List.of(question(1)));
    cache.keep(question(1), answer(GOOD, 900), mark);
    assertThat(cache.find(question(1))).isEmpty();

    mark = cache.mark();
    cache.forgetAll();
    cache.keep(question(1), answer(GOOD, 900), mark);
    assertThat(cache.find(question(1))).isEmpty();
  }

  @Test
  @DisplayName("tells which questions were asked often since their answer was kept")
  void askedOften() {
    for (int i = 0; i < 5; i++) {
      keep(i, answer(GOOD, 900));
      for (int times = 0; times < i; times++) {
        assertThat(cache.find(question(i))).isPresent();
      }
    }

    assertThat(cache.askedOften(3, 10, kept -> true)).containsExactly(question(3), question(4));
    assertThat(cache.askedOften(1, 2, kept -> true)).hasSize(2);
    assertThat(cache.askedOften(1, 10, kept -> false)).isEmpty();
    keep(4, answer(GOOD, 900));
    assertThat(cache.askedOften(3, 10, kept -> true)).containsExactly(question(3));
  }

  @Test
  @DisplayName("keeps a status without an answer, which takes the less memory")
  void statusAlone() {
    AnswerCache.Kept status =
        new AnswerCache.Kept(new StatusSource.Said(GOOD), Instant.EPOCH, Optional.empty());
    for (int i = 0; i < 8_000; i++) {
      keep(i, status);
    }

    int most = MOST / (2 + AnswerCache.OVERHEAD);
    assertThat(
            IntStream.range(0, 8_000)
                .filter(i -> cache.look(question(i)).isPresent())
                .boxed()
                .toList())
        .isEqualTo(IntStream.range(8_000 - most, 8_000).boxed().toList());
  }

  @Test
  @DisplayName("does not count who looks for the status alone")
  void looks() {
    keep(1, answer(GOOD, 900));
    for (int i = 0; i < 5; i++) {
      assertThat(cache.look(question(1))).isPresent();
    }

    assertThat(cache.askedOften(1, 10, kept -> true)).isEmpty();
  }

  @Test
  @DisplayName("does not keep what is larger than itself")
  void tooLarge() {
    keep(1, answer(GOOD, MOST));

    assertThat(cache.find(question(1))).isEmpty();
  }
}
