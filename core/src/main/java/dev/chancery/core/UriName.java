package dev.chancery.core;

import java.net.Inet4Address;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bouncycastle.asn1.x509.GeneralName;
import org.jspecify.annotations.Nullable;

/**
 * An absolute URI with a scheme and an authority, in ASCII (RFC 5280 section 4.2.1.6), in the one
 * way of writing it that RFC 3986 section 6.2 calls normal: scheme and host in lower case, no
 * default port, nothing percent-encoded that need not be. It has no user information, no segments .
 * and .., no empty segments but the last, and no host that ends in a dot, by which it would mean
 * another one than it says.
 */
public record UriName(String value) implements Name {
  private static final int LONGEST = 2048;
  private static final Pattern DOT_SEGMENT =
      Pattern.compile("(^|.*/)(\\.|%2e){1,2}(/.*|$)", Pattern.CASE_INSENSITIVE);

  /** The parts of RFC 3986 appendix B, with an authority that is there. */
  private static final Pattern PARTS =
      Pattern.compile("([^:/?#]+)://([^/?#]*)([^?#]*)(\\?[^#]*)?(#.*)?");

  private static final Pattern HOST = Pattern.compile("[a-z0-9_-]+(\\.[a-z0-9_-]+)*");

  /** Whose last label is a number reads as an IPv4 address, in forms of which one is normal. */
  private static final Pattern NUMERIC_END = Pattern.compile("(.*\\.)?(0x[0-9a-f]*|[0-9]+)");

  private static final Pattern PORT = Pattern.compile(":0*([0-9]*)$");
  private static final Pattern ENCODED = Pattern.compile("%[0-9A-Fa-f]{2}");
  private static final Map<String, String> DEFAULT_PORTS =
      Map.of(
          "http", "80", "ws", "80", "https", "443", "wss", "443", "ftp", "21", "ldap", "389",
          "ldaps", "636");

  public UriName {
    try {
      URI uri = new URI(value);
      if (value.length() > LONGEST
          || uri.getScheme() == null
          || uri.getRawAuthority() == null
          || DOT_SEGMENT.matcher(uri.getRawPath()).matches()
          // Many readers take several slashes for one.
          || uri.getRawPath().contains("//")
          || !value.chars().allMatch(c -> c > 0x20 && c < 0x7f)) {
        throw new IllegalArgumentException("not an absolute URI");
      }
      if (!value.equals(normalized(value)) || !isHost(uri.getRawAuthority())) {
        throw new IllegalArgumentException("not a URI in normal form");
      }
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException("not a URI", e);
    }
  }

  private static boolean isHost(String authority) {
    String host = PORT.matcher(authority).replaceFirst("");
    if (host.startsWith("[")) {
      return host.endsWith("]") && isAddress(host.substring(1, host.length() - 1), false);
    }
    return HOST.matcher(host).matches()
        && (!NUMERIC_END.matcher(host).matches() || isAddress(host, true));
  }

  /** Whether it is an address as {@link IpName} writes it. */
  private static boolean isAddress(String text, boolean four) {
    try {
      return IpName.parse(text).address() instanceof Inet4Address == four;
    } catch (Refused e) {
      return false;
    }
  }

  /**
   * Writes a URI, or the beginning of one, in the normal form (RFC 3986 sections 6.2.2 and 6.2.3).
   * An authority is left without a path when nothing follows it. What is no URI with an authority
   * stays as it is.
   */
  static String normalized(String uri) {
    Matcher parts = PARTS.matcher(uri);
    if (!parts.matches()) {
      return uri;
    }
    String scheme = parts.group(1).toLowerCase(Locale.ROOT);
    String authority = decoded(parts.group(2)).toLowerCase(Locale.ROOT);
    Matcher port = PORT.matcher(authority);
    if (port.find()) {
      String number = port.group(1);
      boolean standard = number.isEmpty() || number.equals(DEFAULT_PORTS.get(scheme));
      authority = port.replaceFirst(standard ? "" : ":" + number);
    }
    String rest = text(parts.group(4)) + text(parts.group(5));
    String path = parts.group(3).isEmpty() && !rest.isEmpty() ? "/" : parts.group(3);
    return scheme + "://" + authority + decoded(path + rest);
  }

  private static String text(@Nullable String group) {
    return group == null ? "" : group;
  }

  /** Section 6.2.2.2: unreserved characters stand for themselves, the others in capital digits. */
  private static String decoded(String text) {
    return ENCODED
        .matcher(text)
        .replaceAll(found -> Matcher.quoteReplacement(character(found.group())));
  }

  private static String character(String encoded) {
    String character = Character.toString(Integer.parseInt(encoded.substring(1), 16));
    return character.matches("[A-Za-z0-9._~-]") ? character : encoded.toUpperCase(Locale.ROOT);
  }

  /**
   * Reads a URI.
   *
   * @throws Refused when it is not one in the form above
   */
  public static UriName parse(String text) throws Refused {
    try {
      return new UriName(text);
    } catch (IllegalArgumentException e) {
      throw new Refused(
          Reason.REJECTED_NAME,
          DnsName.quoted(text)
              + " is not an absolute URI with a scheme and an authority in normal form (RFC 3986"
              + " section 6.2)");
    }
  }

  @Override
  public Kind kind() {
    return Kind.URI;
  }

  @Override
  public GeneralName toGeneralName() {
    return new GeneralName(GeneralName.uniformResourceIdentifier, value);
  }
}
