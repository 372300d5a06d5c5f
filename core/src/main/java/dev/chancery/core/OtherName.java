package dev.chancery.core;

import java.util.Objects;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1UTF8String;
import org.bouncycastle.asn1.DERUTF8String;
import org.bouncycastle.asn1.x509.GeneralName;

/**
 * A name of a kind that an object identifier tells, with a text as its value (RFC 5280 section
 * 4.2.1.6): user principal names, for example.
 */
public record OtherName(ASN1ObjectIdentifier type, String text) implements Name {
  private static final int LONGEST = 255;

  /**
   * @throws IllegalArgumentException when the text is empty, over-long or has control characters
   */
  public OtherName {
    Objects.requireNonNull(type);
    if (text.isEmpty()
        || text.length() > LONGEST
        || text.codePoints().anyMatch(OtherName::isUnprintable)) {
      throw new IllegalArgumentException("not a name of 1 to " + LONGEST + " printable characters");
    }
  }

  private static boolean isUnprintable(int codePoint) {
    int kind = Character.getType(codePoint);
    return kind == Character.CONTROL || kind == Character.SURROGATE || kind == Character.FORMAT;
  }

  /**
   * Reads an entry of that kind.
   *
   * @throws Refused when its value is anything but a UTF8String in the form above
   */
  static OtherName of(GeneralName name) throws Refused {
    try {
      org.bouncycastle.asn1.x509.OtherName read =
          org.bouncycastle.asn1.x509.OtherName.getInstance(name.getName());
      if (read.getValue() instanceof ASN1UTF8String text) {
        return new OtherName(read.getTypeID(), text.getString());
      }
    } catch (IllegalArgumentException e) {
      // Refused below.
    }
    throw new Refused(
        Reason.UNSUPPORTED_NAME, "an otherName must hold a UTF8String of printable characters");
  }

  @Override
  public Kind kind() {
    return Kind.OTHER;
  }

  /** As clients of signing APIs write it: {@code 1.3.6.1.4.1.311.20.2.3;UTF8:user@example.com}. */
  @Override
  public String value() {
    return type + ";UTF8:" + text;
  }

  @Override
  public GeneralName toGeneralName() {
    return new GeneralName(
        GeneralName.otherName,
        new org.bouncycastle.asn1.x509.OtherName(type, new DERUTF8String(text)));
  }
}
