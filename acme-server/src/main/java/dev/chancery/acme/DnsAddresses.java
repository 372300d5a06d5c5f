package dev.chancery.acme;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.xbill.DNS.AAAARecord;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.Name;
import org.xbill.DNS.Record;
import org.xbill.DNS.TextParseException;
import org.xbill.DNS.Type;

/** The addresses that DNS has for a host. */
final class DnsAddresses implements HostAddresses {
  // Leaves time to connect.
  private static final Duration LONGEST = Duration.ofSeconds(5);

  private final Dns dns;

  DnsAddresses(Dns dns) {
    this.dns = dns;
  }

  @Override
  public List<InetAddress> find(String host, Duration longest) throws NotFound {
    Name name;
    try {
      name = Name.fromString(host + ".");
    } catch (TextParseException e) {
      throw new NotFound(host + " is no name that DNS can hold");
    }
    Deadline deadline = Deadline.in(longest).within(LONGEST);
    Dns.Question four = dns.ask(name, Type.A, deadline);
    Dns.Question six = dns.ask(name, Type.AAAA, deadline);
    List<Dns.Answer> answers = List.of(four.await(), six.await());
    List<InetAddress> addresses = new ArrayList<>();
    for (Dns.Answer answer : answers) {
      if (answer instanceof Dns.Answer.Found(List<Record> records)) {
        addresses.addAll(addresses(records));
      }
    }
    if (addresses.isEmpty()) {
      throw notFound(host, answers);
    }
    return addresses;
  }

  private static List<InetAddress> addresses(List<Record> records) {
    List<InetAddress> addresses = new ArrayList<>();
    for (Record record : records) {
      switch (record) {
        case ARecord four -> addresses.add(four.getAddress());
        case AAAARecord six -> addresses.add(unmapped(six));
        default -> {}
      }
    }
    return addresses;
  }

  /**
   * Without the class of an IPv4-mapped address: it would not be held against the networks of IPv4,
   * but connected to as one of them.
   */
  private static InetAddress unmapped(AAAARecord six) {
    try {
      return InetAddress.getByAddress(six.getAddress().getAddress());
    } catch (UnknownHostException e) {
      throw new IllegalStateException("the octets of an address are an address", e);
    }
  }

  /** An outage for one type leaves open what a negative answer for the other cannot say. */
  private static NotFound notFound(String host, List<Dns.Answer> answers) {
    for (Dns.Answer answer : answers) {
      // RFC 8020: a name that does not exist has no records of any type.
      if (answer instanceof Dns.Answer.NoSuchName(String name)) {
        return new NotFound("NXDOMAIN: DNS knows no name " + name + alias(host, name));
      }
      if (answer instanceof Dns.Answer.Astray(String why)) {
        return new NotFound(host + " has no address: " + why);
      }
    }
    for (Dns.Answer answer : answers) {
      if (answer instanceof Dns.Answer.Outage(String why)) {
        return new NotFound("looking up the addresses of " + host + ": " + why, true);
      }
    }
    return new NotFound(host + " has neither A nor AAAA records");
  }

  private static String alias(String host, String name) {
    return name.equals(host) ? "" : ", which " + host + " is an alias of";
  }
}
