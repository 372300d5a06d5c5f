package dev.chancery.server.ceremony;

import com.codahale.shamir.Scheme;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A PIN in shares for envelopes: as many of them as were agreed give it back, fewer tell nothing
 * (Shamir's secret sharing). Each share ends with a checksum against mistyping; what is shared
 * begins with one against shares of different PINs.
 */
public final class PinShares {
  private static final int CHECK_OCTETS = 4;
  private static final int LONGEST_PIN = 255;

  // Which share, how many are needed, of how many; the share; its check.
  private static final Pattern SHARE =
      Pattern.compile("([0-9]{1,2})-([0-9]{1,2})-([0-9]{1,2})-([0-9a-f]{10,600})-([0-9a-f]{8})");

  private PinShares() {}

  /**
   * Splits a PIN.
   *
   * @param needed how many shares give it back, at least 2
   * @param all how many shares there are, at most 20
   * @return each a line to be printed
   * @throws IllegalArgumentException when the numbers do not fit
   */
  public static List<String> split(String pin, int needed, int all, SecureRandom random) {
    // The same rule as for the file that a token's PIN is read from: others would be split as "?".
    if (!pin.chars().allMatch(character -> character >= ' ' && character <= '~')) {
      throw new IllegalArgumentException("a PIN is one line of printable ASCII characters");
    }
    byte[] octets = pin.getBytes(StandardCharsets.US_ASCII);
    if (needed < 2
        || needed > all
        || all > 20
        || octets.length < 1
        || octets.length > LONGEST_PIN) {
      throw new IllegalArgumentException(
          "a PIN is split into 2 to 20 shares, of which 2 or more are needed");
    }
    byte[] secret = Arrays.copyOf(check(octets), CHECK_OCTETS + octets.length);
    System.arraycopy(octets, 0, secret, CHECK_OCTETS, octets.length);
    List<String> shares = new ArrayList<>();
    new Scheme(random, all, needed)
        .split(secret)
        .forEach((number, share) -> {
          String text =
              "%d-%d-%d-%s".formatted(number, needed, all, HexFormat.of().formatHex(share));
          shares.add(text + "-" + checked(text));
        });
    Arrays.fill(octets, (byte) 0);
    Arrays.fill(secret, (byte) 0);
    return shares;
  }

  /**
   * Puts a PIN together.
   *
   * @throws CeremonyRefused when a line is no share or mistyped, when they do not belong together,
   *     or are too few
   */
  public static String join(List<String> shares, SecureRandom random) throws CeremonyRefused {
    Map<Integer, byte[]> parts = new HashMap<>();
    String kind = "";
    int needed = 0;
    int all = 0;
    for (String line : shares) {
      Matcher share = SHARE.matcher(line.strip());
      if (!share.matches()
          || !checked(line.strip().substring(0, share.end(4))).equals(share.group(5))) {
        throw new CeremonyRefused("what was typed is not a share, or has a mistake in it");
      }
      String its = share.group(2) + " of " + share.group(3) + ", " + share.group(4).length();
      if (!kind.isEmpty() && !kind.equals(its)) {
        throw new CeremonyRefused("the shares do not belong together");
      }
      kind = its;
      needed = Integer.parseInt(share.group(2));
      all = Integer.parseInt(share.group(3));
      parts.put(Integer.parseInt(share.group(1)), HexFormat.of().parseHex(share.group(4)));
    }
    if (parts.isEmpty() || parts.size() < needed) {
      throw new CeremonyRefused(
          "%d different shares are there, and %d are needed".formatted(parts.size(), needed));
    }
    byte[] secret = joined(parts, needed, all, random);
    byte[] pin = Arrays.copyOfRange(secret, CHECK_OCTETS, secret.length);
    if (!Arrays.equals(check(pin), Arrays.copyOf(secret, CHECK_OCTETS))) {
      throw new CeremonyRefused("the shares do not belong together");
    }
    return new String(pin, StandardCharsets.US_ASCII);
  }

  private static byte[] joined(Map<Integer, byte[]> parts, int needed, int all, SecureRandom random)
      throws CeremonyRefused {
    try {
      return new Scheme(random, all, needed).join(parts);
    } catch (IllegalArgumentException e) {
      throw new CeremonyRefused("the shares do not belong together");
    }
  }

  // Shared as well, so that it tells nothing about the PIN to who has too few shares.
  private static byte[] check(byte[] octets) {
    return HexFormat.of().parseHex(Digests.sha256(octets).substring(0, 2 * CHECK_OCTETS));
  }

  private static String checked(String text) {
    return Digests.sha256(text.getBytes(StandardCharsets.US_ASCII)).substring(0, 2 * CHECK_OCTETS);
  }
}
