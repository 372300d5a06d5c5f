package dev.chancery.store;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.UUID;

/** Carries out a revocation of many certificates and prints a line after each step. */
final class BulkRevokingProcess {
  private BulkRevokingProcess() {}

  /** Arguments: the database's URL, its user and password, which revocation, at what time. */
  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    Clock clock = Clock.fixed(Instant.parse(args[4]), ZoneOffset.UTC);
    try (Database database = Database.open(DatabaseSettings.of(args[0], args[1], () -> args[2]))) {
      // Some ten at a time, so that there are many steps to die in.
      BulkRevocations bulk = new BulkRevocations(database, clock, 10);
      boolean more = true;
      while (more) {
        more = bulk.step(UUID.fromString(args[3])).more();
        out.print("step\n");
      }
    }
  }
}
