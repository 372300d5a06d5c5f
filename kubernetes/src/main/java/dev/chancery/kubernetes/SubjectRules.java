package dev.chancery.kubernetes;

import java.text.Normalizer;
import java.util.List;
import java.util.Locale;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.x500.style.BCStyle;

/**
 * What subjects may say beside names: {@code O=Corp} (a type of attribute and its text), or {@code
 * OU=*} (any text).
 */
record SubjectRules(List<Rule> allow, List<Rule> deny) {
  SubjectRules {
    allow = List.copyOf(allow);
    deny = List.copyOf(deny);
  }

  /** Attributes of a type that have this text, or any when it is an asterisk. */
  record Rule(ASN1ObjectIdentifier type, String text) {
    /**
     * Reads one; the type is a name of RFC 4519 or an object identifier.
     *
     * @throws IllegalArgumentException when the text is anything else
     */
    static Rule parse(String rule) {
      String[] parts = rule.split("=", 2);
      if (parts.length < 2 || parts[1].isBlank()) {
        throw new IllegalArgumentException("a rule for subjects is TYPE=TEXT or TYPE=*: " + rule);
      }
      return new Rule(BCStyle.INSTANCE.attrNameToOID(parts[0]), parts[1]);
    }

    private boolean matches(ASN1ObjectIdentifier other) {
      return type.equals(other);
    }
  }

  /** Whether an attribute is allowed by a rule, octet for octet. */
  boolean allows(ASN1ObjectIdentifier type, String text) {
    return allow.stream()
        .filter(rule -> rule.matches(type))
        .anyMatch(rule -> rule.text().equals("*") || rule.text().equals(text));
  }

  /** Whether one is denied; what readers could take for the denied text is, too. */
  boolean denies(ASN1ObjectIdentifier type, String text) {
    return deny.stream()
        .filter(rule -> rule.matches(type))
        .anyMatch(rule -> rule.text().equals("*") || folded(rule.text()).equals(folded(text)));
  }

  private static String folded(String text) {
    return plain(text).toLowerCase(Locale.ROOT).replaceAll("\\s+", " ");
  }

  /** A text without what does not show: compatibility forms, blanks around it, formatting. */
  static String plain(String text) {
    return Normalizer.normalize(text, Normalizer.Form.NFKC).replaceAll("\\p{Cf}", "").strip();
  }
}
