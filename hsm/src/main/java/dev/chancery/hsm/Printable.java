package dev.chancery.hsm;

/** Text that a token gives, made fit for a terminal. */
final class Printable {
  private Printable() {}

  /** The text without what a terminal would obey, or show as something else than it is. */
  static String of(String text) {
    return text.replaceAll("[\\p{C}\\p{Zl}\\p{Zp}]", "?");
  }
}
