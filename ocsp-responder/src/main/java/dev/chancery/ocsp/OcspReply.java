package dev.chancery.ocsp;

import dev.chancery.core.Der;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.HexFormat;
import java.util.Locale;

/** What goes back to an OCSP client. */
public sealed interface OcspReply {
  /** The OCSPResponse (RFC 6960 section 4.2.1). */
  Der encoded();

  /**
   * A signed answer that everyone who asks the same may be given until it ends (RFC 5019).
   *
   * @param signedAt when it was made; thisUpdate can be earlier
   * @param headers what HTTP says of it
   */
  record Shared(
      Der encoded, Instant signedAt, Instant thisUpdate, Instant nextUpdate, Headers headers)
      implements OcspReply {
    /** RFC 5019 section 6.2, as far as it does not change with the time. */
    record Headers(String entityTag, String lastModified, String expires) {}

    private static final DateTimeFormatter HTTP_DATE =
        DateTimeFormatter.ofPattern("EEE, dd MMM uuuu HH:mm:ss 'GMT'", Locale.ENGLISH)
            .withZone(ZoneOffset.UTC);

    static Shared of(Der encoded, Instant signedAt, Instant thisUpdate, Instant nextUpdate) {
      return new Shared(
          encoded,
          signedAt,
          thisUpdate,
          nextUpdate,
          new Headers(
              '"' + HexFormat.of().formatHex(encoded.sha256(), 0, 16) + '"',
              HTTP_DATE.format(thisUpdate),
              HTTP_DATE.format(nextUpdate)));
    }

    boolean isCurrent(Instant now) {
      return !now.isBefore(signedAt) && now.isBefore(nextUpdate);
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
