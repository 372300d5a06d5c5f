package dev.chancery.core;

import java.text.Normalizer;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Predicate;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;

/**
 * Which names may be certified. A name must match an allow rule of its kind and no deny rule; so an
 * empty policy allows nothing. A wildcard must not stand for a name that a deny rule matches
 * either.
 *
 * @param wildcards whether wildcard DNS names may be certified at all
 */
public record NamePolicy(
    Rules<DnsRule> dns,
    boolean wildcards,
    Rules<Cidr> ip,
    Rules<UriRule> uri,
    Rules<DnsRule> emailDomains,
    Rules<OtherRule> other) {

  /** A policy that allows no otherName. */
  public NamePolicy(
      Rules<DnsRule> dns,
      boolean wildcards,
      Rules<Cidr> ip,
      Rules<UriRule> uri,
      Rules<DnsRule> emailDomains) {
    this(dns, wildcards, ip, uri, emailDomains, Rules.none());
  }

  /** What is allowed, and what is not even so. */
  public record Rules<T>(List<T> allow, List<T> deny) {
    public Rules {
      allow = List.copyOf(allow);
      deny = List.copyOf(deny);
    }

    /** Rules that allow nothing. */
    public static <T> Rules<T> none() {
      return new Rules<>(List.of(), List.of());
    }

    private boolean permit(Predicate<T> matches) {
      return permit(matches, matches);
    }

    private boolean permit(Predicate<T> allows, Predicate<T> denies) {
      return allow.stream().anyMatch(allows) && deny.stream().noneMatch(denies);
    }
  }

  /** Every DNS name ("*"), or a name and all below it ("example.com"). */
  public record DnsRule(String suffix) {
    public DnsRule {
      if (!suffix.equals("*")) {
        // Throws when it is not a name.
        if (new DnsName(suffix).isWildcard()) {
          throw new IllegalArgumentException(
              "a DNS rule is * or a plain name, which covers all names below it: " + suffix);
        }
      }
    }

    boolean matches(DnsName name) {
      String base = name.base().value();
      return suffix.equals("*") || base.equals(suffix) || base.endsWith("." + suffix);
    }

    /** Whether it matches a name or, of a wildcard, one that the wildcard could stand for. */
    boolean touches(DnsName name) {
      return matches(name) || (name.isWildcard() && suffix.endsWith("." + name.base().value()));
    }
  }

  /**
   * Every URI ("*"), or those that begin with this text, which ends in a slash. An authority
   * without a path is the same as one with a slash after it (RFC 3986 section 6.2.3): a SPIFFE
   * trust domain is written so. To deny it also denies the URI without that slash, so that a single
   * one can be denied (spiffe://corp.example/admin/). The text is brought to the normal form that
   * every {@link UriName} has, so that none passes a rule by being written in another way.
   */
  public record UriRule(String prefix) {
    public UriRule {
      prefix = UriName.normalized(prefix);
      if (!prefix.equals("*") && !prefix.endsWith("/")) {
        throw new IllegalArgumentException("a URI rule is * or a prefix that ends in /: " + prefix);
      }
    }

    boolean matches(UriName name) {
      return prefix.equals("*") || rooted(name.value()).startsWith(prefix);
    }

    /** Whether it matches a name, or the name is the rule's text without its slash. */
    boolean touches(UriName name) {
      return matches(name) || prefix.equals(name.value().replaceFirst("[?#].*", "") + "/");
    }

    private static String rooted(String uri) {
      int authority = uri.indexOf("://") + 3;
      return uri.indexOf('/', authority) < 0 ? uri + "/" : uri;
    }
  }

  /**
   * Names of a kind: those that say this, those that end in it when it begins with an asterisk, or
   * all of them ("*").
   */
  public record OtherRule(ASN1ObjectIdentifier type, String text) {
    /**
     * Reads a kind by its number and what its names say (1.3.6.1.4.1.311.20.2.3=*@example.com);
     * without a text, they may say anything.
     *
     * @throws IllegalArgumentException when the text is anything else
     */
    public static OtherRule parse(String rule) {
      String[] parts = rule.split("=", 2);
      ASN1ObjectIdentifier type = ASN1ObjectIdentifier.tryFromID(parts[0]);
      if (type == null) {
        throw new IllegalArgumentException("not an object identifier: " + parts[0]);
      }
      String text = parts.length == 1 ? "*" : parts[1];
      if (text.isEmpty() || text.indexOf('*', 1) > 0) {
        throw new IllegalArgumentException(
            "an asterisk stands for the beginning of an otherName, or for all of it: " + rule);
      }
      return new OtherRule(type, text);
    }

    boolean allows(OtherName name) {
      return matches(name, text, name.text());
    }

    /** Also what differs in case only: some readers make no difference. */
    boolean denies(OtherName name) {
      return matches(name, folded(text), folded(name.text()));
    }

    private boolean matches(OtherName name, String rule, String said) {
      return type.equals(name.type())
          && (rule.startsWith("*") ? said.endsWith(rule.substring(1)) : said.equals(rule));
    }

    private static String folded(String text) {
      return Normalizer.normalize(text, Normalizer.Form.NFKC).toLowerCase(Locale.ROOT);
    }

    @Override
    public String toString() {
      return text.equals("*") ? type.getId() : type.getId() + "=" + text;
    }
  }

  /**
   * Refuses the first name that may not be certified.
   *
   * @throws Refused with {@link Reason#REJECTED_NAME}
   */
  public void require(Set<? extends Name> names) throws Refused {
    for (Name name : names) {
      require(name);
    }
  }

  /**
   * Refuses a name that may not be certified.
   *
   * @throws Refused with {@link Reason#REJECTED_NAME}
   */
  public void require(Name name) throws Refused {
    boolean permitted =
        switch (name) {
          case DnsName dnsName -> {
            if (dnsName.isWildcard() && !wildcards) {
              throw new Refused(
                  Reason.REJECTED_NAME, "wildcard names are not allowed: " + name.value());
            }
            yield dns.permit(rule -> rule.matches(dnsName), rule -> rule.touches(dnsName));
          }
          case IpName ipName -> ip.permit(block -> block.contains(ipName.address()));
          case UriName uriName ->
              uri.permit(rule -> rule.matches(uriName), rule -> rule.touches(uriName));
          case EmailName email -> emailDomains.permit(rule -> rule.matches(email.domain()));
          case OtherName otherName ->
              other.permit(rule -> rule.allows(otherName), rule -> rule.denies(otherName));
        };
    if (!permitted) {
      throw new Refused(
          Reason.REJECTED_NAME,
          "policy does not allow the " + name.kind() + " name " + name.value());
    }
  }
}
