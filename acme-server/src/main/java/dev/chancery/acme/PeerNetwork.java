package dev.chancery.acme;

import dev.chancery.core.Cidr;
import io.javalin.http.Context;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;

/**
 * Where a request comes from, as far as one party has it: an IPv4 address, or the 64 bits of an
 * IPv6 address below which a subscriber can choose. What connects is meant, behind a proxy the
 * proxy: no header is believed.
 */
final class PeerNetwork {
  private static final int IPV6_PREFIX = 64;

  private PeerNetwork() {}

  static Cidr of(Context context) {
    // Web servers write IPv6 addresses with brackets, and link-local ones with a zone.
    return of(InetAddress.ofLiteral(context.ip().replaceAll("[\\[\\]]|%.*", "")));
  }

  static Cidr of(InetAddress peer) {
    byte[] octets = peer.getAddress();
    if (octets.length == 4) {
      return new Cidr(peer, 32);
    }
    Arrays.fill(octets, IPV6_PREFIX / 8, octets.length, (byte) 0);
    try {
      return new Cidr(InetAddress.getByAddress(octets), IPV6_PREFIX);
    } catch (UnknownHostException e) {
      throw new IllegalStateException("sixteen octets are an address", e);
    }
  }
}
