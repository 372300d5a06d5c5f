package dev.chancery.acme;

import dev.chancery.acme.Validator.Unmet;
import dev.chancery.core.IpName;
import java.net.InetAddress;
import java.util.List;

/**
 * Where a validation may connect to: the addresses of a host, held against the networks that may be
 * connected to. Who connects does so at exactly the address that was checked.
 */
final class TargetAddresses {
  private static final int MOST = 4;

  private final HostAddresses hosts;
  private final TargetNetworks networks;

  TargetAddresses(HostAddresses hosts, TargetNetworks networks) {
    this.hosts = hosts;
    this.networks = networks;
  }

  /**
   * The first addresses, at least one.
   *
   * @param host a DNS name or the text of an address
   * @throws Unmet when there is none, or none that may be connected to
   */
  List<InetAddress> of(String host, Deadline deadline) throws Unmet {
    List<InetAddress> found;
    try {
      found =
          IpName.isMeant(host)
              ? List.of(InetAddress.ofLiteral(host))
              : hosts.find(host, deadline.left());
    } catch (HostAddresses.NotFound e) {
      throw e.unknown()
          ? new Unmet(Validator.Outcome.NotMet.unknown(AcmeError.DNS, e.why()))
          : new Unmet(AcmeError.DNS, e.why(), false);
    }
    List<InetAddress> permitted = found.stream().filter(networks::permit).toList();
    if (permitted.isEmpty()) {
      throw new Unmet(
          AcmeError.CONNECTION,
          "policy does not allow connecting to "
              + host
              + " at "
              + found.getFirst().getHostAddress(),
          true);
    }
    return permitted.subList(0, Math.min(MOST, permitted.size()));
  }
}
