package dev.chancery.server.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bouncycastle.asn1.ASN1BMPString;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1IA5String;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1PrintableString;
import org.bouncycastle.asn1.ASN1String;
import org.bouncycastle.asn1.ASN1UTF8String;
import org.bouncycastle.asn1.x500.AttributeTypeAndValue;
import org.bouncycastle.asn1.x500.RDN;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.style.BCStyle;

/**
 * What a subject may hold (RFC 5280 sections 4.1.2.4, 4.1.2.6 and appendix A.1). Requested subjects
 * are certified byte for byte, so this is where hostile ones end.
 */
final class SubjectLint {
  private static final int MOST_ATTRIBUTES = 20;
  private static final int LONGEST_VALUE = 64;
  // The upper bounds of appendix A.1 that are not 64.
  private static final Map<ASN1ObjectIdentifier, Integer> BOUNDS =
      Map.of(
          BCStyle.C, 2,
          BCStyle.L, 128,
          BCStyle.ST, 128,
          BCStyle.STREET, 128,
          BCStyle.EmailAddress, 255,
          BCStyle.DC, 63);

  private SubjectLint() {}

  static List<String> findings(X500Name subject) {
    List<String> findings = new ArrayList<>();
    int attributes = 0;
    for (RDN rdn : subject.getRDNs()) {
      for (AttributeTypeAndValue attribute : rdn.getTypesAndValues()) {
        attributes++;
        check(attribute, findings);
      }
    }
    if (attributes > MOST_ATTRIBUTES) {
      findings.add("the subject has more than " + MOST_ATTRIBUTES + " attributes");
    }
    return findings;
  }

  private static void check(AttributeTypeAndValue attribute, List<String> findings) {
    ASN1Encodable value = attribute.getValue();
    if (!(value instanceof ASN1UTF8String
        || value instanceof ASN1PrintableString
        || value instanceof ASN1BMPString
        || value instanceof ASN1IA5String)) {
      findings.add("a subject attribute is not a character string (section 4.1.2.4)");
      return;
    }
    String text = ((ASN1String) value).getString();
    int bound = BOUNDS.getOrDefault(attribute.getType(), LONGEST_VALUE);
    if (text.isBlank() || text.length() > bound) {
      findings.add(
          "subject attribute "
              + attribute.getType()
              + " is blank or longer than "
              + bound
              + " characters (appendix A.1)");
    }
    if (text.chars().anyMatch(c -> Character.isISOControl(c) || Character.isSurrogate((char) c))) {
      // A NUL has passed for the end of a name before.
      findings.add("subject attribute " + attribute.getType() + " holds control characters");
    }
    if (attribute.getType().equals(BCStyle.C) && !text.matches("[A-Z]{2}")) {
      findings.add("the subject's country is not two capital letters (appendix A.1)");
    }
  }
}
