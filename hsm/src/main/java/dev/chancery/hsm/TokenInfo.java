package dev.chancery.hsm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.OptionalLong;
import java.util.Set;

/**
 * What a token says of itself (PKCS #11 v2.40 section 3.2, CK_TOKEN_INFO). Its slot is left out: it
 * is no identity.
 *
 * @param sessions the sessions with the token now; empty when the module does not tell
 * @param mostSessions empty when the module does not tell, or sets no limit; so are the others
 */
public record TokenInfo(
    String label,
    String serial,
    String manufacturer,
    String model,
    String hardwareVersion,
    String firmwareVersion,
    Set<TokenFlag> flags,
    OptionalLong sessions,
    OptionalLong mostSessions,
    OptionalLong writingSessions,
    OptionalLong mostWritingSessions,
    OptionalLong shortestPin,
    OptionalLong longestPin) {
  private static final long CK_UNAVAILABLE_INFORMATION = -1;
  private static final long CK_EFFECTIVELY_INFINITE = 0;

  static TokenInfo of(MemorySegment info) {
    return new TokenInfo(
        Printable.of(Cryptoki.text(info, 0, 32)),
        Printable.of(Cryptoki.text(info, 80, 16)),
        Printable.of(Cryptoki.text(info, 32, 32)),
        Printable.of(Cryptoki.text(info, 64, 16)),
        version(info, 184),
        version(info, 186),
        TokenFlag.of(info.get(JAVA_LONG, 96)),
        told(info, 112),
        limit(info, 104),
        told(info, 128),
        limit(info, 120),
        told(info, 144),
        limit(info, 136));
  }

  // CK_VERSION: the part after the point counts hundredths.
  private static String version(MemorySegment info, long offset) {
    return "%d.%02d"
        .formatted(
            Byte.toUnsignedInt(info.get(JAVA_BYTE, offset)),
            Byte.toUnsignedInt(info.get(JAVA_BYTE, offset + 1)));
  }

  private static OptionalLong told(MemorySegment info, long offset) {
    long value = info.get(JAVA_LONG, offset);
    return value == CK_UNAVAILABLE_INFORMATION ? OptionalLong.empty() : OptionalLong.of(value);
  }

  private static OptionalLong limit(MemorySegment info, long offset) {
    OptionalLong value = told(info, offset);
    return value.isPresent() && value.getAsLong() == CK_EFFECTIVELY_INFINITE
        ? OptionalLong.empty()
        : value;
  }

  boolean has(TokenFlag flag) {
    return flags.contains(flag);
  }
}
