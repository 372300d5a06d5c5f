package dev.chancery.core;

import java.net.Inet4Address;
import java.net.InetAddress;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.x509.GeneralName;

/** An IP address; its text is dotted decimal or the canonical form of RFC 5952 (RFC 8738). */
public record IpName(InetAddress address) implements Name {
  /**
   * Whether a host, as URLs and configurations write it, is meant as an address; not whether well.
   */
  public static boolean isMeant(String host) {
    return host.contains(":") || host.matches("[0-9.]+");
  }

  /**
   * Reads the canonical text of an address; nothing is looked up.
   *
   * @throws Refused when the text is anything else, another spelling of an address included
   */
  public static IpName parse(String text) throws Refused {
    try {
      IpName name = new IpName(InetAddress.ofLiteral(text));
      if (name.value().equals(text)) {
        return name;
      }
      throw new Refused(
          Reason.REJECTED_NAME,
          DnsName.quoted(text)
              + " is not the canonical text of an IP address (RFC 5952); expected "
              + name.value());
    } catch (IllegalArgumentException e) {
      throw new Refused(Reason.REJECTED_NAME, DnsName.quoted(text) + " is not an IP address");
    }
  }

  @Override
  public Kind kind() {
    return Kind.IP;
  }

  @Override
  public String value() {
    return address instanceof Inet4Address ? address.getHostAddress() : rfc5952();
  }

  @Override
  public GeneralName toGeneralName() {
    return new GeneralName(GeneralName.iPAddress, new DEROctetString(address.getAddress()));
  }

  /** RFC 5952 section 4: lower case, no leading zeros, the first longest run of zeros as ::. */
  private String rfc5952() {
    byte[] octets = address.getAddress();
    int[] fields = new int[8];
    for (int i = 0; i < 8; i++) {
      fields[i] = (octets[2 * i] & 0xff) << 8 | (octets[2 * i + 1] & 0xff);
    }
    int start = -1;
    int length = 1;
    for (int i = 0; i < 8; i++) {
      int end = i;
      while (end < 8 && fields[end] == 0) {
        end++;
      }
      if (end - i > length) {
        start = i;
        length = end - i;
      }
    }
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      if (i == start) {
        text.append("::");
        i += length - 1;
      } else {
        if (!text.isEmpty() && text.charAt(text.length() - 1) != ':') {
          text.append(':');
        }
        text.append(Integer.toHexString(fields[i]));
      }
    }
    return text.toString();
  }
}
