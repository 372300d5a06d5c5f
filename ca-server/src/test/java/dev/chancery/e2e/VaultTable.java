package dev.chancery.e2e;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What was measured of runs of a {@link VaultController}. */
final class VaultTable {
  private final List<String> rows = new ArrayList<>();
  private final VaultController controller;
  private int refused;
  private int failed;
  private int lost;
  private int healed;

  VaultTable(VaultController controller) {
    this.controller = controller;
    rows.add(
        "| nodes | certificates | certificates/s | login p50 | login p99 | sign p50 | sign p99"
            + " | logins refused | signs failed | answers lost | more than one login |");
    rows.add("|---|---|---|---|---|---|---|---|---|---|---|");
  }

  /** A row for what was done since the last one; times of answers in milliseconds. */
  void add(String nodes, int certificates, Duration took) {
    List<Long> logins = controller.takeLoginMicros();
    List<Long> signs = controller.takeSignMicros();
    rows.add(
        String.format(
            Locale.ROOT,
            "| %s | %d | %.1f | %.1f | %.1f | %.1f | %.1f | %d | %d | %d | %d |",
            nodes,
            certificates,
            certificates / (took.toMillis() / 1000.0),
            millis(logins, 50),
            millis(logins, 99),
            millis(signs, 50),
            millis(signs, 99),
            controller.refusedLogins() - refused,
            controller.failedSigns() - failed,
            controller.lostAnswers() - lost,
            controller.healed() - healed));
    refused = controller.refusedLogins();
    failed = controller.failedSigns();
    lost = controller.lostAnswers();
    healed = controller.healed();
  }

  private static double millis(List<Long> micros, int percent) {
    return micros.get(micros.size() * percent / 100) / 1000.0;
  }

  String text() {
    return String.join(System.lineSeparator(), rows) + System.lineSeparator();
  }
}
