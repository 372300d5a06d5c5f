package dev.chancery.acme;

import dev.chancery.core.CertificateRecord;
import dev.chancery.core.RenewalMark;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * When a certificate should be renewed (RFC 9773 section 4.2), in whole seconds.
 *
 * @param mark the operator's mark that moved it, if one did
 */
record RenewalWindow(Instant start, Instant end, Optional<RenewalMark> mark) {
  /** How much of a certificate's life is left when its window begins, and how long that is. */
  private static final int LEFT_AT_START = 3;

  private static final int PARTS_OF_WINDOW = 12;

  /** Short, so that the spread over the span of a mark stays what the operator asked for. */
  private static final Duration MARKED = Duration.ofHours(1);

  RenewalWindow {
    if (!start.isBefore(end)) {
      // Section 4.2: such a window MUST NOT be served.
      throw new IllegalArgumentException("a window begins before it ends");
    }
  }

  /** The window of a certificate on which these marks are. */
  static RenewalWindow of(CertificateRecord certificate, List<RenewalMark> marks) {
    if (certificate.state() == CertificateRecord.State.REVOKED) {
      return revoked(certificate);
    }
    RenewalWindow regular = regular(certificate);
    return marks.stream()
        .map(mark -> regular.movedTo(turn(certificate, mark), mark))
        .min(Comparator.comparing(RenewalWindow::start))
        .orElse(regular);
  }

  /** Over already, so that every client renews at once. */
  private static RenewalWindow revoked(CertificateRecord certificate) {
    Instant end =
        certificate
            .revocation()
            .map(revocation -> revocation.at())
            .orElse(certificate.notBefore())
            .truncatedTo(ChronoUnit.SECONDS);
    return new RenewalWindow(end.minus(MARKED), end, Optional.empty());
  }

  /** Begins when a third of the life is left and takes a twelfth of it. */
  private static RenewalWindow regular(CertificateRecord certificate) {
    long life =
        Math.max(1, certificate.notBefore().until(certificate.notAfter(), ChronoUnit.SECONDS));
    Instant start = certificate.notAfter().minusSeconds(Math.max(1, life / LEFT_AT_START));
    return new RenewalWindow(
        start, start.plusSeconds(Math.max(1, life / PARTS_OF_WINDOW)), Optional.empty());
  }

  private static Instant turn(CertificateRecord certificate, RenewalMark mark) {
    Instant turn =
        mark.turnOf(certificate.issuer(), certificate.serial()).truncatedTo(ChronoUnit.SECONDS);
    // An order can ask for a certificate that begins later.
    return turn.isBefore(certificate.notBefore()) ? certificate.notBefore() : turn;
  }

  /** Earlier only: a mark never puts a renewal off. */
  private RenewalWindow movedTo(Instant turn, RenewalMark by) {
    if (!turn.isBefore(start)) {
      return this;
    }
    Instant close = turn.plus(MARKED);
    return new RenewalWindow(turn, close.isBefore(end) ? close : end, Optional.of(by));
  }
}
