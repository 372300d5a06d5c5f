package dev.chancery.server.ceremony;

import java.util.ArrayList;
import java.util.List;

/** The transcript as a page to print and to sign by hand. */
final class TranscriptPage {
  static final String FILE = "transcript.txt";

  private TranscriptPage() {}

  /** Each line has the first digits of its digest, the last one all of them. */
  static String of(TranscriptState state, CeremonyPlan plan) {
    List<String> text = new ArrayList<>();
    TranscriptEntry.Begun begun = state.begun().orElseThrow();
    text.add(
        (begun.mode().equals(TranscriptEntry.REHEARSAL) ? "REHEARSAL of ceremony " : "Ceremony ")
            + begun.ceremony());
    text.add("");
    text.add("plan          SHA-256 " + begun.plan());
    text.add("distribution  SHA-256 " + begun.distribution());
    text.add("program       " + begun.tool());
    text.add("token         serial number " + state.tokenSerial().orElse("none"));
    text.add("");
    for (TranscriptLine line : state.lines()) {
      text.add(
          "%3d  %s  %s  %s"
              .formatted(
                  line.number(), line.time(), line.digest().substring(0, 16), words(line.entry())));
    }
    text.add("");
    text.add("SHA-256 of the last line:");
    text.add(state.lastDigest());
    text.add("");
    text.add("Signed by hand, each with place and date:");
    for (String witness : plan.witnesses().names()) {
      text.add("");
      text.add("  %-40s ______________________________".formatted(witness));
    }
    return String.join("\n", text) + "\n";
  }

  private static String words(TranscriptEntry entry) {
    return switch (entry) {
      case TranscriptEntry.Begun _ -> "begun";
      case TranscriptEntry.Resumed resumed ->
          "begun again with distribution SHA-256 " + resumed.distribution();
      case TranscriptEntry.Refusal refusal -> "refused: " + refusal.reason();
      case TranscriptEntry.Witnessed witnessed ->
          "plan signed by " + String.join(", ", witnessed.witnesses());
      case TranscriptEntry.Approved _ -> "plan approved";
      case TranscriptEntry.Initializing token -> "initializing token " + token.label();
      case TranscriptEntry.Initialized token ->
          "initialized token " + token.label() + ", serial number " + token.serial();
      case TranscriptEntry.Opened token ->
          "opened token " + token.label() + ", serial number " + token.serial();
      case TranscriptEntry.Marking mark ->
          "marking the token for the plan, transcript " + mark.transcript();
      case TranscriptEntry.Marked _ -> "marked the token";
      case TranscriptEntry.Unmarked _ -> "the token bears no mark, as the plan says";
      case TranscriptEntry.Generating key ->
          "making the " + key.algorithm() + " key " + key.keyId();
      case TranscriptEntry.Generated key -> "made the key " + key.keyId();
      case TranscriptEntry.Signing signing ->
          "signing " + signing.item() + ", number " + signing.number();
      case TranscriptEntry.Signed signed ->
          "signed " + signed.item() + ": " + signed.file() + "\n     SHA-256 " + signed.digest();
      case TranscriptEntry.Abandoned abandoned -> "gave up " + abandoned.item();
      case TranscriptEntry.Late late ->
          "late: the plan expired at " + late.until() + ", and nothing more is made";
      case TranscriptEntry.Completed _ -> "completed";
      case TranscriptEntry.Ended ended -> "ended; " + Words.notMade(ended.notMade());
    };
  }
}
