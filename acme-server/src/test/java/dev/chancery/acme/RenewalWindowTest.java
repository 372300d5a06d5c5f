package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.CertificateRecord;
import dev.chancery.core.ProfileId;
import dev.chancery.core.RenewalMark;
import dev.chancery.core.RequestId;
import dev.chancery.core.SerialNumber;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** RFC 9773 section 4.2: every window begins before it ends, and lies in the certificate's life. */
final class RenewalWindowTest {
  private static final Instant NOW = Instant.parse("2026-11-22T10:00:00Z");
  private static final SecureRandom RANDOM = new SecureRandom();

  private static CertificateRecord certificate(Instant notBefore, Duration life) {
    return new CertificateRecord(
        TestAuthority.ISSUER,
        SerialNumber.next(NOW, RANDOM),
        new ProfileId("tls-server"),
        new RequestId(UUID.randomUUID()),
        Optional.empty(),
        NOW,
        notBefore,
        notBefore.plus(life),
        CertificateRecord.State.ISSUED,
        0,
        Optional.empty(),
        Optional.empty());
  }

  private static RenewalMark mark(Instant startsAt, long certificates, int perHour) {
    return new RenewalMark(
        UUID.randomUUID(),
        new RenewalMark.Scope(
            Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty()),
        NOW,
        startsAt,
        startsAt.plus(RenewalMark.span(certificates, perHour)),
        certificates,
        perHour,
        "test",
        Optional.empty(),
        "tester");
  }

  @ParameterizedTest
  @ValueSource(strings = {"PT2S", "PT10M", "PT24H", "P6D", "P90D", "P7300D"})
  @DisplayName("the last third of any life, not to its end")
  void regular(Duration life) {
    CertificateRecord certificate = certificate(NOW, life);
    RenewalWindow window = RenewalWindow.of(certificate, List.of());
    assertThat(window.start()).isAfterOrEqualTo(NOW).isBefore(window.end());
    assertThat(window.end()).isBeforeOrEqualTo(certificate.notAfter());
  }

  @Test
  @DisplayName("a mark only brings forward: its span may be longer than what is left")
  void neverLater() {
    CertificateRecord certificate = certificate(NOW, Duration.ofDays(90));
    RenewalWindow regular = RenewalWindow.of(certificate, List.of());
    RenewalMark late = mark(NOW.plus(Duration.ofDays(80)), 1000, 100);
    RenewalMark soon = mark(NOW.plus(Duration.ofDays(1)), 1000, 100);
    assertThat(RenewalWindow.of(certificate, List.of(late))).isEqualTo(regular);
    assertThat(RenewalWindow.of(certificate, List.of(late, soon)).mark()).contains(soon);
  }

  @Test
  @DisplayName("a certificate that begins later is not to be renewed before")
  void notBeforeItsLife() {
    CertificateRecord certificate = certificate(NOW.plus(Duration.ofDays(2)), Duration.ofDays(10));
    RenewalWindow window = RenewalWindow.of(certificate, List.of(mark(NOW, 1, 100)));
    assertThat(window.start()).isEqualTo(certificate.notBefore());
  }

  @Test
  @DisplayName("seeded: whatever the life and the marks, a window lies in the life")
  void always() {
    Random random = new Random(9773);
    for (int i = 0; i < 20_000; i++) {
      CertificateRecord certificate =
          certificate(
              NOW.plusSeconds(random.nextInt(1_000_000) - 500_000),
              Duration.ofSeconds(2 + random.nextInt(1 << random.nextInt(1, 30))));
      List<RenewalMark> marks =
          List.of(
              mark(
                  NOW.plusSeconds(random.nextInt(1_000_000)),
                  random.nextInt(100_000),
                  1 + random.nextInt(1000)),
              mark(NOW, 1, 1));
      RenewalWindow window = RenewalWindow.of(certificate, marks);
      assertThat(window.start()).isAfterOrEqualTo(certificate.notBefore()).isBefore(window.end());
      assertThat(window.end()).isBeforeOrEqualTo(certificate.notAfter());
    }
  }

  @Test
  @DisplayName("100 an hour: 5,000 certificates are spread over 50 hours, some 100 in each")
  void pace() {
    RenewalMark mark = mark(NOW, 5_000, 100);
    assertThat(Duration.between(mark.startsAt(), mark.endsAt())).isEqualTo(Duration.ofHours(50));
    int[] hours = new int[50];
    for (int i = 0; i < 5_000; i++) {
      RenewalWindow window = RenewalWindow.of(certificate(NOW, Duration.ofDays(90)), List.of(mark));
      hours[(int) Duration.between(NOW, window.start()).toHours()]++;
    }
    // Binomial, with a standard deviation of 10.
    assertThat(Arrays.stream(hours).boxed()).allMatch(count -> count > 40 && count < 160);
  }
}
