package dev.chancery.server;

import java.net.URI;
import java.time.Duration;
import java.util.List;

/**
 * The kinds of values that stand in more than one place of chancery.yaml. Each throws
 * IllegalArgumentException, with what would be right, for a text that is not of its kind.
 */
final class ConfigurationValues {
  private ConfigurationValues() {}

  static int number(String text, int least, int most) {
    if (!text.matches("[0-9]{1,9}")
        || Integer.parseInt(text) < least
        || Integer.parseInt(text) > most) {
      throw new IllegalArgumentException(
          "a whole number from " + least + " to " + most + ", not " + text);
    }
    return Integer.parseInt(text);
  }

  static boolean truth(String text) {
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new IllegalArgumentException("true or false, not " + text);
    };
  }

  /** At least a second, so that a slip of the unit is not a server that spins. */
  static Duration duration(String text) {
    Duration duration = Durations.parse(text);
    if (duration.compareTo(Duration.ofSeconds(1)) < 0) {
      throw new IllegalArgumentException("at least one second, not " + text);
    }
    return duration;
  }

  static URI webUrl(String text) {
    URI uri = URI.create(text);
    if (uri.getHost() == null || !List.of("http", "https").contains(uri.getScheme())) {
      throw new IllegalArgumentException("an http or https URL, not " + text);
    }
    return uri;
  }
}
