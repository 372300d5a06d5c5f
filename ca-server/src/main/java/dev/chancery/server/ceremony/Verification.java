package dev.chancery.server.ceremony;

import dev.chancery.core.BouncyCastle;
import dev.chancery.core.Der;
import dev.chancery.core.Refused;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.ToBeSigned;
import dev.chancery.server.ConfigurationInvalid;
import dev.chancery.server.engine.CaCertificates;
import dev.chancery.server.engine.Issuer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.Signature;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.asn1.x509.TBSCertificate;
import org.bouncycastle.cert.X509CertificateHolder;

/**
 * Checks a finished ceremony again from its directory alone, on any machine: that the witnesses
 * signed plan and transcript, and that what was signed is what the plan says and nothing else.
 */
final class Verification {
  /**
   * A ceremony that was found right.
   *
   * @param planDigest to be compared with the one on paper: whoever made another plan, with other
   *     witnesses, could have made another ceremony that is right by itself
   * @param rehearsalDigest as well: it is signed by who signs the manifest, and nobody else
   * @param root empty when the ceremony was to make one, and ended late without it
   */
  record Verified(
      CeremonyPlan plan,
      String planDigest,
      String rehearsalDigest,
      TranscriptState state,
      Optional<X509CertificateHolder> root) {
    X509CertificateHolder certificate(String item) {
      return Results.certificate(state, item);
    }
  }

  private final Source files;
  private final CeremonyPlan plan;
  private final String planDigest;
  private final TranscriptState state;

  private Verification(Source files, CeremonyPlan plan, String planDigest, TranscriptState state) {
    this.files = files;
    this.plan = plan;
    this.planDigest = planDigest;
    this.state = state;
  }

  /**
   * Checks the directory of a real ceremony.
   *
   * @param carried whether it came from another machine: then its manifest must be signed, and
   *     nothing that is not in it is read
   * @throws CeremonyRefused for the first thing that is wrong
   */
  static Verified verify(Folder folder, boolean carried)
      throws CeremonyRefused, ConfigurationInvalid {
    Source files = folder;
    Optional<Manifest> manifest = Optional.empty();
    if (carried || folder.has(Manifest.FILE)) {
      manifest = Optional.of(Manifest.read(folder));
      files = manifest.get();
    }
    byte[] octets = files.read(CeremonyPlan.FILE);
    CeremonyPlan plan = PlanFile.read(folder.path(CeremonyPlan.FILE), octets, false);
    if (manifest.isPresent()) {
      manifest.get().requireSigned(plan.witnesses());
      manifest.get().requireWhole();
    }
    TranscriptState state = TranscriptState.of(files.read(Transcript.FILE));
    Verification verification = new Verification(files, plan, Digests.sha256(octets), state);
    try {
      verification.run();
    } catch (IllegalArgumentException
        | IllegalStateException
        | ArithmeticException
        | NoSuchElementException e) {
      // What the transcript holds was not written by this program.
      throw new CeremonyRefused("the transcript holds something malformed: " + e.getMessage());
    }
    return new Verified(
        plan,
        verification.planDigest,
        Digests.sha256(files.read(Ceremony.REHEARSAL_FILE)),
        state,
        verification.rootCertificate());
  }

  /**
   * Checks a ceremony that has just come to its end, before its witnesses sign the transcript: by
   * the same rules, so that they never sign one that nobody will take.
   */
  static void requireRight(
      Source files, CeremonyPlan plan, String planDigest, TranscriptState state)
      throws CeremonyRefused {
    new Verification(files, plan, planDigest, state).requireRight();
  }

  /**
   * Checks by the same rules what a rehearsal has made: what nobody could verify of the real
   * ceremony is refused while nothing is lost.
   *
   * @param files what the rehearsal was given
   * @param plan as it was read for the rehearsal
   */
  static void requireRehearsed(
      Source files, CeremonyPlan plan, String planDigest, TranscriptState state)
      throws CeremonyRefused {
    CeremonyPlan rehearsed;
    try {
      rehearsed =
          Rehearsal.plan(
              plan, EarlierRoots.certificate(plan, files), state.lines().getFirst().time());
    } catch (Refused e) {
      throw new CeremonyRefused("the root: " + e.getMessage());
    }
    new Verification(files, rehearsed, planDigest, state).requireSigned();
  }

  private void run() throws CeremonyRefused {
    plan.witnesses().require(files, CeremonyPlan.FILE, Witnesses.Purpose.PLAN);
    plan.witnesses().require(files, Transcript.FILE, Witnesses.Purpose.TRANSCRIPT);
    requireRight();
  }

  private void requireRight() throws CeremonyRefused {
    // 1. That it is this plan's ceremony, whole, rehearsed, in its time, on its token.
    TranscriptEntry.Begun begun =
        state.begun().orElseThrow(() -> new CeremonyRefused("the transcript is empty"));
    require(begun.mode().equals(TranscriptEntry.REAL), "this is a rehearsal");
    require(state.isCompleted(), "the ceremony did not come to its end");
    require(begun.ceremony().equals(plan.name()), "the transcript is of another ceremony");
    require(begun.plan().equals(planDigest), "the transcript is of another plan");
    Acts.requirePermitted(plan, planDigest, state, files.read(Ceremony.REHEARSAL_FILE));
    require(begun.inputs().equals(plan.digests()), "the transcript has not the inputs of the plan");
    for (CeremonyPlan.Input input : plan.inputs()) {
      byte[] _ = input.read(files);
    }
    requireToken();
    requireEnd();

    // 2. That what was signed is what the plan says, and nothing else.
    requireSigned();

    // 3. That the files are copies of what the transcript holds.
    for (String item : state.made()) {
      TranscriptEntry.Signed signed = state.signed(item).orElseThrow();
      require(
          Arrays.equals(files.read(signed.file()), Results.file(state, item)),
          signed.file() + ": not what was signed");
    }
    byte[] page = TranscriptPage.of(state, plan).getBytes(StandardCharsets.UTF_8);
    require(
        Arrays.equals(files.read(TranscriptPage.FILE), page),
        TranscriptPage.FILE + ": not the page of this transcript");
  }

  private void requireSigned() throws CeremonyRefused {
    Optional<X509CertificateHolder> root = rootCertificate();
    try {
      if (root.isPresent()) {
        requireItems(root.get());
      } else {
        requireWithoutRoot();
      }
    } catch (Refused e) {
      throw new CeremonyRefused("the root: " + e.getMessage());
    }
  }

  static void require(boolean condition, String complaint) throws CeremonyRefused {
    if (!condition) {
      throw new CeremonyRefused(complaint);
    }
  }

  private void requireToken() throws CeremonyRefused {
    for (TranscriptLine line : state.lines()) {
      if (line.entry() instanceof TranscriptEntry.Opened token) {
        require(
            token.label().equals(plan.token().label())
                && plan.token().serial().map(token.serial()::equals).orElse(true),
            "the token was \"%s\" with serial number %s, not that of the plan"
                .formatted(token.label(), token.serial()));
      }
    }
    require(
        state.initializing().isPresent() == plan.token().initialize(),
        "the token was initialized against the plan, or not");
    require(
        plan.token().marked() ? !state.isUnmarked() : state.marking().isEmpty(),
        "the token was marked against the plan, or not");
  }

  /** Only a ceremony whose plan expired leaves something of it, and then all that is left. */
  private void requireEnd() throws CeremonyRefused {
    for (TranscriptLine line : state.lines()) {
      if (line.entry() instanceof TranscriptEntry.Late late) {
        require(
            late.until().equals(plan.until().toString()) && line.time().isAfter(plan.until()),
            "it says that it was late, and the plan had not expired, at line " + line.number());
      }
    }
    if (state.late().isPresent()) {
      require(
          state.notMade().equals(LateEnd.left(plan, state)),
          "what it says was not made is not what is left of the plan");
    }
    Set<String> planned = Set.copyOf(plan.all());
    for (String item : state.items()) {
      require(planned.contains(item), item + " was signed, and the plan has no such item");
    }
    require(
        plan.root() instanceof CeremonyPlan.NewRoot || !state.items().contains(CeremonyPlan.ROOT),
        "a root was made, and the plan has one");
  }

  private void requireItems(X509CertificateHolder root) throws CeremonyRefused, Refused {
    SubjectPublicKey key = SubjectPublicKey.of(root.getSubjectPublicKeyInfo());
    requireRoot(key);
    Issuer issuer =
        Issuer.of(Ceremony.ROOT, root, List.of(List.of()), Optional.empty(), plan.urls());
    for (CeremonyPlan.Item item : plan.items()) {
      if (!state.notMade().contains(item.name())) {
        requireItem(item, issuer, key);
      }
    }
    if (plan.crl().isPresent() && !state.notMade().contains(CeremonyPlan.CRL)) {
      ToBeSigned list = toBeSigned(CeremonyPlan.CRL, key, TranscriptLedgers.LIST);
      ListVerification.requireRight(list, issuer, plan, state);
    }
  }

  /** Without its root a ceremony has made nothing, though it may have given that up. */
  private void requireWithoutRoot() throws CeremonyRefused, Refused {
    for (String item : state.items()) {
      require(item.equals(CeremonyPlan.ROOT), item + " was signed, and there was no root");
      String made = state.generated().orElseThrow().publicKey();
      requireRoot(
          SubjectPublicKey.of(SubjectPublicKeyInfo.getInstance(Base64.getDecoder().decode(made))));
    }
  }

  /** Empty when a ceremony that ended late has not made it. */
  private Optional<X509CertificateHolder> rootCertificate() throws CeremonyRefused {
    Optional<X509CertificateHolder> earlier = EarlierRoots.certificate(plan, files);
    if (earlier.isPresent()) {
      return earlier;
    }
    boolean made = state.made().contains(CeremonyPlan.ROOT);
    require(made || state.late().isPresent(), "no root was made");
    return made ? Optional.of(Results.certificate(state, CeremonyPlan.ROOT)) : Optional.empty();
  }

  private void requireRoot(SubjectPublicKey key) throws CeremonyRefused {
    if (plan.root() instanceof CeremonyPlan.NewRoot root) {
      String encoded = Base64.getEncoder().encodeToString(key.encoded().bytes());
      require(
          state.generated().filter(made -> made.publicKey().equals(encoded)).isPresent(),
          "the root has not the key that was made");
      require(
          state.generated().orElseThrow().keyId().equals(root.keyId().hex()),
          "the root's key has not the plan's CKA_ID");
      ToBeSigned toBeSigned = toBeSigned(CeremonyPlan.ROOT, key, TranscriptLedgers.CERTIFICATE);
      requireNone(
          CeremonyPlan.ROOT,
          CaCertificates.rootFindings(toBeSigned, CeremonyProfiles.of(root), key, root.subject()));
      requireSubject(CeremonyPlan.ROOT, toBeSigned, root.subject(), key, root.notAfter());
    }
  }

  private void requireItem(CeremonyPlan.Item item, Issuer issuer, SubjectPublicKey rootKey)
      throws CeremonyRefused {
    Keys.Subject subject = subject(item);
    ToBeSigned toBeSigned = toBeSigned(item.name(), rootKey, TranscriptLedgers.CERTIFICATE);
    requireNone(
        item.name(),
        CaCertificates.findings(
            toBeSigned,
            issuer,
            CeremonyProfiles.of(item, plan.urls(), subject),
            subject.key(),
            subject.name()));
    requireSubject(item.name(), toBeSigned, subject.name(), subject.key(), item.notAfter());
  }

  private Keys.Subject subject(CeremonyPlan.Item item) throws CeremonyRefused {
    Keys.Subject subject = Keys.of(item, files);
    return state.begun().orElseThrow().mode().equals(TranscriptEntry.REHEARSAL)
        ? Rehearsal.marked(subject)
        : subject;
  }

  /**
   * What was signed for an item, or given up: the key may have signed that too, so it is held
   * against the plan like all else.
   */
  private ToBeSigned toBeSigned(String item, SubjectPublicKey key, String kind)
      throws CeremonyRefused {
    Optional<TranscriptEntry.Abandoned> abandoned = state.abandoned(item);
    if (abandoned.isEmpty()) {
      return signed(item, key, kind);
    }
    require(
        abandoned.get().number().equals(state.signing(item).orElseThrow().number()),
        item + ": not the serial number that was written down");
    return begun(item, kind);
  }

  private static String serial(ToBeSigned toBeSigned) {
    return SerialNumber.of(
            TBSCertificate.getInstance(toBeSigned.bytes().bytes()).getSerialNumber().getValue())
        .toString();
  }

  private static void requireNone(String item, List<String> findings) throws CeremonyRefused {
    require(findings.isEmpty(), item + ": " + String.join("; ", findings));
  }

  private void requireSubject(
      String item, ToBeSigned toBeSigned, X500Name subject, SubjectPublicKey key, Instant notAfter)
      throws CeremonyRefused {
    TBSCertificate certificate = TBSCertificate.getInstance(toBeSigned.bytes().bytes());
    require(certificate.getSubject().equals(subject), item + ": not the subject of the plan");
    require(
        certificate
            .getSubjectPublicKeyInfo()
            .equals(SubjectPublicKeyInfo.getInstance(key.encoded().bytes())),
        item + ": not the key of the plan");
    require(
        certificate.getEndDate().getDate().toInstant().equals(notAfter),
        item + ": does not end when the plan says");
    TranscriptLine signing = state.signingLine(item).orElseThrow();
    require(
        CeremonyProfiles.isMadeBetween(certificate, state.before(signing).time(), signing.time()),
        item + ": does not begin when it was signed");
  }

  /** What was to be signed for an item, after it was held against its line. */
  private ToBeSigned begun(String item, String kind) throws CeremonyRefused {
    TranscriptEntry.Signing signing =
        state
            .signing(item)
            .orElseThrow(() -> new CeremonyRefused(item + " was not signed, and the plan has it"));
    ToBeSigned toBeSigned = Results.toBeSigned(signing);
    require(signing.kind().equals(kind), item + " is no " + kind);
    require(
        Digests.sha256(toBeSigned.bytes().bytes()).equals(signing.digest()),
        item + ": the digest of what was to be signed is wrong");
    if (kind.equals(TranscriptLedgers.CERTIFICATE)) {
      require(
          serial(toBeSigned).equals(signing.number()),
          item + ": not the serial number that was written down");
    } else {
      // What is in the list is held against the plan too; an import goes by the line.
      require(
          signing.number().equals(plan.crl().orElseThrow().number().toString()),
          item + ": the number that was written down is not the plan's");
    }
    return toBeSigned;
  }

  /** What was signed for an item, after its signature and digests were checked. */
  private ToBeSigned signed(String item, SubjectPublicKey key, String kind) throws CeremonyRefused {
    ToBeSigned toBeSigned = begun(item, kind);
    TranscriptEntry.Signed signed =
        state.signed(item).orElseThrow(() -> new CeremonyRefused(item + " has no signature"));
    require(
        verifies(toBeSigned, key, Results.signature(signed).octets()),
        item + ": the root did not sign it");
    Der finished = Results.finished(state, item);
    require(
        Digests.sha256(finished.bytes()).equals(signed.digest()),
        item + ": the digest of what was signed is wrong");
    require(
        signed
            .file()
            .equals(
                kind.equals(TranscriptLedgers.LIST)
                    ? TranscriptLedgers.crlFile()
                    : TranscriptLedgers.certificateFile(item)),
        item + ": not the file's name");
    return toBeSigned;
  }

  private static boolean verifies(ToBeSigned toBeSigned, SubjectPublicKey key, byte[] octets) {
    try {
      Signature signature =
          Signature.getInstance(toBeSigned.scheme().jcaName(), BouncyCastle.PROVIDER);
      signature.initVerify(key.key());
      signature.update(toBeSigned.bytes().bytes());
      return signature.verify(octets);
    } catch (GeneralSecurityException e) {
      return false;
    }
  }
}
