package dev.chancery.server.ceremony;

import java.security.SecureRandom;
import java.time.Clock;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bouncycastle.cert.X509CertificateHolder;

/** What a ceremony refuses before a token is touched. */
final class Admission {
  /**
   * What was found right.
   *
   * @param subjects what is certified for each item, in their order
   * @param earlierRoot the certificate of the root when it is there already
   * @param rehearsal the digest of the transcript of the rehearsal; empty in a rehearsal
   */
  record Admitted(
      Map<CeremonyPlan.Item, Keys.Subject> subjects,
      Optional<X509CertificateHolder> earlierRoot,
      String rehearsal) {}

  private final boolean isRehearsal;
  private final Machine machine;
  private final Clock clock;
  private final SecureRandom random;

  Admission(boolean isRehearsal, Machine machine, Clock clock, SecureRandom random) {
    this.isRehearsal = isRehearsal;
    this.machine = machine;
    this.clock = clock;
    this.random = random;
  }

  /** Checks all of it; the transcript then says who has signed the plan. */
  Admitted require(Transcript transcript, CeremonyPlan plan, String digest, Manifest inputs)
      throws CeremonyRefused {
    requireTime(plan);
    Map<CeremonyPlan.Item, Keys.Subject> subjects = new LinkedHashMap<>();
    for (CeremonyPlan.Item item : plan.items()) {
      Keys.Subject subject = Keys.of(item, inputs);
      subjects.put(item, isRehearsal ? Rehearsal.marked(subject) : subject);
    }
    Optional<X509CertificateHolder> earlier = EarlierRoots.certificate(plan, inputs);
    if (earlier.isPresent()) {
      EarlierRoots.requireBelow(earlier.get(), plan, subjects, clock, random);
    }
    requireWitnesses(transcript, plan, digest, inputs);
    String rehearsal = "";
    if (!isRehearsal) {
      rehearsal = requireRehearsal(transcript.state(), plan, digest, inputs);
      requireOffline(plan);
    }
    return new Admitted(subjects, earlier, rehearsal);
  }

  private void requireTime(CeremonyPlan plan) throws CeremonyRefused {
    Instant now = clock.instant();
    if (now.isAfter(plan.until())) {
      throw new CeremonyRefused("the plan expired at " + plan.until() + ", it is " + now);
    }
    if (!isRehearsal && now.isBefore(plan.from())) {
      throw new CeremonyRefused("the plan is for " + plan.from() + " and later, it is " + now);
    }
  }

  /** A rehearsal comes before the witnesses sign, but a wrong signature is wrong there too. */
  private void requireWitnesses(
      Transcript transcript, CeremonyPlan plan, String digest, Manifest inputs)
      throws CeremonyRefused {
    Witnesses witnesses = plan.witnesses();
    int needed = isRehearsal ? 0 : witnesses.threshold();
    List<String> signed =
        witnesses.require(inputs, CeremonyPlan.FILE, Witnesses.Purpose.PLAN, needed);
    if (!isRehearsal) {
      inputs.requireSigned(witnesses);
    }
    transcript.append(new TranscriptEntry.Witnessed(digest, signed));
  }

  /**
   * Refuses a plan or a program that was not rehearsed, and to go on with what could not be
   * verified any more.
   *
   * @return the digest of the transcript of the rehearsal
   */
  private String requireRehearsal(
      TranscriptState state, CeremonyPlan plan, String digest, Manifest inputs)
      throws CeremonyRefused {
    if (!inputs.has(Ceremony.REHEARSAL_FILE)) {
      throw new CeremonyRefused(
          "the plan was not rehearsed: " + Ceremony.REHEARSAL_FILE + " is not in the manifest");
    }
    byte[] rehearsal = inputs.read(Ceremony.REHEARSAL_FILE);
    if (!Acts.rehearsed(plan, digest, rehearsal).equals(machine.distribution())) {
      throw new CeremonyRefused("the plan was rehearsed with another distribution than this");
    }
    Acts.requirePermitted(plan, digest, state, rehearsal);
    return Digests.sha256(rehearsal);
  }

  private void requireOffline(CeremonyPlan plan) throws CeremonyRefused {
    if (plan.offline() && !machine.networkInterfaces().isEmpty()) {
      throw new CeremonyRefused(
          "this machine has a network: " + String.join(", ", machine.networkInterfaces()));
    }
  }
}
