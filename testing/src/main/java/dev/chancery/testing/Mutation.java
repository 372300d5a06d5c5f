package dev.chancery.testing;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * Changes what is right in a few places, so that it is wrong in ways that random octets never are.
 * Everything follows from the generator: the same one makes the same mutants.
 */
public final class Mutation {
  private static final byte[] CORNERS = {0, 1, 0x7f, (byte) 0x80, (byte) 0xff, '"', '\\', '\n'};
  private static final List<String> TOKENS =
      List.of(
          "",
          ".",
          "..",
          "-",
          "--",
          "_",
          "*",
          "*.",
          "xn--",
          "xn--a",
          "@",
          ":",
          "::",
          "/",
          "//",
          "\\",
          "%",
          "%00",
          "%2e",
          "?",
          "#",
          "[",
          "]",
          "{",
          "}",
          "\"",
          "'",
          ",",
          "=",
          "==",
          "+",
          "&",
          "<",
          ">",
          "null",
          "0",
          "0x",
          "00",
          "-1",
          "1e999",
          "256",
          "65536",
          "4294967296",
          "127.0.0.1",
          "0177.1",
          "::1",
          "::ffff:1.2.3.4",
          "fe80::1%eth0",
          "mailto:",
          "MAILTO:",
          "http://",
          "localhost",
          "\0",
          "\r\n",
          "\u00e9",
          "\u0130",
          "\u212a",
          "\u200b",
          "\u202e",
          "\ud83d\ude00",
          "\ud800",
          "\ufeff",
          "a".repeat(63),
          "a".repeat(64),
          "a.".repeat(127));
  private static final int LONGEST = 200_000;
  // One in so many mutants is as large as what a server must at least read.
  private static final int RARELY = 400;

  private final RandomGenerator random;

  public Mutation(RandomGenerator random) {
    this.random = random;
  }

  /** Whether something happens that happens once in so many times. */
  public boolean oneIn(int times) {
    return random.nextInt(times) == 0;
  }

  public <T> T one(List<T> of) {
    return of.get(random.nextInt(of.size()));
  }

  /** How many places change: mostly one. */
  int places() {
    return oneIn(3) ? 1 + random.nextInt(4) : 1;
  }

  int below(int bound) {
    return random.nextInt(bound);
  }

  /** Octets with some changed, added, taken away or repeated. */
  public byte[] octets(byte[] right) {
    byte[] mutant = right;
    for (int place = places(); place > 0; place--) {
      mutant = onceMore(mutant);
    }
    return mutant;
  }

  private byte[] onceMore(byte[] octets) {
    int from = random.nextInt(octets.length + 1);
    int length = Math.min(octets.length - from, oneIn(4) ? random.nextInt(64) : random.nextInt(4));
    byte[] piece = Arrays.copyOfRange(octets, from, from + length);
    return switch (random.nextInt(7)) {
      case 0 -> spliced(octets, from, Math.min(1, octets.length - from), corner());
      case 1 -> spliced(octets, from, length, new byte[0]);
      case 2 -> spliced(octets, from, 0, noise(random.nextInt(9)));
      case 3 -> spliced(octets, random.nextInt(octets.length + 1), 0, piece);
      case 4 -> Arrays.copyOf(octets, from);
      case 5 -> {
        byte[] flipped = octets.clone();
        if (from < flipped.length) {
          flipped[from] ^= (byte) (1 << random.nextInt(8));
        }
        yield flipped;
      }
      default ->
          oneIn(RARELY)
              ? spliced(octets, from, 0, repeated(piece, random.nextInt(LONGEST)))
              : spliced(octets, from, length, noise(length));
    };
  }

  private byte[] corner() {
    return new byte[] {CORNERS[random.nextInt(CORNERS.length)]};
  }

  /** Octets without any sense. */
  public byte[] noise(int length) {
    byte[] noise = new byte[length];
    random.nextBytes(noise);
    return noise;
  }

  private static byte[] repeated(byte[] piece, int length) {
    byte[] all = new byte[length];
    for (int i = 0; i < length; i++) {
      all[i] = piece.length == 0 ? 0 : piece[i % piece.length];
    }
    return all;
  }

  private static byte[] spliced(byte[] octets, int at, int without, byte[] with) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(octets.length + with.length);
    out.write(octets, 0, at);
    out.write(with, 0, with.length);
    out.write(octets, at + without, octets.length - at - without);
    return out.toByteArray();
  }

  /** Text with some of it changed, taken away or repeated, or with what often breaks parsers. */
  public String text(String right) {
    StringBuilder mutant = new StringBuilder(right);
    for (int place = places(); place > 0; place--) {
      onceMore(mutant);
    }
    return mutant.toString();
  }

  private void onceMore(StringBuilder text) {
    int at = random.nextInt(text.length() + 1);
    int end = Math.min(text.length(), at + 1 + random.nextInt(oneIn(4) ? 40 : 3));
    switch (random.nextInt(8)) {
      case 0 -> text.delete(at, end);
      case 1 -> text.insert(at, one(TOKENS));
      case 2 -> text.replace(at, end, one(TOKENS));
      case 3 -> text.insert(random.nextInt(text.length() + 1), text.substring(at, end));
      case 4 -> text.insert(at, (char) random.nextInt(oneIn(3) ? 0x10000 : 0x80));
      case 5 -> text.setLength(at);
      case 6 -> swapCase(text, at, end);
      default -> {
        String piece = text.substring(at, end);
        int times = oneIn(RARELY) ? LONGEST / Math.max(1, piece.length()) : 300;
        text.insert(at, piece.repeat(random.nextInt(times)));
      }
    }
  }

  private static void swapCase(StringBuilder text, int from, int to) {
    for (int i = from; i < to; i++) {
      char c = text.charAt(i);
      text.setCharAt(
          i, Character.isUpperCase(c) ? Character.toLowerCase(c) : Character.toUpperCase(c));
    }
  }
}
