package dev.chancery.core;

import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;

/**
 * Tells A-labels from labels that only begin like one. By RFC 3492 itself: the JDK has IDNA of 2003
 * only, which takes letters for ill-formed that RFC 5892 has as valid.
 */
final class Punycode {
  private static final int BASE = 36;
  private static final int LEAST = 1;
  private static final int MOST = 26;
  private static final int SKEW = 38;
  private static final int DAMP = 700;
  private static final int FIRST_BIAS = 72;
  private static final int FIRST_CODE_POINT = 0x80;

  private Punycode() {}

  /**
   * Whether text decodes (section 6.2) to what a U-label can be: normalized, in lower case, with
   * something beyond ASCII.
   *
   * @param encoded what follows xn-- in a label, in lower case
   */
  static boolean isWellFormed(String encoded) {
    int delimiter = encoded.lastIndexOf('-');
    List<Integer> decoded = new ArrayList<>();
    encoded.chars().limit(Math.max(0, delimiter)).forEach(decoded::add);
    int next = delimiter > 0 ? delimiter + 1 : 0;
    if (next == encoded.length()) {
      return false;
    }
    long codePoint = FIRST_CODE_POINT;
    long position = 0;
    int bias = FIRST_BIAS;
    while (next < encoded.length()) {
      long before = position;
      long weight = 1;
      int threshold;
      int digit;
      int k = BASE;
      do {
        digit = next < encoded.length() ? digit(encoded.charAt(next++)) : -1;
        position += digit * weight;
        if (digit < 0 || position > Integer.MAX_VALUE) {
          return false;
        }
        threshold = Math.clamp(k - bias, LEAST, MOST);
        weight *= BASE - threshold;
        k += BASE;
      } while (digit >= threshold);
      int length = decoded.size() + 1;
      bias = adapted(position - before, length, before == 0);
      codePoint += position / length;
      position %= length;
      if (codePoint > Character.MAX_CODE_POINT
          || (codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE)) {
        return false;
      }
      decoded.add((int) position++, (int) codePoint);
    }
    StringBuilder label = new StringBuilder();
    decoded.forEach(label::appendCodePoint);
    return label.codePoints().noneMatch(c -> Character.isISOControl(c) || Character.isUpperCase(c))
        && Normalizer.isNormalized(label, Normalizer.Form.NFC);
  }

  /** Section 5; negative when it is none. */
  private static int digit(char c) {
    if (c >= 'a' && c <= 'z') {
      return c - 'a';
    }
    return c >= '0' && c <= '9' ? c - '0' + 26 : -1;
  }

  private static int adapted(long delta, int length, boolean first) {
    long rest = first ? delta / DAMP : delta / 2;
    rest += rest / length;
    int k = 0;
    while (rest > (BASE - LEAST) * MOST / 2) {
      rest /= BASE - LEAST;
      k += BASE;
    }
    return (int) (k + (BASE - LEAST + 1) * rest / (rest + SKEW));
  }
}
