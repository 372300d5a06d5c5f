package dev.chancery.server.ceremony;

import dev.chancery.core.Der;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import java.io.IOException;
import java.math.BigInteger;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralSubtree;
import org.bouncycastle.asn1.x509.NameConstraints;
import org.bouncycastle.asn1.x509.TBSCertList;
import org.bouncycastle.asn1.x509.TBSCertificate;
import org.jspecify.annotations.Nullable;

/** Plans, certificates and CRLs in plain words, for those who have to agree to them. */
final class Words {
  private Words() {}

  /** What will exist after a ceremony, certificate by certificate. */
  static List<String> plan(CeremonyPlan plan) {
    List<String> lines = new ArrayList<>();
    lines.add("Ceremony %s, from %s until %s.".formatted(plan.name(), plan.from(), plan.until()));
    lines.add(
        "%d of these witnesses must sign: %s."
            .formatted(plan.witnesses().threshold(), String.join(", ", plan.witnesses().names())));
    CeremonyPlan.TokenPart token = plan.token();
    lines.add(
        "Token \"%s\"%s %s."
            .formatted(
                token.label(),
                token.serial().map(serial -> " with serial number " + serial).orElse(""),
                token.initialize() ? "will be initialized" : "must be there"));
    if (!token.marked()) {
      lines.add(CeremonyMark.GIVEN_UP);
    }
    switch (plan.root()) {
      case CeremonyPlan.NewRoot root ->
          lines.add(
              "root: a new root %s with a new %s key (CKA_ID %s), until %s, %s%s."
                  .formatted(
                      root.subject(),
                      root.algorithm(),
                      root.keyId(),
                      root.notAfter(),
                      below(root.pathLength()),
                      names(root.nameConstraints())));
      case CeremonyPlan.EarlierRoot root ->
          lines.add(
              "The root of %s signs, with the key %s; no root is made."
                  .formatted(file(root.input()), root.keyId()));
    }
    plan.items().forEach(item -> lines.add(item.name() + ": " + item(item)));
    plan.crl()
        .ifPresent(crl -> {
          lines.add(
              ("crl: the root's CRL number %d, for %d days, with %d revoked certificates. The"
                      + " number is to be the root's nextNumber of chancery crl list, or higher.")
                  .formatted(crl.number(), crl.validity().toDays(), crl.revoked().size()));
          for (CeremonyPlan.Revoked each : crl.revoked()) {
            lines.add("  revoked: " + revoked(each.serial(), each.at(), each.reason()));
          }
        });
    lines.add("Nothing else will be signed.");
    return lines;
  }

  /** What a ceremony that was late has left. */
  static String notMade(List<String> items) {
    return "not made: " + (items.isEmpty() ? "nothing" : String.join(", ", items));
  }

  private static String revoked(SerialNumber serial, Instant at, RevocationReason reason) {
    return "%s at %s, %s".formatted(serial, at, reason);
  }

  private static String item(CeremonyPlan.Item item) {
    return switch (item) {
      case CeremonyPlan.Intermediate ca ->
          "a CA %s with the %s key of %s, until %s, %s%s."
              .formatted(
                  ca.subject(),
                  ca.algorithm(),
                  file(ca.input()),
                  ca.notAfter(),
                  below(ca.pathLength()),
                  names(ca.nameConstraints()));
      case CeremonyPlan.CrossCertificate cross ->
          "the root of %s, certified by this root, until %s, %s."
              .formatted(file(cross.input()), cross.notAfter(), below(cross.pathLength()));
      case CeremonyPlan.OcspSigner signer ->
          "an OCSP signer %s with the %s key of %s, until %s."
              .formatted(
                  signer.subject(), signer.algorithm(), file(signer.input()), signer.notAfter());
    };
  }

  private static String file(CeremonyPlan.Input input) {
    return "%s (SHA-256 %s)".formatted(input.file(), input.sha256());
  }

  private static String below(OptionalInt pathLength) {
    return pathLength.isEmpty()
        ? "any number of CAs one below the other"
        : pathLength.getAsInt() == 0
            ? "no CA below it"
            : "at most " + pathLength.getAsInt() + " CAs one below the other";
  }

  private static String names(Optional<NameConstraints> constraints) {
    if (constraints.isEmpty()) {
      return ", for any names";
    }
    List<String> words = new ArrayList<>();
    for (int kind : List.of(GeneralName.dNSName, GeneralName.iPAddress)) {
      String called = kind == GeneralName.dNSName ? "DNS names" : "addresses";
      add(words, called + " only in ", kind, constraints.get().getPermittedSubtrees());
      add(words, "no " + called + " in ", kind, constraints.get().getExcludedSubtrees());
    }
    // RFC 5280 section 4.2.1.10: constraints of one kind of names say nothing of another.
    return ", for " + String.join(", ", words) + ", and any names of kinds that are not named here";
  }

  private static void add(
      List<String> words, String word, int kind, GeneralSubtree @Nullable [] subtrees) {
    if (subtrees != null) {
      List<String> bases =
          Stream.of(subtrees)
              .map(GeneralSubtree::getBase)
              .filter(base -> base.getTagNo() == kind)
              .map(Words::name)
              .toList();
      if (!bases.isEmpty()) {
        words.add(word + String.join(", ", bases));
      }
    }
  }

  private static String name(GeneralName name) {
    return name.getTagNo() == GeneralName.iPAddress
        ? address(ASN1OctetString.getInstance(name.getName()).getOctets())
        : String.valueOf(name.getName());
  }

  // RFC 5280 section 4.2.1.10: the address, then the mask.
  private static String address(byte[] octets) {
    List<String> parts = new ArrayList<>();
    for (byte octet : octets) {
      parts.add(
          octets.length == 8
              ? Integer.toString(octet & 0xff)
              : String.format(Locale.ROOT, "%02x", octet));
    }
    int half = parts.size() / 2;
    String separator = octets.length == 8 ? "." : ":";
    return String.join(separator, parts.subList(0, half))
        + "/"
        + String.join(separator, parts.subList(half, parts.size()));
  }

  /** A certificate that is about to be signed. */
  static String certificate(String item, Der toBeSigned) {
    TBSCertificate certificate = TBSCertificate.getInstance(toBeSigned.bytes());
    BasicConstraints basic = BasicConstraints.fromExtensions(certificate.getExtensions());
    Extension names = certificate.getExtensions().getExtension(Extension.nameConstraints);
    boolean authority = basic != null && basic.isCA();
    OptionalInt pathLength =
        basic == null || basic.getPathLenConstraintInteger() == null
            ? OptionalInt.empty()
            : OptionalInt.of(basic.getPathLenConstraintInteger().intValueExact());
    return """
    %s: a certificate
      subject:      %s
      issuer:       %s
      serial:       %s
      valid:        %s until %s
      key:          SHA-256 %s
      may certify:  %s\
    """
        .formatted(
            item,
            certificate.getSubject(),
            certificate.getIssuer(),
            hexadecimal(certificate.getSerialNumber().getValue()),
            certificate.getStartDate().getDate().toInstant(),
            certificate.getEndDate().getDate().toInstant(),
            publicKey(certificate),
            authority
                ? below(pathLength)
                    + names(
                        Optional.ofNullable(names)
                            .map(found -> NameConstraints.getInstance(found.getParsedValue())))
                : "nothing");
  }

  private static String publicKey(TBSCertificate certificate) {
    try {
      return Digests.sha256(certificate.getSubjectPublicKeyInfo().getEncoded("DER"));
    } catch (IOException e) {
      throw new IllegalStateException("a key that was just written has no encoding", e);
    }
  }

  /** A CRL that is about to be signed. */
  static String crl(String item, BigInteger number, Der toBeSigned) {
    TBSCertList list = TBSCertList.getInstance(toBeSigned.bytes());
    List<String> revoked = new ArrayList<>();
    for (TBSCertList.CRLEntry entry : list.getRevokedCertificates()) {
      revoked.add(
          revoked(
              SerialNumber.of(entry.getUserCertificate().getValue()),
              entry.getRevocationDate().getDate().toInstant(),
              ListVerification.reason(entry)));
    }
    return """
    %s: a CRL
      issuer:       %s
      number:       %d
      valid:        %s until %s
      revoked:      %s\
    """
        .formatted(
            item,
            list.getIssuer(),
            number,
            list.getThisUpdate().getDate().toInstant(),
            list.getNextUpdate().getDate().toInstant(),
            revoked.isEmpty() ? "nothing" : String.join("\n                ", revoked));
  }

  private static String hexadecimal(BigInteger number) {
    return number.toString(16);
  }
}
