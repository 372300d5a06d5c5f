package dev.chancery.kubernetes;

import dev.chancery.core.DnsName;
import dev.chancery.core.EmailName;
import dev.chancery.core.IpName;
import dev.chancery.core.Name;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.UriName;
import java.util.Set;
import java.util.stream.Stream;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1String;
import org.bouncycastle.asn1.x500.AttributeTypeAndValue;
import org.bouncycastle.asn1.x500.RDN;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x500.style.IETFUtils;

/**
 * Holds a subject against a role whose profile copies it as it comes. Much is read out of subjects:
 * hosts and users from common names, groups and tenants from organizations. So what says who
 * somebody is needs the role's word, and only what says where does not.
 */
final class RequestedSubject {
  private static final Set<ASN1ObjectIdentifier> PLACES =
      Set.of(
          BCStyle.C,
          BCStyle.ST,
          BCStyle.L,
          BCStyle.STREET,
          BCStyle.POSTAL_CODE,
          BCStyle.POSTAL_ADDRESS);

  /** The engine has bounds for each kind; none is higher, and what follows need not be quick. */
  private static final int MOST_ATTRIBUTES = 20;

  private static final int LONGEST_TEXT = 255;
  private static final int LONGEST_QUOTED = 80;

  private final SignRequest request;
  private final Role role;
  private final SubjectRules rules;

  private RequestedSubject(SignRequest request, Role role) {
    this.request = request;
    this.role = role;
    this.rules = role.policy().names().subjects();
  }

  /**
   * Refuses the first attribute that the role does not permit.
   *
   * @throws Refused with {@link Reason#REJECTED_NAME}
   */
  static void require(SignRequest request, Role role) throws Refused {
    RequestedSubject subject = new RequestedSubject(request, role);
    if (Stream.of(request.csr().subject().getRDNs()).mapToInt(RDN::size).sum() > MOST_ATTRIBUTES) {
      throw new Refused(
          Reason.REJECTED_NAME, "the subject has more than " + MOST_ATTRIBUTES + " attributes");
    }
    for (RDN rdn : request.csr().subject().getRDNs()) {
      for (AttributeTypeAndValue attribute : rdn.getTypesAndValues()) {
        subject.require(attribute);
      }
    }
  }

  private void require(AttributeTypeAndValue attribute) throws Refused {
    ASN1ObjectIdentifier type = attribute.getType();
    String text =
        attribute.getValue() instanceof ASN1String string
            ? string.getString()
            : IETFUtils.valueToString(attribute.getValue());
    if (text.length() > LONGEST_TEXT) {
      throw new Refused(
          Reason.REJECTED_NAME,
          "an attribute of the subject has more than " + LONGEST_TEXT + " characters");
    }
    if (rules.denies(type, text)) {
      throw refused(type, text);
    }
    if (rules.allows(type, text) || PLACES.contains(type)) {
      return;
    }
    if (type.equals(BCStyle.EmailAddress)) {
      role.policy().names().policy().require(EmailName.parse(text));
    } else if (!type.equals(BCStyle.CN)) {
      throw refused(type, text);
    } else if (!isHeld(text)) {
      requireCommonName(text);
    }
  }

  private boolean isHeld(String text) {
    return request.names().stream().anyMatch(name -> name.value().equalsIgnoreCase(text));
  }

  /**
   * Several words are a description. One is a name to somebody: of a host, with a dot at its end
   * and blanks around it as well, or of a user; of a CA, which is neither, only when it has the
   * form of one.
   */
  private void requireCommonName(String text) throws Refused {
    String plain = SubjectRules.plain(text).replaceAll("^\\.+|\\.+$", "");
    if ((plain.contains(" ") && !plain.contains("@"))
        || (role.policy().authority() && plain.matches("[^.@:/]+"))) {
      return;
    }
    Name name;
    try {
      name = named(plain);
    } catch (Refused e) {
      throw refused(BCStyle.CN, text);
    }
    role.policy().names().policy().require(name);
  }

  private static Name named(String text) throws Refused {
    if (IpName.isMeant(text) && !text.contains("/")) {
      return IpName.parse(text);
    }
    if (text.contains("@")) {
      return EmailName.parse(text);
    }
    return text.contains("/") ? UriName.parse(text) : DnsName.parse(text);
  }

  private static Refused refused(ASN1ObjectIdentifier type, String text) {
    String name = BCStyle.INSTANCE.oidToDisplayName(type);
    String head = text.length() > LONGEST_QUOTED ? text.substring(0, LONGEST_QUOTED) + "..." : text;
    String said = (name == null ? type.getId() : name) + "=" + head.replaceAll("[^ -~]|\"", "?");
    return new Refused(
        Reason.REJECTED_NAME,
        "policy does not allow " + said + " in the subject; a rule subject:" + said + " does");
  }
}
