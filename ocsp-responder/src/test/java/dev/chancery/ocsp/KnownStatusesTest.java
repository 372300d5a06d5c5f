package dev.chancery.ocsp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.IssuerId;
import dev.chancery.core.SerialNumber;
import java.math.BigInteger;
import java.time.Instant;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("The statuses that were looked up")
final class KnownStatusesTest {
  private static final IssuerId ISSUER = OcspFixture.ISSUER;
  private static final KnownStatuses.Known GOOD =
      new KnownStatuses.Known(new CertificateStatus.Good(), Instant.EPOCH);
  private static final int MOST = 100;

  private final KnownStatuses statuses = new KnownStatuses(MOST * KnownStatuses.OCTETS);

  private static SerialNumber serial(int number) {
    return SerialNumber.of(BigInteger.valueOf(number));
  }

  private void keep(int serial) {
    statuses.keep(ISSUER, serial(serial), GOOD, statuses.mark());
  }

  @Test
  @DisplayName("are as many as fit, those used last")
  void bound() {
    for (int i = 1; i <= MOST; i++) {
      keep(i);
    }
    assertThat(statuses.find(ISSUER, serial(1))).hasValue(GOOD);
    for (int i = 0; i < 10; i++) {
      keep(MOST + 1 + i);
    }

    assertThat(
            IntStream.rangeClosed(1, MOST + 10)
                .filter(i -> statuses.find(ISSUER, serial(i)).isPresent())
                .boxed())
        .hasSize(MOST)
        .contains(1)
        .doesNotContain(2, 11)
        .contains(12, MOST + 10);
  }

  @Test
  @DisplayName("are none where there is no memory for them")
  void none() {
    KnownStatuses nothing = new KnownStatuses(KnownStatuses.OCTETS - 1);
    nothing.keep(ISSUER, serial(1), GOOD, nothing.mark());

    assertThat(nothing.find(ISSUER, serial(1))).isEmpty();
  }

  @Test
  @DisplayName("go with a change, and are not kept when they were read before one")
  void changes() {
    keep(1);
    keep(2);
    assertThat(statuses.find(new IssuerId("another"), serial(1))).isEmpty();
    long mark = statuses.mark();
    statuses.forget(ISSUER, serial(1));
    assertThat(statuses.find(ISSUER, serial(1))).isEmpty();
    assertThat(statuses.find(ISSUER, serial(2))).hasValue(GOOD);
    statuses.keep(ISSUER, serial(1), GOOD, mark);
    assertThat(statuses.find(ISSUER, serial(1))).isEmpty();

    mark = statuses.mark();
    statuses.forgetAll();
    statuses.keep(ISSUER, serial(3), GOOD, mark);
    assertThat(statuses.find(ISSUER, serial(2))).isEmpty();
    assertThat(statuses.find(ISSUER, serial(3))).isEmpty();
  }
}
