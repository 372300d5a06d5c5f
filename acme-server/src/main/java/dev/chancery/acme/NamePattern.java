package dev.chancery.acme;

import dev.chancery.core.Cidr;
import dev.chancery.core.DnsName;
import dev.chancery.core.IpName;
import dev.chancery.core.Name;
import dev.chancery.core.Refused;
import java.util.regex.Pattern;

/** Identifiers that a binding key speaks of, in the words of an operator. */
public sealed interface NamePattern {
  /** One DNS name; a wildcard name stands for others as well and is never this one. */
  record Exact(DnsName name) implements NamePattern {
    @Override
    public boolean covers(Name other) {
      return name.equals(other);
    }

    @Override
    public String toString() {
      return name.value();
    }
  }

  /**
   * Every DNS name below a domain, at any depth, but not the domain itself. A wildcard name is
   * among them when all names that it stands for are.
   */
  record Below(DnsName domain) implements NamePattern {
    @Override
    public boolean covers(Name other) {
      return other instanceof DnsName dns
          && (dns.base().value().endsWith("." + domain.value())
              || (dns.isWildcard() && dns.base().equals(domain)));
    }

    @Override
    public String toString() {
      return "*." + domain.value();
    }
  }

  /** Every DNS name. */
  record AnyDns() implements NamePattern {
    @Override
    public boolean covers(Name other) {
      return other instanceof DnsName;
    }

    @Override
    public String toString() {
      return "*";
    }
  }

  /** The IP addresses of a block, which can be a single one. */
  record Block(Cidr block) implements NamePattern {
    @Override
    public boolean covers(Name other) {
      return other instanceof IpName ip && block.contains(ip.address());
    }

    @Override
    public String toString() {
      String address = new IpName(block.network()).value();
      return block.prefix() == block.network().getAddress().length * 8
          ? address
          : address + "/" + block.prefix();
    }
  }

  /** An IP address has a colon or is four numbers; whatever ends in a number is no DNS name. */
  Pattern ADDRESS = Pattern.compile("[^:/]*[:/].*|[0-9.]*");

  boolean covers(Name name);

  /**
   * Reads {@code www.example.com}, {@code *.example.com}, {@code *}, {@code 192.0.2.7} or {@code
   * 2001:db8::/32}; what {@code toString} writes is read again as the same.
   *
   * @throws IllegalArgumentException when the text is anything else
   */
  static NamePattern parse(String text) {
    if (text.equals("*")) {
      return new AnyDns();
    }
    try {
      if (ADDRESS.matcher(text).matches()) {
        // In its one right spelling: others are read as addresses that nobody meant (192.0.2 is
        // 192.0.0.2).
        IpName _ = IpName.parse(text.replaceFirst("/.*", ""));
        return new Block(Cidr.parse(text));
      }
      DnsName name = DnsName.parse(text);
      return name.isWildcard() ? new Below(name.base()) : new Exact(name);
    } catch (Refused e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }
}
