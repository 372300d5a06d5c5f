package dev.chancery.server;

import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The subject of a request to an offline root, with the attributes that a plan can have. */
final class SubjectOption {
  @Option(names = "--country", paramLabel = "CODE", description = "as the plan has it")
  private @Nullable String country;

  @Option(names = "--organization", paramLabel = "NAME", description = "as the plan has it")
  private @Nullable String organization;

  @Option(names = "--organizational-unit", paramLabel = "NAME", description = "as the plan has it")
  private @Nullable String organizationalUnit;

  @Option(
      names = "--common-name",
      paramLabel = "NAME",
      required = true,
      description = "as the plan has it")
  private String commonName = "";

  /** In the order of the plan's: country, organization, unit, common name. */
  X500Name subject() {
    X500NameBuilder subject = new X500NameBuilder(BCStyle.INSTANCE);
    add(subject, BCStyle.C, country);
    add(subject, BCStyle.O, organization);
    add(subject, BCStyle.OU, organizationalUnit);
    return subject.addRDN(BCStyle.CN, commonName).build();
  }

  private static void add(
      X500NameBuilder subject, ASN1ObjectIdentifier attribute, @Nullable String value) {
    if (value != null) {
      subject.addRDN(attribute, value);
    }
  }
}
