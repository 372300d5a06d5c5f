package dev.chancery.core;

import java.net.InetAddress;

/** A block of IP addresses; every bit after the prefix is zero. */
public record Cidr(InetAddress network, int prefix) {
  public Cidr {
    byte[] octets = network.getAddress();
    if (prefix < 0 || prefix > octets.length * 8) {
      throw new IllegalArgumentException("the prefix length is out of range");
    }
    for (int bit = prefix; bit < octets.length * 8; bit++) {
      if ((octets[bit / 8] & (0x80 >>> (bit % 8))) != 0) {
        throw new IllegalArgumentException("the address has bits set after the prefix");
      }
    }
  }

  /**
   * Reads address/prefix, or a single address.
   *
   * @throws IllegalArgumentException when the text is anything else; nothing is looked up
   */
  public static Cidr parse(String text) {
    int slash = text.indexOf('/');
    // The number parser alone would take a plus sign.
    if (slash >= 0 && !text.substring(slash + 1).matches("[0-9]{1,3}")) {
      throw new IllegalArgumentException("the prefix length is not a number");
    }
    InetAddress address = IpLiteral.parse(slash < 0 ? text : text.substring(0, slash));
    int prefix =
        slash < 0 ? address.getAddress().length * 8 : Integer.parseInt(text.substring(slash + 1));
    return new Cidr(address, prefix);
  }

  public boolean contains(InetAddress address) {
    byte[] ours = network.getAddress();
    byte[] theirs = address.getAddress();
    if (ours.length != theirs.length) {
      return false;
    }
    for (int bit = 0; bit < prefix; bit++) {
      int mask = 0x80 >>> (bit % 8);
      if ((ours[bit / 8] & mask) != (theirs[bit / 8] & mask)) {
        return false;
      }
    }
    return true;
  }

  @Override
  public String toString() {
    return network.getHostAddress() + "/" + prefix;
  }
}
