package dev.chancery.e2e;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Cycles of loss and return, for people to read. */
final class OutageTable {
  /** What the footprint after the last cycle is compared with. */
  static final int SETTLED = 10;

  private static final int SHOWN = 10;

  private record Cycle(Duration away, Duration recovery, Footprint footprint) {}

  private final String name;
  private final List<Cycle> cycles = new ArrayList<>();
  private final List<String> remarks = new ArrayList<>();

  OutageTable(String name) {
    this.name = name;
  }

  /**
   * The token was lost and came back.
   *
   * @param recovery from its return to the first new certificate
   */
  void add(Duration away, Duration recovery, Footprint footprint) {
    cycles.add(new Cycle(away, recovery, footprint));
    System.out.printf(
        "%s: %d, away %d ms, then %d ms, %s%n",
        name, cycles.size(), away.toMillis(), recovery.toMillis(), footprint);
  }

  void remark(String text) {
    remarks.add(text);
    System.out.println(name + ": " + text);
  }

  Duration median() {
    return sorted().get(cycles.size() / 2);
  }

  Duration longest() {
    return sorted().getLast();
  }

  private List<Duration> sorted() {
    return cycles.stream().map(Cycle::recovery).sorted().toList();
  }

  void write() throws IOException {
    StringBuilder text =
        new StringBuilder(
            "%-16s %5s %9s %12s %11s %8s %6s%n"
                .formatted(
                    "token", "cycle", "away ms", "recovery ms", "resident MB", "threads", "files"));
    for (int i = 1; i <= cycles.size(); i++) {
      if (i == 1 || i % SHOWN == 0 || i == cycles.size()) {
        Cycle cycle = cycles.get(i - 1);
        text.append(
            "%-16s %5d %9d %12d %11d %8d %6d%n"
                .formatted(
                    name,
                    i,
                    cycle.away().toMillis(),
                    cycle.recovery().toMillis(),
                    cycle.footprint().residentKilobytes() / 1024,
                    cycle.footprint().threads(),
                    cycle.footprint().files()));
      }
    }
    if (!cycles.isEmpty()) {
      text.append(
          "%s: %d cycles, recovery median %d ms, longest %d ms%n"
              .formatted(name, cycles.size(), median().toMillis(), longest().toMillis()));
    }
    remarks.forEach(remark -> text.append(name).append(": ").append(remark).append('\n'));
    Path folder = Files.createDirectories(Path.of("target/token-outage-test"));
    Files.writeString(folder.resolve(name + ".txt"), text);
  }
}
