package dev.chancery.server.ceremony;

import static dev.chancery.server.ceremony.Verification.require;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.ToBeSigned;
import dev.chancery.server.engine.Issuer;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Map;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.x509.AuthorityKeyIdentifier;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.SubjectKeyIdentifier;
import org.bouncycastle.asn1.x509.TBSCertList;

/** Checks that the CRL of a ceremony is of all that the plan and the transcript revoke. */
final class ListVerification {
  private ListVerification() {}

  /**
   * Checks a list whose signature is the root's.
   *
   * @throws CeremonyRefused for the first thing that is not as the plan says
   */
  static void requireRight(
      ToBeSigned toBeSigned, Issuer issuer, CeremonyPlan plan, TranscriptState state)
      throws CeremonyRefused {
    String item = CeremonyPlan.CRL;
    TBSCertList list = TBSCertList.getInstance(toBeSigned.bytes().bytes());
    CeremonyPlan.RootCrl wanted = plan.crl().orElseThrow();
    require(
        list.getIssuer().equals(issuer.certificate().orElseThrow().getSubject()),
        item + ": not the root's");
    require(
        list.getExtensions() != null && list.getNextUpdate() != null,
        item + ": has no extensions or no end");
    AuthorityKeyIdentifier above = AuthorityKeyIdentifier.fromExtensions(list.getExtensions());
    SubjectKeyIdentifier own =
        SubjectKeyIdentifier.fromExtensions(issuer.certificate().orElseThrow().getExtensions());
    require(
        own == null
            || (above != null
                && Arrays.equals(above.getKeyIdentifierOctets(), own.getKeyIdentifier())),
        item + ": not with the key identifier of the root");
    // What narrows a CRL is critical (RFC 5280 sections 5.2.4 and 5.2.5): this one is of
    // everything.
    require(
        list.getExtensions().getCriticalExtensionOIDs().length == 0,
        item + ": is not of all that the root has signed");
    Extension number = list.getExtensions().getExtension(Extension.cRLNumber);
    require(
        number != null
            && ASN1Integer.getInstance(number.getParsedValue()).getValue().equals(wanted.number()),
        item + ": not the number of the plan");
    Instant begin = list.getThisUpdate().getDate().toInstant();
    require(
        !begin.isBefore(plan.from()) && !begin.isAfter(plan.until()),
        item + ": was not made in the time of the plan");
    TranscriptLine signing = state.signingLine(item).orElseThrow();
    require(
        CeremonyProfiles.isMadeBetween(begin, state.before(signing).time(), signing.time()),
        item + ": does not begin when it was signed");
    require(
        begin.plus(wanted.validity()).equals(list.getNextUpdate().getDate().toInstant()),
        item + ": not as long as the plan says");
    Map<SerialNumber, CertificateStatus.Revoked> expected = TranscriptLedgers.revoked(plan, state);
    TBSCertList.CRLEntry[] entries = list.getRevokedCertificates();
    require(entries.length == expected.size(), item + ": not as many entries as there should be");
    for (TBSCertList.CRLEntry entry : entries) {
      CertificateStatus.Revoked status =
          expected.get(SerialNumber.of(entry.getUserCertificate().getValue()));
      require(
          status != null
              && entry
                  .getRevocationDate()
                  .getDate()
                  .toInstant()
                  .equals(status.at().truncatedTo(ChronoUnit.SECONDS))
              && reason(entry) == status.reason(),
          item + ": an entry is not one that there should be");
    }
  }

  static RevocationReason reason(TBSCertList.CRLEntry entry) {
    return RevocationReason.in(
        entry.hasExtensions() ? entry.getExtensions().getExtension(Extension.reasonCode) : null);
  }
}
