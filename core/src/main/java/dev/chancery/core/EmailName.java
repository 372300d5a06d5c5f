package dev.chancery.core;

import java.util.regex.Pattern;
import org.bouncycastle.asn1.x509.GeneralName;

/** A mail address local@domain with an ASCII dot-atom local part (RFC 5280 section 4.2.1.6). */
public record EmailName(String local, DnsName domain) implements Name {
  private static final Pattern ATOMS =
      Pattern.compile("[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*");

  public EmailName {
    if (local.length() > 64 || !ATOMS.matcher(local).matches() || domain.isWildcard()) {
      throw new IllegalArgumentException("not a mail address");
    }
  }

  /**
   * Reads a mail address; the domain is lower-cased, the local part kept.
   *
   * @throws Refused when it is not one in the form above
   */
  public static EmailName parse(String text) throws Refused {
    int at = text.lastIndexOf('@');
    try {
      if (at > 0) {
        return new EmailName(text.substring(0, at), DnsName.parse(text.substring(at + 1)));
      }
    } catch (IllegalArgumentException | Refused e) {
      // Refused below, in the words of the whole address.
    }
    throw new Refused(Reason.REJECTED_NAME, DnsName.quoted(text) + " is not a mail address");
  }

  @Override
  public Kind kind() {
    return Kind.EMAIL;
  }

  @Override
  public String value() {
    return local + "@" + domain.value();
  }

  @Override
  public GeneralName toGeneralName() {
    return new GeneralName(GeneralName.rfc822Name, value());
  }
}
