package dev.chancery.core;

import java.net.InetAddress;
import java.util.regex.Pattern;

/**
 * The text of an IP address as operators write it. {@link IpName} is stricter: it takes the
 * canonical text alone.
 */
public final class IpLiteral {
  private static final Pattern IPV4 = Pattern.compile("[0-9]{1,3}(\\.[0-9]{1,3}){3}");

  private static final Pattern IPV6 = Pattern.compile("[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*");

  private IpLiteral() {}

  /**
   * Reads an IPv4 address of four decimal numbers or an IPv6 address without a zone.
   *
   * @throws IllegalArgumentException when the text is anything else; nothing is looked up
   */
  public static InetAddress parse(String text) {
    if (!IPV4.matcher(text).matches() && !IPV6.matcher(text).matches()) {
      // Java reads more: 192.0.2 is 192.0.0.2 to it, which is never what its writer meant.
      throw new IllegalArgumentException(
          "not an IPv4 address of four numbers nor an IPv6 address: " + DnsName.quoted(text));
    }
    return InetAddress.ofLiteral(text);
  }
}
