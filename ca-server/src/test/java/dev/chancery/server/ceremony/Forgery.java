package dev.chancery.server.ceremony;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;

/** Transcripts that lie: chained anew, their copies made anew, and signed by all witnesses. */
final class Forgery {
  private Forgery() {}

  /**
   * Puts other lines in the place of each one; their numbers and digests are made anew.
   *
   * @param signers whose witnesses sign
   */
  static void rewrite(
      CeremonyScene signers, Path out, Function<TranscriptLine, List<TranscriptLine>> change)
      throws Exception {
    Path file = out.resolve(Transcript.FILE);
    StringBuilder text = new StringBuilder();
    String previous = TranscriptLine.NONE;
    int number = 0;
    boolean changed = false;
    for (TranscriptLine line : TranscriptState.of(Files.readAllBytes(file)).lines()) {
      List<TranscriptLine> lines = change.apply(line);
      changed |= !lines.equals(List.of(line));
      for (TranscriptLine each : lines) {
        number++;
        TranscriptLine next = new TranscriptLine(number, previous, each.time(), each.entry());
        text.append(new String(next.octets(), StandardCharsets.UTF_8)).append('\n');
        previous = next.digest();
      }
    }
    assertThat(changed).isTrue();
    Files.writeString(file, text.toString());
    try {
      TranscriptState state = TranscriptState.of(text.toString().getBytes(StandardCharsets.UTF_8));
      CeremonyPlan plan =
          PlanFile.read(
              out.resolve("plan.yaml"), Files.readAllBytes(out.resolve("plan.yaml")), false);
      Files.writeString(out.resolve(TranscriptPage.FILE), TranscriptPage.of(state, plan));
    } catch (CeremonyRefused e) {
      // The transcript alone gives the lie away.
    }
    signers.close(out);
  }

  /** The line with another entry. */
  static TranscriptLine with(TranscriptLine line, TranscriptEntry entry) {
    return new TranscriptLine(line.number(), line.previous(), line.time(), entry);
  }
}
