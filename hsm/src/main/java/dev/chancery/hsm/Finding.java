package dev.chancery.hsm;

/**
 * One result of a check.
 *
 * @param subject what was looked at
 * @param detail what was seen, in words for an operator
 */
public record Finding(Level level, String subject, String detail) {
  /** How much it matters. */
  public enum Level {
    PASS,
    WARN,
    FAIL,
  }

  static Finding pass(String subject, String detail) {
    return new Finding(Level.PASS, subject, detail);
  }

  static Finding warn(String subject, String detail) {
    return new Finding(Level.WARN, subject, detail);
  }

  static Finding fail(String subject, String detail) {
    return new Finding(Level.FAIL, subject, detail);
  }
}
