package dev.chancery.server.ceremony;

import dev.chancery.core.Approval;
import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Octets;
import dev.chancery.core.PreparedCertificate;
import dev.chancery.core.PreparedCrl;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Refused;
import dev.chancery.core.RequestId;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.core.ToBeSigned;
import java.io.IOException;
import java.math.BigInteger;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.bouncycastle.asn1.x509.TBSCertList;
import org.bouncycastle.asn1.x509.TBSCertificate;
import org.bouncycastle.cert.X509CRLHolder;
import org.bouncycastle.cert.X509CertificateHolder;

/** What a verified ceremony has made. */
public final class Outcome {
  private final Verification.Verified verified;

  Outcome(Verification.Verified verified) {
    this.verified = verified;
  }

  /** The ceremony's name. */
  public String ceremony() {
    return verified.plan().name();
  }

  /** The SHA-256 digest of the plan, to be compared with the one on paper. */
  public String planDigest() {
    return verified.planDigest();
  }

  /**
   * The SHA-256 digest of the transcript of the rehearsal, which decides what program may be run;
   * to be compared with the one on paper.
   */
  public String rehearsalDigest() {
    return verified.rehearsalDigest();
  }

  /** The digest of the last line of the transcript, which stands for all of them. */
  public String transcriptDigest() {
    return verified.state().lastDigest();
  }

  /** The names of what was signed. */
  public List<String> made() {
    return verified.state().made();
  }

  /** The names of what was given up. */
  public List<String> abandoned() {
    return verified.state().abandoned();
  }

  /**
   * The serial numbers of the certificates that were given up: the root may have signed them, so
   * its CRLs are to revoke them.
   */
  public List<SerialNumber> givenUp() {
    return abandonedCertificates().stream().map(Results::toBeSigned).map(Outcome::serial).toList();
  }

  private List<TranscriptEntry.Signing> abandonedCertificates() {
    return abandoned().stream()
        .map(item -> verified.state().signing(item).orElseThrow())
        .filter(signing -> signing.kind().equals(TranscriptLedgers.CERTIFICATE))
        .toList();
  }

  private static SerialNumber serial(ToBeSigned toBeSigned) {
    return SerialNumber.of(
        TBSCertificate.getInstance(toBeSigned.bytes().bytes()).getSerialNumber().getValue());
  }

  /**
   * What of the plan was not made, since that expired before; empty unless {@link #isLate}. None of
   * it ever will be: a ceremony of another plan makes it.
   */
  public List<String> notMade() {
    return verified.state().notMade();
  }

  /** Whether the plan expired before the ceremony was at its end. */
  public boolean isLate() {
    return verified.state().late().isPresent();
  }

  /** The end that it came to, in words. */
  public String end() {
    return verified
        .state()
        .late()
        .map(late ->
            "late: the plan expired at %s before its end; %s"
                .formatted(late.until(), Words.notMade(notMade())))
        .orElse("complete");
  }

  /**
   * What the plan gave up of what keeps it from being held twice; empty when it gave up nothing.
   */
  public Optional<String> withoutMark() {
    return verified.plan().token().marked() ? Optional.empty() : Optional.of(CeremonyMark.GIVEN_UP);
  }

  /** Whether there is a root: one that ended late before it was made has nothing to be imported. */
  public boolean hasRoot() {
    return verified.root().isPresent();
  }

  /** The root that signed, which there must be. */
  public X509CertificateHolder root() {
    return verified.root().orElseThrow();
  }

  /** The certificate that was made for a key. */
  public Optional<X509CertificateHolder> certificate(SubjectPublicKey key) {
    return certificates().stream()
        .map(verified::certificate)
        .filter(certificate -> isOf(certificate, key))
        .findFirst();
  }

  private static boolean isOf(X509CertificateHolder certificate, SubjectPublicKey key) {
    try {
      return SubjectPublicKey.of(certificate.getSubjectPublicKeyInfo()).equals(key);
    } catch (Refused e) {
      return false;
    }
  }

  private List<String> certificates() {
    return made().stream().filter(item -> !item.equals(CeremonyPlan.CRL)).toList();
  }

  /** The CRL that was made; empty when the plan has none, or it was given up. */
  public Optional<X509CRLHolder> crl() {
    if (!made().contains(CeremonyPlan.CRL)) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          new X509CRLHolder(Results.finished(verified.state(), CeremonyPlan.CRL).bytes()));
    } catch (IOException e) {
      throw new IllegalStateException("a verified CRL cannot be read", e);
    }
  }

  /** The number of the CRL when it was given up: the root may have signed a list with it. */
  public Optional<BigInteger> givenUpCrlNumber() {
    return abandoned().contains(CeremonyPlan.CRL) ? Optional.of(crlNumber()) : Optional.empty();
  }

  /** The number that the plan has for the CRL, made or not; empty when it wants none. */
  public Optional<BigInteger> plannedCrlNumber() {
    return verified.plan().crl().map(CeremonyPlan.RootCrl::number);
  }

  /** The number of the CRL, which there must be, made or given up. */
  public BigInteger crlNumber() {
    return new BigInteger(verified.state().signing(CeremonyPlan.CRL).orElseThrow().number());
  }

  /**
   * Makes the ledgers of a server know what was signed; what they know is left alone.
   *
   * @param root the root's name there, which the ledgers must know
   * @return how many certificates they did not know
   */
  public int recordIn(IssuanceLedger issuance, IssuerId root, TimeOrderedIds ids) {
    int taken = 0;
    for (String item : certificates()) {
      // Signed already, elsewhere and under another ledger: that is the transcript.
      if (issuance.takeIn(prepared(item, root, ids), signature(item))) {
        taken++;
      }
    }
    return taken;
  }

  /**
   * Makes the ledgers of a server know as revoked what was given up, so that every later CRL of the
   * root must have it.
   *
   * @param root the root's name there, which the ledgers must know
   * @return the serial numbers
   */
  public List<SerialNumber> recordGivenUpIn(
      IssuanceLedger issuance, RevocationLedger revocations, IssuerId root, TimeOrderedIds ids) {
    for (TranscriptLine line : verified.state().lines()) {
      if (line.entry() instanceof TranscriptEntry.Abandoned(var item, var _, var _)
          && !item.equals(CeremonyPlan.CRL)) {
        SerialNumber serial = serial(toBeSigned(item));
        if (issuance.find(root, serial).isEmpty()) {
          // Never completed here: nobody has a signature.
          IssuanceLedger.Recorded _ = issuance.record(prepared(item, root, ids));
        }
        RevocationLedger.Outcome _ =
            revocations.revoke(
                new Revocation(
                    root,
                    serial,
                    RevocationReason.UNSPECIFIED,
                    line.time(),
                    Optional.empty(),
                    "ceremony " + ceremony()));
      }
    }
    return givenUp();
  }

  /** The serial numbers of all that its root has signed, or may have: made, or given up. */
  public List<SerialNumber> serials() {
    return Stream.concat(
            certificates().stream().map(this::toBeSigned).map(Outcome::serial), givenUp().stream())
        .toList();
  }

  /** The signature of the CRL, which there must be. */
  public SignatureValue crlSignature() {
    return signature(CeremonyPlan.CRL);
  }

  private ToBeSigned toBeSigned(String item) {
    return Results.toBeSigned(verified.state().signing(item).orElseThrow());
  }

  private SignatureValue signature(String item) {
    return Results.signature(verified.state().signed(item).orElseThrow());
  }

  private PreparedCertificate prepared(String item, IssuerId root, TimeOrderedIds ids) {
    ToBeSigned toBeSigned = toBeSigned(item);
    TBSCertificate certificate = TBSCertificate.getInstance(toBeSigned.bytes().bytes());
    try {
      return new PreparedCertificate(
          root,
          serial(toBeSigned),
          new ProfileId("ceremony-" + item),
          certificate.getStartDate().getDate().toInstant(),
          certificate.getEndDate().getDate().toInstant(),
          SubjectPublicKey.of(certificate.getSubjectPublicKeyInfo()),
          new Approval.Infrastructure("ceremony " + ceremony(), new RequestId(ids.next())),
          toBeSigned);
    } catch (Refused e) {
      throw new IllegalStateException("a verified certificate has no key", e);
    }
  }

  /**
   * The CRL, which there must be, as it was before it was signed.
   *
   * @param root the root's name in the ledgers of a server
   */
  public PreparedCrl preparedCrl(IssuerId root) {
    ToBeSigned toBeSigned = toBeSigned(CeremonyPlan.CRL);
    TBSCertList list = TBSCertList.getInstance(toBeSigned.bytes().bytes());
    return new PreparedCrl(
        CrlScope.unsharded(root),
        crlNumber(),
        Optional.empty(),
        list.getThisUpdate().getDate().toInstant(),
        list.getNextUpdate().getDate().toInstant(),
        toBeSigned.scheme(),
        Octets.of(toBeSigned.bytes().bytes()));
  }
}
