package dev.chancery.store;

import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Instants as columns hold them. */
final class Timestamps {
  private Timestamps() {}

  /**
   * In UTC, and cut to whole microseconds: finer ones PostgreSQL would round, up or down, and H2
   * would too, so that what is read would not be what was written.
   */
  static OffsetDateTime of(Instant instant) {
    return instant.truncatedTo(ChronoUnit.MICROS).atOffset(ZoneOffset.UTC);
  }

  /** What a column holds that may be empty. */
  static Optional<Instant> instant(@Nullable OffsetDateTime time) {
    return Optional.ofNullable(time).map(OffsetDateTime::toInstant);
  }
}
