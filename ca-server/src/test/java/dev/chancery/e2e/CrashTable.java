package dev.chancery.e2e;

import dev.chancery.testing.DatabaseKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;

/** Step, kills and outcome, for people to read. */
final class CrashTable {
  private final DatabaseKind kind;
  private final Map<CrashStep, Integer> killed = new EnumMap<>(CrashStep.class);
  private final Map<CrashStep, Integer> ended = new EnumMap<>(CrashStep.class);
  private String closing = "the test failed";

  CrashTable(DatabaseKind kind) {
    this.kind = kind;
  }

  /** The database was found as the step wants it, and the server started again. */
  void killed(CrashStep step, int number) {
    killed.merge(step, 1, Integer::sum);
    System.out.printf("%s: kill %d, the %d. time at %s%n", kind, kills(), number, step);
  }

  /** The interrupted order became valid, with one certificate. */
  void ended(CrashStep step) {
    ended.merge(step, 1, Integer::sum);
  }

  /** Everything held; the clients have this many certificates. */
  void held(int certificates) {
    closing = certificates + " certificates, all known and good";
  }

  private int kills() {
    return sum(killed);
  }

  private static int sum(Map<CrashStep, Integer> numbers) {
    return numbers.values().stream().mapToInt(Integer::intValue).sum();
  }

  void write() throws IOException {
    StringBuilder text =
        new StringBuilder(
            "%-10s %-13s %6s  %-12s %-12s %s%n"
                .formatted(
                    "database", "killed at", "kills", "certificate", "order then", "valid after"));
    killed.forEach((step, kills) ->
        text.append(
            "%-10s %-13s %6d  %-12s %-12s %d%n"
                .formatted(
                    kind, step, kills, step.row(), step.order(), ended.getOrDefault(step, 0))));
    text.append(
        "%s: %d kills, %d interrupted orders valid in the end; %s%n"
            .formatted(kind, kills(), sum(ended), closing));
    Path folder = Files.createDirectories(Path.of("target/crash-test"));
    Files.writeString(folder.resolve(kind + ".txt"), text);
    System.out.print(text);
  }
}
