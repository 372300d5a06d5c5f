package dev.chancery.e2e;

import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Looks for secrets in files of any size and kind, in every form in which a Java process is likely
 * to hold a number: its octets from either end, the words of a BigInteger (a heap dump writes each
 * with its most significant octet first, and the magnitude is stored from the most significant
 * word), and its hexadecimal digits in one and two octets a character.
 */
final class SecretSearch {
  private static final int BLOCK = 1 << 20;

  /** A pattern with the skip table of Horspool's search. */
  private static final class Needle {
    private final String name;
    private final byte[] octets;
    private final int[] skips = new int[256];

    Needle(String name, byte[] octets) {
      this.name = name;
      this.octets = octets;
      Arrays.fill(skips, octets.length);
      for (int i = 0; i < octets.length - 1; i++) {
        skips[octets[i] & 0xff] = octets.length - 1 - i;
      }
    }

    boolean in(byte[] text, int length) {
      int last = octets.length - 1;
      for (int end = last; end < length; end += skips[text[end] & 0xff]) {
        int i = 0;
        while (i <= last && text[end - i] == octets[last - i]) {
          i++;
        }
        if (i > last) {
          return true;
        }
      }
      return false;
    }
  }

  private final List<Needle> needles = new ArrayList<>();
  private int longest;

  /** Also looks for this number. */
  SecretSearch number(String name, BigInteger value) {
    byte[] twos = value.toByteArray();
    byte[] big = twos[0] == 0 ? Arrays.copyOfRange(twos, 1, twos.length) : twos;
    byte[] little = big.clone();
    for (int i = 0; i < big.length; i++) {
      little[i] = big[big.length - 1 - i];
    }
    add(name + ", big-endian or a BigInteger's words", big);
    add(name + ", little-endian", little);
    add(name + ", words from the least significant", reversedWords(big, 4));
    add(name + ", double words from the least significant", reversedWords(big, 8));
    String digits = HexFormat.of().formatHex(big);
    text(name + ", hexadecimal", digits);
    text(name + ", upper-case hexadecimal", digits.toUpperCase(Locale.ROOT));
    return this;
  }

  /** Also looks for this text, in one octet a character and in two. */
  SecretSearch text(String name, String text) {
    add(name, text.getBytes(StandardCharsets.ISO_8859_1));
    add(name + " in UTF-16", text.getBytes(StandardCharsets.UTF_16BE));
    add(name + " in UTF-16 of this machine", text.getBytes(StandardCharsets.UTF_16LE));
    return this;
  }

  private void add(String name, byte[] octets) {
    needles.add(new Needle(name, octets));
    longest = Math.max(longest, octets.length);
  }

  private static byte[] reversedWords(byte[] big, int size) {
    byte[] padded = new byte[(big.length + size - 1) / size * size];
    System.arraycopy(big, 0, padded, padded.length - big.length, big.length);
    byte[] words = new byte[padded.length];
    for (int at = 0; at < padded.length; at += size) {
      System.arraycopy(padded, padded.length - at - size, words, at, size);
    }
    return words;
  }

  /** What was found, by the file that has it. */
  Map<Path, List<String>> in(List<Path> files) throws IOException {
    Map<Path, List<String>> found = new LinkedHashMap<>();
    for (Path file : files) {
      List<String> here = in(file);
      if (!here.isEmpty()) {
        found.put(file, here);
      }
    }
    return found;
  }

  private List<String> in(Path file) throws IOException {
    List<String> found = new ArrayList<>();
    byte[] window = new byte[BLOCK + longest];
    try (InputStream input = Files.newInputStream(file)) {
      int kept = 0;
      for (int read = input.readNBytes(window, 0, BLOCK); read > 0; ) {
        int length = kept + read;
        for (Needle needle : needles) {
          if (!found.contains(needle.name) && needle.in(window, length)) {
            found.add(needle.name);
          }
        }
        // What may begin a match at the end of this block is looked at again with the next.
        kept = Math.min(longest - 1, length);
        System.arraycopy(window, length - kept, window, 0, kept);
        read = input.readNBytes(window, kept, BLOCK);
      }
    }
    return found;
  }
}
