package dev.chancery.server.engine;

import dev.chancery.core.Der;
import dev.chancery.core.DnsName;
import dev.chancery.core.Name;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.bouncycastle.asn1.ASN1IA5String;
import org.bouncycastle.asn1.ASN1String;
import org.bouncycastle.asn1.DERIA5String;
import org.bouncycastle.asn1.x500.AttributeTypeAndValue;
import org.bouncycastle.asn1.x500.RDN;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralSubtree;
import org.bouncycastle.asn1.x509.NameConstraintValidatorException;
import org.bouncycastle.asn1.x509.NameConstraints;
import org.bouncycastle.asn1.x509.PKIXNameConstraintValidator;
import org.bouncycastle.cert.X509CertificateHolder;

/**
 * The name constraints of an issuer and of the CAs above it (RFC 5280 section 4.2.1.10), obeyed
 * before signing, so that no certificate leaves that relying parties would refuse.
 */
final class NameConstraintCheck {
  private final PKIXNameConstraintValidator subtrees;
  private final List<String> excludedDomains;

  private NameConstraintCheck(PKIXNameConstraintValidator subtrees, List<String> excludedDomains) {
    this.subtrees = subtrees;
    this.excludedDomains = List.copyOf(excludedDomains);
  }

  /**
   * @param ends the issuer's own certificate and the root's, as far as there are any
   * @param chain the default chain, whose CAs' constraints all apply
   */
  static NameConstraintCheck of(List<X509CertificateHolder> ends, List<Der> chain) {
    PKIXNameConstraintValidator subtrees = new PKIXNameConstraintValidator();
    List<String> excludedDomains = new ArrayList<>();
    ends.forEach(certificate -> add(certificate, subtrees, excludedDomains));
    try {
      for (Der certificate : chain.subList(Math.min(1, chain.size()), chain.size())) {
        add(new X509CertificateHolder(certificate.bytes()), subtrees, excludedDomains);
      }
    } catch (IOException e) {
      throw new IllegalArgumentException("a chain holds something else than certificates", e);
    }
    return new NameConstraintCheck(subtrees, excludedDomains);
  }

  private static void add(
      X509CertificateHolder certificate,
      PKIXNameConstraintValidator subtrees,
      List<String> excludedDomains) {
    Extension extension = certificate.getExtension(Extension.nameConstraints);
    if (extension == null) {
      return;
    }
    NameConstraints constraints = NameConstraints.getInstance(extension.getParsedValue());
    GeneralSubtree[] permitted = constraints.getPermittedSubtrees();
    if (permitted != null) {
      subtrees.intersectPermittedSubtree(permitted);
    }
    GeneralSubtree[] excluded = constraints.getExcludedSubtrees();
    if (excluded != null) {
      for (GeneralSubtree subtree : excluded) {
        subtrees.addExcludedSubtree(subtree);
        if (subtree.getBase().getTagNo() == GeneralName.dNSName) {
          String domain = ASN1IA5String.getInstance(subtree.getBase().getName()).getString();
          excludedDomains.add(domain.toLowerCase(Locale.ROOT));
        }
      }
    }
  }

  /**
   * Refuses the first name outside the constraints.
   *
   * @throws Refused with {@link Reason#REJECTED_NAME}
   */
  void require(Set<Name> names) throws Refused {
    for (Name name : names) {
      require(name.toGeneralName(), name.kind() + " name " + name.value());
      if (name instanceof DnsName dns && dns.isWildcard()) {
        requireNoHole(dns);
      }
    }
  }

  /**
   * Refuses a subject outside the constraints, which also bind what of it some relying parties read
   * as a mail address or, when no DNS name is there beside it, as a host name (OpenSSL does).
   *
   * @throws Refused with {@link Reason#REJECTED_NAME}
   */
  void require(X500Name subject, Set<Name> names) throws Refused {
    if (subject.getRDNs().length == 0) {
      return;
    }
    try {
      subtrees.checkPermittedDN(subject);
      subtrees.checkExcludedDN(subject);
    } catch (NameConstraintValidatorException | RuntimeException e) {
      throw new Refused(
          Reason.REJECTED_NAME, "the issuer's name constraints do not allow the subject");
    }
    for (RDN rdn : subject.getRDNs()) {
      for (AttributeTypeAndValue attribute : rdn.getTypesAndValues()) {
        if (attribute.getValue() instanceof ASN1String string) {
          String text = string.getString();
          if (attribute.getType().equals(BCStyle.EmailAddress)) {
            require(
                new GeneralName(GeneralName.rfc822Name, new DERIA5String(text)),
                "subject's mail address");
          } else if (attribute.getType().equals(BCStyle.CN)
              && names.stream().noneMatch(DnsName.class::isInstance)
              && looksLikeHost(text)) {
            require(
                new GeneralName(
                    GeneralName.dNSName, new DERIA5String(text.toLowerCase(Locale.ROOT))),
                "subject's common name");
          }
        }
      }
    }
  }

  private void require(GeneralName name, String description) throws Refused {
    try {
      subtrees.checkPermitted(name);
      subtrees.checkExcluded(name);
    } catch (NameConstraintValidatorException | RuntimeException e) {
      // A form that the validator cannot compare is refused too: relying parties would refuse it.
      throw new Refused(
          Reason.REJECTED_NAME, "the issuer's name constraints do not allow the " + description);
    }
  }

  // *.example.com would stand for the excluded secret.example.com as well.
  private void requireNoHole(DnsName wildcard) throws Refused {
    String base = "." + wildcard.base().value();
    for (String domain : excludedDomains) {
      if (domain.endsWith(base)) {
        throw new Refused(
            Reason.REJECTED_NAME,
            "the wildcard "
                + wildcard.value()
                + " covers a domain that the issuer's name constraints exclude");
      }
    }
  }

  private static boolean looksLikeHost(String text) {
    return text.contains(".") && text.matches("[A-Za-z0-9._*-]+");
  }
}
