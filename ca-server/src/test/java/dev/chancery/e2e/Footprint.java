package dev.chancery.e2e;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** What a process holds of the machine, as the kernel counts it. */
record Footprint(long residentKilobytes, long threads, long files) {
  static Footprint of(long pid) throws IOException {
    Path process = Path.of("/proc/" + pid);
    try (Stream<Path> files = Files.list(process.resolve("fd"))) {
      return new Footprint(status(process, "VmRSS:"), status(process, "Threads:"), files.count());
    }
  }

  private static long status(Path process, String name) throws IOException {
    return Files.readAllLines(process.resolve("status")).stream()
        .filter(line -> line.startsWith(name))
        .map(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
        .findFirst()
        .orElseThrow(() -> new IOException(process + " has no " + name));
  }

  /** How much more this is resident than another, in percent. */
  double percentMoreThan(Footprint before) {
    return 100.0 * (residentKilobytes - before.residentKilobytes) / before.residentKilobytes;
  }

  @Override
  public String toString() {
    return "%d MB resident, %d threads, %d files"
        .formatted(residentKilobytes / 1024, threads, files);
  }
}
