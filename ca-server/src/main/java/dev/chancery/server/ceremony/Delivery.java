package dev.chancery.server.ceremony;

import dev.chancery.server.ConfigurationInvalid;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * What others need of a ceremony that has come to its end: its results, copies of what it was held
 * by, and the page to sign, in its directory.
 */
final class Delivery {
  private final Ceremony.Places places;
  private final Console console;

  Delivery(Ceremony.Places places, Console console) {
    this.places = places;
    this.console = console;
  }

  /** Makes all of it; done anew it changes nothing. */
  void make(TranscriptState state, Manifest inputs, String digest)
      throws CeremonyRefused, ConfigurationInvalid {
    TranscriptEntry.Begun begun = state.begun().orElseThrow();
    if (!begun.plan().equals(digest)) {
      throw new CeremonyRefused("another plan's ceremony is in " + places.out().directory());
    }
    CeremonyPlan plan =
        PlanFile.read(
            places.in().path(CeremonyPlan.FILE),
            inputs.read(CeremonyPlan.FILE),
            places.isRehearsal());
    List<String> carried = new ArrayList<>(plan.digests().keySet());
    carried.add(CeremonyPlan.FILE);
    plan.witnesses().names().stream()
        .map(witness -> Witnesses.signatureFile(CeremonyPlan.FILE, witness))
        .filter(inputs::has)
        .forEach(carried::add);
    for (String file : carried) {
      places.out().write(file, inputs.read(file));
    }
    if (!places.isRehearsal()) {
      places.out().write(Ceremony.REHEARSAL_FILE, shownRehearsal(state, inputs));
    }
    Results.write(state, places.out());
    byte[] page = TranscriptPage.of(state, plan).getBytes(StandardCharsets.UTF_8);
    places.out().write(TranscriptPage.FILE, page);
    byte[] transcript = places.out().read(Transcript.FILE);
    if (places.isRehearsal()) {
      Verification.requireRehearsed(inputs, plan, digest, state);
      places.in().write(Ceremony.REHEARSAL_FILE, transcript);
    } else {
      Verification.requireRight(places.out(), plan, digest, state);
    }
    console.say(
        (places.isRehearsal() ? "The rehearsal" : "The ceremony")
            + (state.late().isPresent() ? " was late, and is ended:" : " is complete:"));
    state.made().forEach(item -> console.say("  signed:   " + item));
    state.abandoned().forEach(item -> console.say("  given up: " + item));
    state.notMade().forEach(item -> console.say("  not made: " + item));
    List<String> unrevoked = unrevoked(state);
    if (!unrevoked.isEmpty()) {
      console.say(
          "No CRL of this ceremony revokes what was given up. The next one owes it, with "
              + String.join(", ", unrevoked));
    }
    if (state.abandoned().contains(CeremonyPlan.CRL)) {
      console.say(
          "There may be a CRL with number %s, so that number is used: the next plan takes a higher"
                  .formatted(state.signing(CeremonyPlan.CRL).orElseThrow().number())
              + " one.");
    }
    if (plan.root() instanceof CeremonyPlan.NewRoot && !state.made().contains(CeremonyPlan.ROOT)) {
      console.say(
          "There is no root, so that nothing can be imported: begin again with another plan, token"
              + " and directory.");
    }
    if (places.isRehearsal()) {
      console.say(
          "Its transcript is %s now, with SHA-256 %s: to be written on paper. The manifest is to be"
                  .formatted(places.in().path(Ceremony.REHEARSAL_FILE), Digests.sha256(transcript))
              + " made anew, and signed.");
    } else {
      console.say(
          "%d of the witnesses sign the transcript in %s now, each with"
              .formatted(plan.witnesses().threshold(), places.out().directory()));
      for (String witness : plan.witnesses().names()) {
        console.say(
            "  " + Witnesses.command(Transcript.FILE, witness, Witnesses.Purpose.TRANSCRIPT));
      }
    }
  }

  /** The serial numbers that may be on certificates, and are on no CRL. */
  private static List<String> unrevoked(TranscriptState state) {
    return state.made().contains(CeremonyPlan.CRL)
        ? List.of()
        : state.abandoned().stream()
            .filter(item -> !item.equals(CeremonyPlan.CRL) && !item.equals(CeremonyPlan.ROOT))
            .map(item -> state.signing(item).orElseThrow().number())
            .toList();
  }

  /** The rehearsal that was shown when the token was used, and no other. */
  private static byte[] shownRehearsal(TranscriptState state, Manifest inputs)
      throws CeremonyRefused {
    byte[] rehearsal = inputs.read(Ceremony.REHEARSAL_FILE);
    String wanted = state.actedUnder().orElseThrow().rehearsal();
    if (!Digests.sha256(rehearsal).equals(wanted)) {
      throw new CeremonyRefused(
          Ceremony.REHEARSAL_FILE
              + ": not the rehearsal that was shown before, whose transcript has SHA-256 "
              + wanted);
    }
    return rehearsal;
  }
}
