package dev.chancery.server.ceremony;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A plan that expires on the way: an end is all that is left, and it can be verified. */
@DisplayName("A ceremony whose plan expired on the way")
class LateCeremonyTest {
  private static final Instant BEGIN = Instant.parse("2026-06-01T12:00:00Z");
  private static final Duration LATE = Duration.ofDays(300);
  private static final List<String> ALL = CeremonyScene.ITEMS;

  @TempDir static Path folder;
  private static CeremonyScene scene;
  private static int outs;

  private final Path out = folder.resolve("out-" + ++outs);
  private final String token = "token-" + outs;

  @BeforeAll
  static void rehearse() throws Exception {
    scene = new CeremonyScene(folder);
    scene.rehearse();
    scene.prepare();
  }

  @AfterEach
  void backInTime() {
    scene.clock.advance(Duration.between(scene.clock.instant(), BEGIN));
    scene.module = Optional.empty();
    scene.asked = item -> {};
    scene.tick = Duration.ZERO;
  }

  @AfterAll
  static void restore() throws Exception {
    scene.restore();
  }

  /** As kill -9: nothing catches it on the way. */
  private static final class Killed extends Error {
    private static final long serialVersionUID = 1L;
  }

  private static Transcript.Disk killing(String event, boolean written) {
    return (file, octets) -> {
      boolean here =
          new String(octets, StandardCharsets.UTF_8).contains("\"event\":\"" + event + "\"");
      if (!here || written) {
        Folder.append(file, octets);
      }
      if (here) {
        throw new Killed();
      }
    };
  }

  private static String of(String event, String item) {
    return event + "\",\"item\":\"" + item;
  }

  private TranscriptState state() throws Exception {
    return TranscriptState.of(Files.readAllBytes(out.resolve(Transcript.FILE)));
  }

  private void endAt(String event, boolean written) throws Exception {
    Ceremony ended = scene.ceremony(out, token, true, scene.typing(ALL), killing(event, written));
    assertThatThrownBy(ended::run).isInstanceOf(Killed.class);
  }

  /** Any run after the plan has expired; there is no module that could be loaded, or sign. */
  private Ceremony lateRun(Transcript.Disk disk, String typed) throws Exception {
    scene.clock.advance(Duration.between(scene.clock.instant(), BEGIN.plus(LATE)));
    scene.module = Optional.of(folder.resolve("no-module.so"));
    return scene.ceremony(out, token, true, scene.typing(List.of(typed)), disk);
  }

  static Stream<Arguments> ends() {
    List<String> none = List.of();
    return Stream.of(
        Arguments.of("initializing", true, none, none),
        Arguments.of("marking", true, none, none),
        Arguments.of("generated", true, none, none),
        Arguments.of(of("signing", "root"), true, none, List.of("root")),
        Arguments.of(of("signed", "root"), true, List.of("root"), none),
        Arguments.of(of("signing", "web"), false, List.of("root"), none),
        Arguments.of(of("signing", "web"), true, List.of("root"), List.of("web")),
        Arguments.of(of("signed", "web"), false, List.of("root"), List.of("web")),
        Arguments.of(of("signed", "web"), true, List.of("root", "web"), none),
        Arguments.of(of("signing", "crl"), true, ALL.subList(0, 4), List.of("crl")),
        Arguments.of(of("signed", "crl"), true, ALL, none));
  }

  @ParameterizedTest
  @MethodSource("ends")
  @DisplayName("is ended wherever it was, makes nothing more, and is verified")
  void isEnded(String event, boolean written, List<String> made, List<String> givenUp)
      throws Exception {
    endAt(event, written);
    scene.said.clear();

    lateRun(Folder::append, "end").run();

    requireEnded(made, givenUp);
    // Done anew it changes nothing.
    byte[] before = Files.readAllBytes(out.resolve(Transcript.FILE));
    scene.ceremony(out, token, true, scene.typing(List.of()), Folder::append).run();
    assertThat(Files.readAllBytes(out.resolve(Transcript.FILE))).isEqualTo(before);
  }

  private void requireEnded(List<String> made, List<String> givenUp) throws Exception {
    List<String> left = new ArrayList<>(ALL);
    left.removeAll(made);
    left.removeAll(givenUp);
    assertThat(state().lines().stream().map(TranscriptLine::entry))
        .contains(new TranscriptEntry.Late("2027-01-01T00:00:00Z"))
        .endsWith(new TranscriptEntry.Ended(made, givenUp, left));
    for (String item : left) {
      assertThat(scene.said).contains("  not made: " + item);
    }
    assertThat(
            scene.said.contains(
                "There is no root, so that nothing can be imported: begin again"
                    + " with another plan, token and directory."))
        .isEqualTo(!made.contains("root"));

    assertThatThrownBy(() -> Verification.verify(new Folder(out), false))
        .hasMessageContaining("transcript.jsonl is signed by 0 of 3 witnesses");
    scene.close(out);
    Outcome outcome = CeremonyTool.verify(out, true);
    assertThat(outcome.made()).isEqualTo(made);
    assertThat(outcome.abandoned()).isEqualTo(givenUp);
    assertThat(outcome.notMade()).isEqualTo(left);
    assertThat(outcome.hasRoot()).isEqualTo(made.contains("root"));
    assertThat(outcome.end())
        .isEqualTo(
            "late: the plan expired at 2027-01-01T00:00:00Z before its end; not made: "
                + (left.isEmpty() ? "nothing" : String.join(", ", left)));
    assertThat(Files.readString(out.resolve(TranscriptPage.FILE)))
        .contains("late: the plan expired at 2027-01-01T00:00:00Z", "ended; not made: ");
  }

  @ParameterizedTest
  @CsvSource({
    "resumed, false",
    "resumed, true",
    "witnessed, true",
    "late, false",
    "late, true",
    "abandoned, true",
    "ended, false",
    "ended, true"
  })
  @DisplayName("is ended by the next run when the one that ended it was ended itself")
  void endOfTheEnd(String event, boolean written) throws Exception {
    endAt(of("signing", "web"), true);
    Ceremony ended = lateRun(killing(event, written), "end");
    assertThatThrownBy(ended::run).isInstanceOf(Killed.class);

    lateRun(Folder::append, "end").run();

    requireEnded(List.of("root"), List.of("web"));
    assertThat(
            state().lines().stream().filter(line -> line.entry() instanceof TranscriptEntry.Late))
        .hasSize(1);
  }

  @Test
  @DisplayName("has nothing written down before it was agreed: a wrong clock spoils nothing")
  void wrongClock() throws Exception {
    endAt(of("signed", "web"), true);
    byte[] before = Files.readAllBytes(out.resolve(Transcript.FILE));

    Ceremony late = lateRun(Folder::append, "root");
    assertThatThrownBy(late::run)
        .isInstanceOf(CeremonyRefused.class)
        .hasMessageContaining(
            "the plan expired at 2027-01-01T00:00:00Z, it is 2027-03-28T12:00:00Z: the ceremony"
                + " can only be ended, and was not");
    assertThat(Files.readAllBytes(out.resolve(Transcript.FILE))).isEqualTo(before);

    backInTime();
    scene.ceremony(out, token, true, scene.typing(ALL), Folder::append).run();
    assertThat(state().made()).isEqualTo(ALL);
    assertThat(state().late()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"2026-06-02T12:00:00Z", "2027-01-01T00:00:00Z"})
  @DisplayName("by a clock that is set right before the end is agreed to goes on: it is not late")
  void mendedClock(Instant right) throws Exception {
    endAt(of("signed", "web"), true);
    byte[] before = Files.readAllBytes(out.resolve(Transcript.FILE));
    Ceremony late = lateRun(Folder::append, "end");
    scene.asked = item -> scene.clock.advance(Duration.between(scene.clock.instant(), right));

    assertThatThrownBy(late::run)
        .isInstanceOf(CeremonyRefused.class)
        .hasMessageContaining(
            "the plan expires at 2027-01-01T00:00:00Z, it is %s since the clock was set"
                .formatted(right));
    assertThat(Files.readAllBytes(out.resolve(Transcript.FILE))).isEqualTo(before);

    scene.asked = item -> {};
    scene.module = Optional.empty();
    scene.ceremony(out, token, true, scene.typing(ALL), Folder::append).run();
    scene.close(out);
    assertThat(Verification.verify(new Folder(out), true).state().made()).isEqualTo(ALL);
  }

  @Test
  @DisplayName("is late by the time at which that was agreed to, whatever is done with the clock")
  void agreedTime() throws Exception {
    endAt(of("signing", "web"), true);
    // Back with each look that follows the one at what was typed.
    scene.asked = item -> scene.tick = LATE.negated();

    lateRun(Folder::append, "end").run();
    requireEnded(List.of("root"), List.of("web"));
  }

  @Test
  @DisplayName("and which had done nothing with the token is refused: there is nothing to end")
  void nothingToEnd() throws Exception {
    endAt("approved", true);

    Ceremony late = lateRun(Folder::append, "end");
    assertThatThrownBy(late::run)
        .hasMessageContaining("the plan expired at 2027-01-01T00:00:00Z, it is ");
    assertThat(state().isCompleted()).isFalse();
    assertThat(state().late()).isEmpty();
  }

  @Test
  @DisplayName("is not ended with another plan, or without the witnesses' signatures")
  void notAnyEnd() throws Exception {
    endAt(of("signed", "web"), true);
    Path signature = scene.in().resolve("plan.yaml.bert.sig");
    Path aside = folder.resolve("aside.sig");
    Files.move(signature, aside);
    scene.manifest();
    try {
      Ceremony late = lateRun(Folder::append, "end");
      assertThatThrownBy(late::run).hasMessageContaining("signed by 1 of 3 witnesses");
      assertThat(state().late()).isEmpty();
    } finally {
      Files.move(aside, signature);
      scene.manifest();
    }
    scene.plan(CeremonyScene.PLAN.replace("number: 7", "number: 8"));
    scene.manifest();
    try {
      Ceremony late = lateRun(Folder::append, "end");
      assertThatThrownBy(late::run).hasMessageContaining("the plan is not the one that");
      assertThat(state().late()).isEmpty();
    } finally {
      scene.plan(CeremonyScene.PLAN);
      scene.manifest();
    }

    lateRun(Folder::append, "end").run();
    requireEnded(List.of("root", "web"), List.of());
  }

  @Test
  @DisplayName("says by its status what is to be done, before and after")
  void status() throws Exception {
    CeremonyTool tool =
        new CeremonyTool(
            CeremonyScene.SILENT, scene.clock, new java.security.SecureRandom(), "test");
    endAt("approved", true);
    assertThat(tool.status(out).getLast()).contains("the token was not used", "another plan");
    endAt(of("signed", "web"), true);
    assertThat(tool.status(out).getLast())
        .isEqualTo(
            "not complete: run it again; after the plan's until that ends it, with what is left"
                + " not made");
    Ceremony ended = lateRun(killing("late", true), "end");
    assertThatThrownBy(ended::run).isInstanceOf(Killed.class);
    assertThat(tool.status(out).getLast())
        .isEqualTo("late: run it again, and it ends with what is left not made");
    lateRun(Folder::append, "end").run();
    assertThat(tool.status(out))
        .contains("not made: old-by-new", "not made: root-ocsp", "not made: crl")
        .endsWith("ended, late: nothing more is made");
  }

  private interface Change {
    List<TranscriptLine> of(TranscriptLine line);
  }

  static Stream<Arguments> lies() {
    return Stream.of(
        lie(
            "without the line that it was late",
            "it ends before its end, and was not late",
            line -> line.entry() instanceof TranscriptEntry.Late ? List.of() : List.of(line)),
        lie(
            "passed off as complete",
            "old-by-new was not signed, and the plan has it",
            line ->
                switch (line.entry()) {
                  case TranscriptEntry.Late _ -> List.of();
                  case TranscriptEntry.Ended end -> List.of(completed(line, end));
                  default -> List.of(line);
                }),
        lie(
            "late, and complete all the same",
            "it goes on though the plan expired",
            line ->
                line.entry() instanceof TranscriptEntry.Ended end
                    ? List.of(completed(line, end))
                    : List.of(line)),
        lie(
            "an item of which nothing is said",
            "what it says was not made is not what is left of the plan",
            line -> ended(line, List.of("old-by-new", "crl"))),
        lie(
            "an item that was made, as not made",
            "what it says was not made is not what is left of the plan",
            line -> ended(line, List.of("web", "old-by-new", "root-ocsp", "crl"))),
        lie(
            "an item that is none, as not made",
            "what it says was not made is not what is left of the plan",
            line -> ended(line, List.of("old-by-new", "root-ocsp", "crl", "www"))),
        lie(
            "late before the plan expired",
            "it says that it was late, and the plan had not expired, at line ",
            line -> List.of(at(line, line.time().isAfter(UNTIL) ? UNTIL : line.time()))),
        lie(
            "late by another time than the plan's",
            "it says that it was late, and the plan had not expired, at line ",
            line ->
                line.entry() instanceof TranscriptEntry.Late
                    ? List.of(Forgery.with(line, new TranscriptEntry.Late("2026-07-01T00:00:00Z")))
                    : List.of(line)),
        lie(
            "late in the middle, and signing after it",
            "it goes on though the plan expired",
            line ->
                switch (line.entry()) {
                  case TranscriptEntry.Signing signing when signing.item().equals("web") ->
                      List.of(
                          Forgery.with(line, new TranscriptEntry.Late("2027-01-01T00:00:00Z")),
                          line);
                  case TranscriptEntry.Late _ -> List.of();
                  default -> List.of(line);
                }),
        lie(
            "a signature after the plan expired",
            "something was signed outside the time of the plan",
            new Change() {
              private boolean after;

              @Override
              public List<TranscriptLine> of(TranscriptLine line) {
                after |=
                    line.entry() instanceof TranscriptEntry.Signing signing
                        && signing.item().equals("web");
                return List.of(
                    after && line.time().isBefore(UNTIL) ? at(line, UNTIL.plusMillis(1)) : line);
              }
            }));
  }

  private static final Instant UNTIL = Instant.parse("2027-01-01T00:00:00Z");

  private static Arguments lie(String name, String reason, Change change) {
    return Arguments.of(name, reason, (Function<TranscriptLine, List<TranscriptLine>>) change::of);
  }

  private static TranscriptLine completed(TranscriptLine line, TranscriptEntry.Ended end) {
    return Forgery.with(line, new TranscriptEntry.Completed(end.made(), end.abandoned()));
  }

  private static List<TranscriptLine> ended(TranscriptLine line, List<String> notMade) {
    return line.entry() instanceof TranscriptEntry.Ended end
        ? List.of(
            Forgery.with(line, new TranscriptEntry.Ended(end.made(), end.abandoned(), notMade)))
        : List.of(line);
  }

  private static TranscriptLine at(TranscriptLine line, Instant time) {
    return new TranscriptLine(line.number(), line.previous(), time, line.entry());
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("lies")
  @DisplayName("is not verified when its transcript lies, though all witnesses sign it:")
  void lies(String name, String reason, Function<TranscriptLine, List<TranscriptLine>> change)
      throws Exception {
    endAt(of("signed", "web"), true);
    lateRun(Folder::append, "end").run();
    scene.close(out);
    assertThat(Verification.verify(new Folder(out), true).state().notMade())
        .containsExactly("old-by-new", "root-ocsp", "crl");

    Forgery.rewrite(scene, out, change);

    assertThatThrownBy(() -> Verification.verify(new Folder(out), true))
        .describedAs(name)
        .isInstanceOf(CeremonyRefused.class)
        .hasMessageContaining(reason);
  }
}
