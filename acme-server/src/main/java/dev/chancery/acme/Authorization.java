package dev.chancery.acme;

import dev.chancery.core.AccountId;
import dev.chancery.core.Name;
import java.time.Instant;
import java.util.List;
import java.util.Locale;

/** An account's right to certificates for one name (RFC 8555 section 7.1.4). */
record Authorization(
    AuthorizationId id,
    AccountId account,
    Name name,
    Status status,
    Instant expires,
    List<Challenge> challenges) {

  /** Where an authorization stands (RFC 8555 section 7.1.6). */
  enum Status {
    PENDING,
    VALID,
    INVALID,
    DEACTIVATED,
    /** Was valid, and its time ran out; never stored. */
    EXPIRED;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** The status at an instant of what was stored with this status and expiry. */
    static Status at(Instant now, String stored, Instant expires) {
      Status status = valueOf(stored.toUpperCase(Locale.ROOT));
      if (now.isBefore(expires)) {
        return status;
      }
      return switch (status) {
        case VALID, EXPIRED -> EXPIRED;
        case PENDING, INVALID -> INVALID;
        case DEACTIVATED -> DEACTIVATED;
      };
    }
  }

  Authorization {
    challenges = List.copyOf(challenges);
  }
}
