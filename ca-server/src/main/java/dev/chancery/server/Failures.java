package dev.chancery.server;

import dev.chancery.core.Refused;
import dev.chancery.core.TokenAway;
import dev.chancery.hsm.TokenUnusable;
import dev.chancery.server.ceremony.CeremonyRefused;
import dev.chancery.store.DatabaseAway;
import dev.chancery.store.DatabaseUnusable;
import dev.chancery.store.IssuerKeyDiffers;

/** What a command can fail with that is not a bug, and how it is said in one line. */
final class Failures {
  private Failures() {}

  static boolean isExpected(Throwable failure) {
    return switch (failure) {
      case ConfigurationInvalid _,
          CeremonyRefused _,
          CommandFailed _,
          TokenUnusable _,
          TokenAway _,
          DatabaseUnusable _,
          DatabaseAway _,
          IssuerKeyDiffers _,
          Refused _ ->
          true;
      default -> false;
    };
  }

  static String line(Throwable failure) {
    return String.valueOf(failure.getMessage()).replaceAll("\\s*\\R\\s*", "; ");
  }
}
