package dev.chancery.core;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Locale;
import org.bouncycastle.asn1.ASN1IA5String;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.x509.GeneralName;

/** A name that a certificate can bind to a key: one entry of subjectAltName (RFC 5280 4.2.1.6). */
public sealed interface Name permits DnsName, IpName, UriName, EmailName, OtherName {
  /** The kinds of names, as profiles list them. */
  enum Kind {
    DNS,
    IP,
    URI,
    EMAIL,
    OTHER;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  Kind kind();

  /** The canonical text of the name. */
  String value();

  /** The name as the extension carries it. */
  GeneralName toGeneralName();

  /**
   * Reads an entry of a subjectAltName extension.
   *
   * @throws Refused when it is malformed, or of a kind that is not certified here
   */
  static Name of(GeneralName name) throws Refused {
    return switch (name.getTagNo()) {
      case GeneralName.dNSName -> DnsName.parse(ia5(name));
      case GeneralName.uniformResourceIdentifier -> UriName.parse(ia5(name));
      case GeneralName.rfc822Name -> EmailName.parse(ia5(name));
      case GeneralName.iPAddress -> {
        try {
          byte[] octets = ASN1OctetString.getInstance(name.getName()).getOctets();
          yield new IpName(InetAddress.getByAddress(octets));
        } catch (UnknownHostException e) {
          throw new Refused(Reason.REJECTED_NAME, "an iPAddress must have 4 or 16 octets");
        }
      }
      case GeneralName.otherName -> OtherName.of(name);
      default ->
          throw new Refused(
              Reason.UNSUPPORTED_NAME,
              "names of subjectAltName kind [" + name.getTagNo() + "] are not certified here");
    };
  }

  private static String ia5(GeneralName name) {
    return ASN1IA5String.getInstance(name.getName()).getString();
  }
}
