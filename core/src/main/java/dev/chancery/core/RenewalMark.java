package dev.chancery.core;

import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import java.util.UUID;

/**
 * An operator's wish that some certificates be renewed early (RFC 9773), one after the other over a
 * span of time.
 *
 * @param madeAt no certificate that is recorded later is meant: those that replace the marked ones
 *     would be marked themselves
 * @param startsAt when the first of them has its turn
 * @param endsAt by when the last has had it
 * @param certificates how many were meant when the mark was made
 * @param perHour how many the operator wanted to be renewed in an hour
 */
public record RenewalMark(
    UUID id,
    Scope scope,
    Instant madeAt,
    Instant startsAt,
    Instant endsAt,
    long certificates,
    int perHour,
    String reason,
    Optional<URI> explanation,
    String by) {
  /** As fast as it can be asked for. */
  public static final int FASTEST = 1_000_000;

  public RenewalMark {
    if (!startsAt.isBefore(endsAt)) {
      throw new IllegalArgumentException("a span begins before it ends");
    }
  }

  /**
   * Which certificates are meant: those to which all of this applies.
   *
   * @param recordedFrom those recorded then or later
   * @param recordedUntil those recorded before
   */
  public record Scope(
      Optional<IssuerId> issuer,
      Optional<ProfileId> profile,
      Optional<Instant> recordedFrom,
      Optional<Instant> recordedUntil) {}

  /** How long that many certificates take at that pace, in whole seconds and at least one. */
  public static Duration span(long certificates, int perHour) {
    long seconds = Math.ceilDiv(certificates * Duration.ofHours(1).toSeconds(), (long) perHour);
    return Duration.ofSeconds(Math.max(1, seconds));
  }

  /**
   * When a certificate has its turn. The serial number alone decides, so that it is the same on all
   * nodes and after every restart, and nobody has to look at the other certificates: a digest falls
   * anywhere in the span with the same likelihood.
   */
  public Instant turnOf(IssuerId issuer, SerialNumber serial) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      // With the mark's id, so that it is not the same certificates each time that come first.
      digest.update(
          ByteBuffer.allocate(2 * Long.BYTES)
              .putLong(id.getMostSignificantBits())
              .putLong(id.getLeastSignificantBits())
              .array());
      digest.update(serial.octets());
      long fraction =
          ByteBuffer.wrap(digest.digest(issuer.value().getBytes(StandardCharsets.UTF_8))).getLong();
      long seconds = startsAt.until(endsAt, ChronoUnit.SECONDS);
      return startsAt.plusSeconds(Math.unsignedMultiplyHigh(fraction, seconds));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
