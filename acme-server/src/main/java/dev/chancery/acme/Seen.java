package dev.chancery.acme;

/**
 * What a validation met, as a problem can show it: what could disturb a log or a terminal is out.
 */
final class Seen {
  private Seen() {}

  /** Text from outside, shortened and in quotation marks. */
  static String quoted(String text, int most) {
    String head = text.substring(0, Math.min(most, text.length()));
    return "\"" + printable(head).replace('"', '\'') + "\"";
  }

  static String printable(String text) {
    return text.replaceAll("[^\\x20-\\x7e]", "?");
  }
}
