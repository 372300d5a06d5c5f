package dev.chancery.e2e;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Processor time that processes have used, as the kernel counts it: in user mode and in its own.
 */
final class ProcessorTime {
  // USER_HZ, in which /proc counts, is 100 on every architecture that Linux has left.
  private static final double TICKS_PER_SECOND = 100;
  // Fields 14 and 15 of proc(5), counted from the state behind the name, which may hold spaces.
  private static final int USER = 11;
  private static final int SYSTEM = 12;

  private ProcessorTime() {}

  /** Of one process, in seconds. */
  static double of(long pid) throws IOException {
    String line = Files.readString(Path.of("/proc/" + pid + "/stat"));
    String[] fields = line.substring(line.lastIndexOf(')') + 2).split(" ", -1);
    return (Long.parseLong(fields[USER]) + Long.parseLong(fields[SYSTEM])) / TICKS_PER_SECOND;
  }

  /** Of PostgreSQL's processes for one database, whose titles name it, in seconds. */
  static double ofDatabase(String name) throws IOException {
    double sum = 0;
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : processes) {
        try {
          String title =
              new String(
                  Files.readAllBytes(process.resolve("cmdline")), StandardCharsets.ISO_8859_1);
          if (title.startsWith("postgres:") && title.contains(name)) {
            sum += of(Long.parseLong(process.getFileName().toString()));
          }
        } catch (IOException e) {
          // It has ended since the folder was listed.
        }
      }
    }
    return sum;
  }
}
