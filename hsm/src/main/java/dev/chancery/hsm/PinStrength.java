package dev.chancery.hsm;

import java.nio.CharBuffer;
import java.util.List;

/** How soon a PIN would be guessed; nothing said of it has a part of the PIN. */
final class PinStrength {
  // What vendors' manuals and tutorials use.
  private static final List<String> KNOWN =
      List.of("0001password", "648219", "changeit", "changeme", "password", "secret");
  private static final int SHORT = 8;

  private PinStrength() {}

  static Finding of(char[] pin) {
    CharBuffer letters = CharBuffer.wrap(pin);
    if (KNOWN.stream().anyMatch(known -> known.contentEquals(letters))
        || runs(pin, 0)
        || runs(pin, 1)
        || runs(pin, -1)) {
      return Finding.fail("PIN", "it is one that everybody tries first, such as 1234");
    }
    return pin.length < SHORT
        ? Finding.warn("PIN", "it has less than " + SHORT + " characters")
        : Finding.pass("PIN", "it is none that everybody tries first");
  }

  // 1111, 1234, 4321: each character is as far from the one before.
  private static boolean runs(char[] pin, int step) {
    for (int i = 1; i < pin.length; i++) {
      if (pin[i] - pin[i - 1] != step && !(step == 1 && pin[i - 1] == '9' && pin[i] == '0')) {
        return false;
      }
    }
    return true;
  }
}
