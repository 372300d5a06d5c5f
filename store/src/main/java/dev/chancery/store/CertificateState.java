package dev.chancery.store;

import dev.chancery.core.CertificateRecord.State;
import java.util.Locale;

/** The state of a certificate as its column holds it. */
final class CertificateState {
  private CertificateState() {}

  static String of(State state) {
    return state.name().toLowerCase(Locale.ROOT);
  }

  static State parse(String column) {
    return State.valueOf(column.toUpperCase(Locale.ROOT));
  }
}
