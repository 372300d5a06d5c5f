package dev.chancery.acme;

import dev.chancery.core.Cidr;
import java.net.InetAddress;
import java.util.List;
import java.util.stream.Stream;

/**
 * Which addresses a validation may connect to: an address that an allow block holds, or that no
 * deny block holds. The request that leaves here is chosen by a client, so what only this server
 * can reach needs a fence.
 */
public record TargetNetworks(List<Cidr> allow, List<Cidr> deny) {
  /**
   * Never a web server that a client could prove control of; 64:ff9b:: is how NAT64 writes
   * 169.254.0.0/16.
   */
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
              "64:ff9b::a9fe:0/112",
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
    return allow.stream().anyMatch(block -> block.contains(address))
        || deny.stream().noneMatch(block -> block.contains(address));
  }
}
