package dev.chancery.kubernetes;

import java.util.List;

/** Lists as columns hold them: one on a line. */
final class Lines {
  private Lines() {}

  static String of(List<?> values) {
    return String.join("\n", values.stream().map(Object::toString).toList());
  }

  static List<String> read(String lines) {
    return lines.lines().toList();
  }
}
