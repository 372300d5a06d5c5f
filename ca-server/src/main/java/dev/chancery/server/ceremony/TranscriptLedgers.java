package dev.chancery.server.ceremony;

import dev.chancery.core.CertificateRecord;
import dev.chancery.core.CertificateStatus;
import dev.chancery.core.CrlLedger;
import dev.chancery.core.CrlName;
import dev.chancery.core.CrlScope;
import dev.chancery.core.Der;
import dev.chancery.core.Digest;
import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Octets;
import dev.chancery.core.PreparedCertificate;
import dev.chancery.core.PreparedCrl;
import dev.chancery.core.PublishedCrl;
import dev.chancery.core.RequestId;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.ToBeSigned;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.net.URI;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.bouncycastle.asn1.x509.TBSCertificate;

/**
 * A ceremony's ledgers: what a database is to the engine elsewhere, the transcript is here. The
 * same cycle runs on it, so that the root's key signs only what stands in the transcript.
 */
final class TranscriptLedgers {
  static final String CERTIFICATE = "certificate";
  static final String LIST = "crl";

  /** Why an item is given up whose signature nobody has. */
  static final String NEVER_COMPLETED = "its signing began and no signature was kept";

  /** Some thousands of entries; a line of a transcript has at most as much. */
  private static final int LONGEST_CRL = 1024 * 1024;

  private final Transcript transcript;
  private final CeremonyPlan plan;
  private final Confirmation confirmation;

  TranscriptLedgers(Transcript transcript, CeremonyPlan plan, Confirmation confirmation) {
    this.transcript = transcript;
    this.plan = plan;
    this.confirmation = confirmation;
  }

  private TranscriptLine lastLine() {
    return transcript.state().lines().getLast();
  }

  /** The rule of the verification, before it is too late. */
  private static void requireMadeNow(String item, boolean isMadeNow) {
    if (!isMadeNow) {
      throw new Confirmation.NotGiven(
          item + " would not begin when it is signed: this machine's clock was set meanwhile");
    }
  }

  private void signing(
      Instant confirmed, String item, String kind, String number, ToBeSigned toBeSigned) {
    byte[] octets = toBeSigned.bytes().bytes();
    transcript.append(
        confirmed,
        new TranscriptEntry.Signing(
            item,
            kind,
            number,
            toBeSigned.scheme().toString(),
            Base64.getEncoder().encodeToString(octets),
            Digests.sha256(octets)));
  }

  private void signed(String item, ToBeSigned toBeSigned, SignatureValue signature, String file) {
    Der whole = toBeSigned.with(signature);
    transcript.append(
        new TranscriptEntry.Signed(
            item,
            Base64.getEncoder().encodeToString(signature.octets()),
            file,
            Digests.sha256(whole.bytes())));
  }

  /** Gives up an item that is in doubt; nothing happens to any other. */
  boolean abandon(String item) {
    return abandon(transcript, item);
  }

  static boolean abandon(Transcript transcript, String item) {
    if (!transcript.state().inDoubt().contains(item)) {
      return false;
    }
    transcript.append(
        new TranscriptEntry.Abandoned(
            item, transcript.state().signing(item).orElseThrow().number(), NEVER_COMPLETED));
    return true;
  }

  static String certificateFile(String item) {
    return item + ".pem";
  }

  static String crlFile() {
    return "root.crl";
  }

  /** The ledger for one certificate of the plan. */
  IssuanceLedger certificate(String item) {
    return new Issuance(item);
  }

  CrlLedger crl() {
    return new Crls();
  }

  RevocationLedger revocations() {
    return new Revocations();
  }

  private final class Issuance extends IssuanceLedger {
    private final String item;

    Issuance(String item) {
      this.item = item;
    }

    @Override
    protected void commit(PreparedCertificate prepared) {
      ToBeSigned toBeSigned = prepared.toBeSigned();
      Instant confirmed =
          confirmation.require(item, Words.certificate(item, toBeSigned.bytes()), toBeSigned);
      TBSCertificate certificate = TBSCertificate.getInstance(toBeSigned.bytes().bytes());
      requireMadeNow(
          item, CeremonyProfiles.isMadeBetween(certificate, lastLine().time(), confirmed));
      signing(confirmed, item, CERTIFICATE, prepared.serial().toString(), toBeSigned);
    }

    @Override
    protected boolean markIssued(PreparedCertificate prepared, SignatureValue signature) {
      signed(item, prepared.toBeSigned(), signature, certificateFile(item));
      return true;
    }

    @Override
    public boolean takeIn(PreparedCertificate prepared, SignatureValue signature) {
      throw new UnsupportedOperationException("a transcript holds what its own ceremony signed");
    }

    // Nothing asks a ceremony later on: the transcript is read instead.
    @Override
    public Optional<CertificateRecord> find(IssuerId issuer, SerialNumber serial) {
      return Optional.empty();
    }

    @Override
    public List<CertificateRecord> find(RequestId request) {
      return List.of();
    }

    @Override
    public List<CertificateRecord> recordedBefore(Instant instant, int limit) {
      return List.of();
    }
  }

  private final class Crls extends CrlLedger {
    @Override
    public BigInteger nextNumber(IssuerId issuer) {
      return plan.crl().orElseThrow().number();
    }

    @Override
    protected Optional<Digest> commit(PreparedCrl prepared) throws IOException {
      ToBeSigned toBeSigned = whole(prepared);
      Instant confirmed =
          confirmation.require(
              CeremonyPlan.CRL,
              Words.crl(CeremonyPlan.CRL, prepared.number(), toBeSigned.bytes()),
              toBeSigned);
      requireMadeNow(
          CeremonyPlan.CRL,
          CeremonyProfiles.isMadeBetween(prepared.thisUpdate(), lastLine().time(), confirmed));
      signing(confirmed, CeremonyPlan.CRL, LIST, prepared.number().toString(), toBeSigned);
      return Optional.of(Digest.of(prepared.scheme(), Octets.of(toBeSigned.bytes().bytes())));
    }

    @Override
    protected boolean markPublished(
        Signed complete, Optional<Signed> delta, Optional<BigInteger> base) {
      try {
        signed(
            CeremonyPlan.CRL,
            whole(complete.recorded().prepared()),
            complete.signature(),
            crlFile());
      } catch (IOException e) {
        throw new UncheckedIOException("a CRL that was read before cannot be read", e);
      }
      return true;
    }

    /** A root's CRL is short, and the transcript holds it in one line. */
    private static ToBeSigned whole(PreparedCrl prepared) throws IOException {
      try (InputStream in = prepared.toBeSigned().open()) {
        byte[] octets = in.readNBytes(LONGEST_CRL + 1);
        if (octets.length > LONGEST_CRL) {
          throw new IOException("a ceremony's CRL has at most " + LONGEST_CRL + " octets");
        }
        return new ToBeSigned(Der.of(octets), prepared.scheme());
      }
    }

    @Override
    public Optional<PublishedCrl> current(CrlName name) {
      return Optional.empty();
    }

    @Override
    public Map<CrlName, BigInteger> currentNumbers() {
      return Map.of();
    }

    @Override
    public BigInteger locationsSince(CrlScope scope) {
      return BigInteger.ZERO;
    }

    @Override
    public Optional<PublishedCrl> base(CrlScope scope) {
      return Optional.empty();
    }

    @Override
    public void addLocation(CrlScope scope, URI location) {
      throw new UnsupportedOperationException("certificates of a ceremony name no CRL of a server");
    }

    @Override
    public List<URI> locations(CrlScope scope) {
      return List.of();
    }

    @Override
    public List<CrlScope> scopes(IssuerId issuer) {
      return List.of(CrlScope.unsharded(issuer));
    }
  }

  private final class Revocations implements RevocationLedger {
    @Override
    public Outcome revoke(Revocation revocation) {
      return giveUp(revocation) ? Outcome.REVOKED : Outcome.NOT_FOUND;
    }

    @Override
    public Abandoned abandon(Revocation revocation) {
      return giveUp(revocation) ? Abandoned.REVOKED : Abandoned.NOT_FOUND;
    }

    /** A root has nothing on hold: what a ceremony gives up or revokes is so for good. */
    @Override
    public Released release(IssuerId issuer, SerialNumber serial, String by) {
      return Released.NOT_HELD;
    }

    private boolean giveUp(Revocation revocation) {
      String serial = revocation.serial().toString();
      TranscriptState state = transcript.state();
      return state.inDoubt().stream()
          .filter(item -> state.signing(item).orElseThrow().number().equals(serial))
          .findFirst()
          .map(TranscriptLedgers.this::abandon)
          .orElse(false);
    }

    @Override
    public CertificateStatus status(IssuerId issuer, SerialNumber serial) {
      return new CertificateStatus.Unknown();
    }

    @Override
    public boolean anyRecorded(CrlScope scope, Instant after, Instant until) {
      return false;
    }

    @Override
    public void forEachRevoked(CrlScope scope, Instant expiringAfter, Consumer<Entry> consumer) {
      revoked(plan, transcript.state())
          .forEach((serial, status) -> consumer.accept(new Entry(serial, status)));
    }

    @Override
    public List<SerialNumber> released(CrlScope scope, Optional<SerialNumber> after, int most) {
      return List.of();
    }

    @Override
    public void forgetReleases(CrlScope scope, Instant before) {
      // Nothing is ever released here.
    }
  }

  /** What the root's CRL must hold: what the plan revokes, and what was given up. */
  static SortedMap<SerialNumber, CertificateStatus.Revoked> revoked(
      CeremonyPlan plan, TranscriptState state) {
    SortedMap<SerialNumber, CertificateStatus.Revoked> revoked = new TreeMap<>();
    for (CeremonyPlan.Revoked entry : plan.crl().orElseThrow().revoked()) {
      revoked.put(
          entry.serial(),
          new CertificateStatus.Revoked(entry.at(), entry.reason(), Optional.empty()));
    }
    for (TranscriptLine line : state.lines()) {
      if (line.entry() instanceof TranscriptEntry.Abandoned entry
          && state.signing(entry.item()).orElseThrow().kind().equals(CERTIFICATE)) {
        revoked.put(
            SerialNumber.of(new BigInteger(entry.number(), 16)),
            new CertificateStatus.Revoked(
                line.time(), RevocationReason.UNSPECIFIED, Optional.empty()));
      }
    }
    return revoked;
  }
}
