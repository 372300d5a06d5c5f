package dev.chancery.ocsp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.Der;
import dev.chancery.core.RevocationReason;
import java.time.Instant;
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

  private static OcspReply.Shared answer(int length) {
    return new OcspReply.Shared(Der.of(new byte[length]), Instant.EPOCH, Instant.MAX);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 800, 2_000, 20_000})
  @DisplayName("takes no more memory for long answers than for short ones")
  void bound(int length) {
    int all = 8_000;
    for (int i = 0; i < all; i++) {
      cache.keep(question(i), GOOD, answer(length));
    }

    int most = MOST / (length + 2 + AnswerCache.OVERHEAD);
    assertThat(
            IntStream.range(0, all)
                .filter(i -> cache.find(question(i), GOOD).isPresent())
                .boxed()
                .toList())
        .isEqualTo(IntStream.range(all - most, all).boxed().toList());
  }

  @Test
  @DisplayName("keeps one answer to a question, that for the status it had last")
  void status() {
    OcspReply.Shared other = answer(800);
    cache.keep(question(1), GOOD, other);
    OcspReply.Shared revoked = answer(700);
    for (int i = 0; i < 10_000; i++) {
      cache.keep(question(2), GOOD, answer(900));
      cache.keep(question(2), REVOKED, revoked);
    }

    assertThat(cache.find(question(2), GOOD)).isEmpty();
    assertThat(cache.find(question(2), REVOKED)).hasValue(revoked);
    assertThat(cache.find(question(1), GOOD)).hasValue(other);
  }

  @Test
  @DisplayName("does not keep what is larger than itself")
  void tooLarge() {
    cache.keep(question(1), GOOD, answer(MOST));

    assertThat(cache.find(question(1), GOOD)).isEmpty();
  }
}
