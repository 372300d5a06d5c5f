package dev.chancery.ocsp;

import dev.chancery.core.Der;
import java.time.Instant;

/** What goes back to an OCSP client. */
public sealed interface OcspReply {
  /** The OCSPResponse (RFC 6960 section 4.2.1). */
  Der encoded();

  /** A signed answer that everyone who asks the same may be given until it ends (RFC 5019). */
  record Shared(Der encoded, Instant thisUpdate, Instant nextUpdate) implements OcspReply {
    boolean isCurrent(Instant now) {
      return !now.isBefore(thisUpdate) && now.isBefore(nextUpdate);
    }
  }

  /**
   * A signed answer for one client at one time: it repeats a nonce, or gives a status that can
   * become another at any moment.
   */
  record Single(Der encoded) implements OcspReply {}

  /** No answer, and why. */
  record Failure(OcspError error) implements OcspReply {
    @Override
    public Der encoded() {
      return error.encoded();
    }
  }
}
