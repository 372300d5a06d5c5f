package dev.chancery.server.ceremony;

import dev.chancery.core.CrlScope;
import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Profile;
import dev.chancery.core.Refused;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import dev.chancery.crl.CrlIssuer;
import dev.chancery.crl.CrlPublisher;
import dev.chancery.crl.CrlSettings;
import dev.chancery.crl.CrlShelf;
import dev.chancery.hsm.IssuerKey;
import dev.chancery.hsm.Token;
import dev.chancery.hsm.TokenUnusable;
import dev.chancery.server.ConfigurationInvalid;
import dev.chancery.server.engine.CaCertificates;
import dev.chancery.server.engine.Issuer;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bouncycastle.cert.X509CertificateHolder;

/**
 * A root's ceremony, real or rehearsed: one method from the plan to the last signature. It can be
 * ended at any point, by anything; run again it goes on, and no item is signed twice
 * (docs/ceremony.md).
 */
final class Ceremony {
  static final IssuerId ROOT = new IssuerId("root");

  /**
   * The transcript of the rehearsal, beside the plan and among the results of the real ceremony.
   */
  static final String REHEARSAL_FILE = "rehearsal.jsonl";

  /** 128 bits: nobody makes another plan that begins so. */
  private static final int TYPED_DIGITS = 32;

  /**
   * Where everything is.
   *
   * @param in the directory that was carried here: plan, requests, the transcript of the rehearsal,
   *     signatures, manifest; a rehearsal puts that transcript there
   * @param out the directory of this ceremony's transcript and results
   * @param isRehearsal whether this is one
   */
  record Places(Folder in, Folder out, boolean isRehearsal) {}

  private final Places places;
  private final RootToken.Access access;
  private final Machine machine;
  private final Console console;
  private final Clock clock;
  private final SecureRandom random;
  private final Transcript.Disk disk;

  Ceremony(
      Places places,
      RootToken.Access access,
      Machine machine,
      Console console,
      Clock clock,
      SecureRandom random,
      Transcript.Disk disk) {
    this.places = places;
    this.access = access;
    this.machine = machine;
    this.console = console;
    this.clock = clock;
    this.random = random;
    this.disk = disk;
  }

  private boolean isRehearsal() {
    return places.isRehearsal();
  }

  /**
   * Runs the ceremony to its end.
   *
   * @throws CeremonyRefused when something is not as the plan wants it; the transcript says so
   */
  void run() throws CeremonyRefused, ConfigurationInvalid, TokenUnusable, TokenAway, Refused {
    // 1. The plan, out of the manifest. Without one there is nothing to write down.
    Manifest inputs = Manifest.read(places.in());
    byte[] octets = inputs.read(CeremonyPlan.FILE);
    String digest = Digests.sha256(octets);
    CeremonyPlan plan = PlanFile.read(places.in().path(CeremonyPlan.FILE), octets, isRehearsal());

    // 2. The transcript, from which everything else goes on; what is refused is written there.
    places.out().make();
    try (Transcript transcript = Transcript.open(places.out(), clock, disk)) {
      requireClock(transcript);
      Delivery delivery = new Delivery(places, console);
      if (transcript.state().isCompleted()) {
        delivery.make(transcript.state(), inputs, digest);
        return;
      }
      LateEnd end = new LateEnd(plan, digest, console, clock);
      Optional<Instant> late =
          !isRehearsal() && end.isDue(transcript.state())
              ? Optional.of(end.confirm(transcript.state()))
              : Optional.empty();
      try {
        begin(transcript, plan, digest);
        if (late.isPresent()) {
          end.make(transcript, inputs, late.get());
        } else {
          confirmed(transcript, plan, digest, inputs);
        }
        delivery.make(transcript.state(), inputs, digest);
      } catch (CeremonyRefused | ConfigurationInvalid | TokenUnusable | TokenAway | Refused e) {
        if (transcript.state().begun().isPresent() && !transcript.state().isCompleted()) {
          transcript.append(new TranscriptEntry.Refusal(String.valueOf(e.getMessage())));
        }
        throw e;
      }
    }
  }

  private void confirmed(Transcript transcript, CeremonyPlan plan, String digest, Manifest inputs)
      throws CeremonyRefused, TokenUnusable, TokenAway, Refused {
    try {
      perform(transcript, plan, digest, inputs);
    } catch (Confirmation.NotGiven | Transcript.ClockSetBack e) {
      throw new CeremonyRefused(String.valueOf(e.getMessage()));
    }
  }

  private void requireClock(Transcript transcript) throws CeremonyRefused {
    List<TranscriptLine> lines = transcript.state().lines();
    if (!lines.isEmpty() && clock.instant().isBefore(lines.getLast().time())) {
      throw new CeremonyRefused(
          "this machine's clock is before the last line of the transcript, "
              + lines.getLast().time()
              + (transcript.state().actedUnder().isPresent()
                  ? ""
                  : "; nothing was done with the token, so that another --out may be taken"));
    }
  }

  private void begin(Transcript transcript, CeremonyPlan plan, String digest)
      throws CeremonyRefused {
    Optional<TranscriptEntry.Begun> begun = transcript.state().begun();
    if (begun.isEmpty()) {
      transcript.append(
          new TranscriptEntry.Begun(
              plan.name(),
              isRehearsal() ? TranscriptEntry.REHEARSAL : TranscriptEntry.REAL,
              digest,
              machine.tool(),
              machine.distribution(),
              plan.digests(),
              machine.networkInterfaces()));
      return;
    }
    transcript.append(
        new TranscriptEntry.Resumed(
            machine.tool(),
            machine.distribution(),
            transcript.dropped(),
            machine.networkInterfaces()));
    requireSame(begun.get(), digest);
    console.say("This ceremony was begun before. So far:");
    transcript.state().made().forEach(item -> console.say("  signed:   " + item));
    transcript.state().abandoned().forEach(item -> console.say("  given up: " + item));
  }

  private void requireSame(TranscriptEntry.Begun begun, String digest) throws CeremonyRefused {
    String mode = isRehearsal() ? TranscriptEntry.REHEARSAL : TranscriptEntry.REAL;
    if (!begun.mode().equals(mode)) {
      throw new CeremonyRefused("what was begun here is a " + begun.mode() + ", not a " + mode);
    }
    if (!begun.plan().equals(digest)) {
      throw new CeremonyRefused(
          "the plan is not the one that this ceremony was begun with: that has SHA-256 "
              + begun.plan());
    }
    // In a real one the rehearsal decides, and may have been shown to another program before.
    if (isRehearsal() && !begun.distribution().equals(machine.distribution())) {
      throw new CeremonyRefused("this is not the distribution that the rehearsal was begun with");
    }
  }

  private void perform(Transcript transcript, CeremonyPlan plan, String digest, Manifest inputs)
      throws CeremonyRefused, TokenUnusable, TokenAway, Refused {
    // 1. What can be refused before a token is touched.
    Admission.Admitted admitted =
        new Admission(isRehearsal(), machine, clock, random)
            .require(transcript, plan, digest, inputs);

    // 2. What an ended run left in doubt is given up: it may have been signed once already.
    TranscriptLedgers ledgers =
        new TranscriptLedgers(transcript, plan, new Confirmation(console, clock, plan.until()));
    for (String item : transcript.state().inDoubt()) {
      console.say(item + ": the last run ended while it was being signed; it is given up.");
      ledgers.abandon(item);
    }

    // 3. The people agree to the plan.
    Words.plan(plan).forEach(console::say);
    if (!isRehearsal()) {
      console.say(
          "The rehearsal's SHA-256 is %s: compare it with the one on your paper."
              .formatted(admitted.rehearsal()));
    }
    console.say("The plan's SHA-256 is " + digest);
    if (!console
        .ask("type its first %d digits, from your paper: ".formatted(TYPED_DIGITS))
        .replace(" ", "")
        .equals(digest.substring(0, TYPED_DIGITS))) {
      throw new CeremonyRefused("what was typed is not the beginning of the plan's digest");
    }
    transcript.append(new TranscriptEntry.Approved(digest, admitted.rehearsal()));

    // 4. The token, which is this transcript's from then on, and the root's key.
    Optional<X509CertificateHolder> earlier = admitted.earlierRoot();
    CeremonyPlan held = held(transcript, plan, earlier);
    CeremonyPlan.Root root = held.root();
    RootToken rootToken = RootToken.of(access, held.token(), transcript);
    try (Token token = rootToken.open()) {
      if (plan.token().marked()) {
        rootToken.mark(new CeremonyMark(transcript, digest, random));
      } else if (!transcript.state().isUnmarked()) {
        transcript.append(new TranscriptEntry.Unmarked(digest));
      }
      SubjectPublicKey publicKey =
          switch (root) {
            case CeremonyPlan.NewRoot made -> rootToken.key(token, made.keyId(), made.algorithm());
            case CeremonyPlan.EarlierRoot _ ->
                SubjectPublicKey.of(earlier.orElseThrow().getSubjectPublicKeyInfo());
          };
      SigningScheme scheme = SigningScheme.of(publicKey.algorithm(), false);
      IssuerKey key = token.issuerKey(root.keyId(), publicKey, scheme);

      // 5. The root, and what it certifies: recorded, signed and verified one by one.
      X509CertificateHolder certificate =
          root instanceof CeremonyPlan.NewRoot made
              ? root(transcript, ledgers, made, key)
              : earlier.orElseThrow();
      Issuer issuer =
          Issuer.of(ROOT, certificate, List.of(List.of()), Optional.of(key), plan.urls());
      for (Map.Entry<CeremonyPlan.Item, Keys.Subject> each : admitted.subjects().entrySet()) {
        certify(transcript, ledgers, issuer, each.getKey(), each.getValue());
      }

      // 6. Its CRL last, since that revokes what was given up.
      if (plan.crl().isPresent() && isLeft(transcript, CeremonyPlan.CRL)) {
        CrlSettings settings =
            new CrlSettings(plan.crl().get().validity(), plan.crl().get().validity().dividedBy(2));
        CrlIssuer crlIssuer =
            new CrlIssuer(
                ROOT, certificate, token.crlKey(root.keyId(), publicKey, scheme), settings);
        publish(ledgers, crlIssuer);
      }
    }
    transcript.append(
        new TranscriptEntry.Completed(transcript.state().made(), transcript.state().abandoned()));
  }

  private static boolean isLeft(Transcript transcript, String item) {
    return transcript.state().signing(item).isEmpty();
  }

  private X509CertificateHolder root(
      Transcript transcript, TranscriptLedgers ledgers, CeremonyPlan.NewRoot root, IssuerKey key)
      throws CeremonyRefused, Refused, TokenAway {
    if (transcript.state().abandoned(CeremonyPlan.ROOT).isPresent()) {
      throw new CeremonyRefused(
          "the root was given up, since it may have been signed by a run that ended: begin again"
              + " with another plan, token and directory");
    }
    if (isLeft(transcript, CeremonyPlan.ROOT)) {
      certificates(ledgers, CeremonyPlan.ROOT)
          .root(ROOT, key, CeremonyProfiles.of(root), root.subject(), root.notAfter());
    }
    return Results.certificate(transcript.state(), CeremonyPlan.ROOT);
  }

  private void certify(
      Transcript transcript,
      TranscriptLedgers ledgers,
      Issuer issuer,
      CeremonyPlan.Item item,
      Keys.Subject subject)
      throws Refused, TokenAway {
    if (isLeft(transcript, item.name())) {
      Profile profile = CeremonyProfiles.of(item, issuer.urls(), subject);
      certificates(ledgers, item.name())
          .below(issuer, profile, subject.key(), subject.name(), item.notAfter());
    }
  }

  private CaCertificates certificates(TranscriptLedgers ledgers, String item) {
    return new CaCertificates(ledgers.certificate(item), ledgers.revocations(), clock, random);
  }

  private void publish(TranscriptLedgers ledgers, CrlIssuer issuer)
      throws TokenAway, CeremonyRefused {
    try {
      // Only what is public is ever in it: the list while it is built.
      Path folder = Files.createTempDirectory("ceremony-crl");
      CrlShelf shelf = new CrlShelf(ledgers.crl(), clock, folder);
      try (CrlPublisher publisher =
          new CrlPublisher(
              List.of(issuer), ledgers.crl(), ledgers.revocations(), shelf, clock, name -> {})) {
        publisher.publish(CrlScope.unsharded(ROOT));
      } finally {
        delete(folder);
      }
    } catch (TokenAway e) {
      ledgers.abandon(CeremonyPlan.CRL);
      throw e;
    } catch (IOException e) {
      ledgers.abandon(CeremonyPlan.CRL);
      throw new CeremonyRefused("the CRL cannot be built: " + e.getMessage());
    }
  }

  private static void delete(Path folder) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
      for (Path file : files) {
        Files.delete(file);
      }
    }
    Files.delete(folder);
  }

  /** A rehearsal has neither an earlier root's key nor the token: others stand in for them. */
  private CeremonyPlan held(
      Transcript transcript, CeremonyPlan plan, Optional<X509CertificateHolder> earlier)
      throws Refused {
    return isRehearsal()
        ? Rehearsal.plan(plan, earlier, transcript.state().lines().getFirst().time())
        : plan;
  }

  /** The certificate in these octets. */
  static X509CertificateHolder decoded(Der certificate) {
    try {
      return new X509CertificateHolder(certificate.bytes());
    } catch (IOException e) {
      throw new IllegalArgumentException("not a certificate", e);
    }
  }
}
