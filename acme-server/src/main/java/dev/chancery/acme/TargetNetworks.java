package dev.chancery.acme;

import dev.chancery.core.Cidr;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * Which addresses a validation may connect to: an address that an allow block holds, or that no
 * deny block holds; one that NAT64 translates counts as the IPv4 address too. The request that
 * leaves here is chosen by a client, so what only this server can reach needs a fence.
 */
public record TargetNetworks(List<Cidr> allow, List<Cidr> deny) {
  /** How NAT64 writes the addresses of IPv4 (RFC 6052): as good as these themselves. */
  private static final Cidr NAT64 = Cidr.parse("64:ff9b::/96");

  /** Never a web server that a client could prove control of. */
  public static final List<Cidr> DENIED_BY_DEFAULT =
      Stream.of(
              "0.0.0.0/8",
              "169.254.0.0/16",
              "100.100.100.200/32",
              "168.63.129.16/32",
              "192.0.0.192/32",
              "224.0.0.0/4",
              "255.255.255.255/32",
              "::/128",
              "fe80::/10",
              "fd00:ec2::254/128",
              "fd00:42::42/128",
              "fd20:ce::254/128",
              "ff00::/8")
          .map(Cidr::parse)
          .toList();

  public TargetNetworks {
    allow = List.copyOf(allow);
    deny = List.copyOf(deny);
  }

  /** Everything but link-local, cloud metadata, multicast and unspecified addresses. */
  public static TargetNetworks byDefault() {
    return new TargetNetworks(List.of(), DENIED_BY_DEFAULT);
  }

  boolean permit(InetAddress address) {
    List<InetAddress> ways =
        NAT64.contains(address) ? List.of(address, behindNat64(address)) : List.of(address);
    return ways.stream().anyMatch(way -> isIn(allow, way))
        || ways.stream().noneMatch(way -> isIn(deny, way));
  }

  private static boolean isIn(List<Cidr> blocks, InetAddress address) {
    return blocks.stream().anyMatch(block -> block.contains(address));
  }

  /** RFC 6052 section 2.2: with this prefix, the IPv4 address is the last four octets. */
  private static InetAddress behindNat64(InetAddress address) {
    byte[] octets = address.getAddress();
    try {
      return InetAddress.getByAddress(Arrays.copyOfRange(octets, 12, 16));
    } catch (UnknownHostException e) {
      throw new IllegalStateException("four octets are an address", e);
    }
  }
}
