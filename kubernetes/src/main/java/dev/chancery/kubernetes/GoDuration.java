package dev.chancery.kubernetes;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Lengths of time as clients of Vault write them: Go's durations ("2160h0m0s", "1.5h"), whole
 * seconds ("86400"), or whole days ("30d").
 */
final class GoDuration {
  private static final int LONGEST_TEXT = 64;

  /** A duration of Go is an int64 of nanoseconds. */
  private static final BigDecimal MOST_NANOSECONDS = BigDecimal.valueOf(Long.MAX_VALUE);

  private static final Map<String, BigDecimal> UNITS =
      Map.of(
          "ns", BigDecimal.ONE,
          "us", BigDecimal.valueOf(1_000L),
          "\u00b5s", BigDecimal.valueOf(1_000L),
          "\u03bcs", BigDecimal.valueOf(1_000L),
          "ms", BigDecimal.valueOf(1_000_000L),
          "s", BigDecimal.valueOf(1_000_000_000L),
          "m", BigDecimal.valueOf(60_000_000_000L),
          "h", BigDecimal.valueOf(3_600_000_000_000L));
  private static final BigDecimal DAY = BigDecimal.valueOf(86_400_000_000_000L);

  private static final Pattern PART =
      Pattern.compile("([0-9]+(?:\\.[0-9]*)?|\\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)");

  private GoDuration() {}

  /**
   * Reads a length of time that is not negative; what is finer than a nanosecond is cut off.
   *
   * @return empty when the text is anything else, or more than 292 years
   */
  static Optional<Duration> parse(String text) {
    if (text.isEmpty() || text.length() > LONGEST_TEXT) {
      return Optional.empty();
    }
    String unsigned = text.startsWith("+") ? text.substring(1) : text;
    if (unsigned.matches("[0-9]+")) {
      return duration(new BigDecimal(unsigned).multiply(unit("s")));
    }
    if (unsigned.matches("[0-9]+d")) {
      String days = unsigned.substring(0, unsigned.length() - 1);
      return duration(new BigDecimal(days).multiply(DAY));
    }
    Matcher parts = PART.matcher(unsigned);
    BigDecimal sum = BigDecimal.ZERO;
    int end = 0;
    while (end < unsigned.length() && parts.find() && parts.start() == end) {
      sum = sum.add(number(parts.group(1)).multiply(unit(parts.group(2))));
      end = parts.end();
    }
    return end == unsigned.length() && end > 0 ? duration(sum) : Optional.empty();
  }

  /** Go has "1." and ".5" too. */
  private static BigDecimal number(String text) {
    return new BigDecimal(text.endsWith(".") ? text + "0" : text);
  }

  private static BigDecimal unit(String name) {
    BigDecimal unit = UNITS.get(name);
    if (unit == null) {
      throw new IllegalArgumentException("no unit of time: " + name);
    }
    return unit;
  }

  private static Optional<Duration> duration(BigDecimal nanoseconds) {
    return nanoseconds.compareTo(MOST_NANOSECONDS) > 0
        ? Optional.empty()
        : Optional.of(
            Duration.ofNanos(nanoseconds.setScale(0, RoundingMode.DOWN).longValueExact()));
  }
}
